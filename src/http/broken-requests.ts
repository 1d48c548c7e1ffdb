import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, Fault } from '../errors.ts'
import { PROBLEM_TYPE, problemOf, statusOf } from './problem.ts'
import { newRequestId } from './request-id.ts'

/** What Node.js says of what it could not read as a request. */
const CODES: Record<string, [ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not come in time.'],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are larger than 16 kB.'],
}

/**
 * Answers what did not come in time or is not HTTP, and closes the connection. It has neither URL nor id, and
 * who has sent nothing yet is told nothing: browsers open connections that they may never use.
 */
export function answerBroken(
  constant: readonly (readonly [name: string, value: string])[],
  publicUrl: string,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    const [code, detail] = CODES[error.code ?? ''] ?? ['invalid_request', 'This is not valid HTTP.']
    if (socket.writable && socket.bytesRead > 0 && error.code !== 'ECONNRESET') {
      const id = newRequestId()
      const body = problemOf(new Fault(code, detail), { url: '', id }, publicUrl)
      const status = statusOf(code)
      const headers = [
        ...constant,
        ['content-type', PROBLEM_TYPE],
        ['content-length', String(Buffer.byteLength(body))],
        ['cache-control', 'no-store'],
        ['x-request-id', id],
        ['connection', 'close'],
      ]
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`)
    }
    socket.destroy()
  }
}

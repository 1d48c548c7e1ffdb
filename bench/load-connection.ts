import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: (\d+)/i

/** An answer as far as the load generator looks at it. */
export type Answer = { status: number; bytes: number }

/**
 * A keep-alive connection that has one request under way at a time. It reads of an answer just the
 * status and the length: parsing whole answers, as HTTP clients do, takes longer than a bare
 * node:http server takes to make them, and so would measure the client. Answers without a
 * Content-Length end the connection with an error.
 */
export class Connection {
  readonly #socket: Socket
  #head = ''
  /** Bytes of the body still to come; undefined while the head is being read. */
  #left: number | undefined
  #answer: Answer = { status: 0, bytes: 0 }

  constructor(port: number, onAnswer: (answer: Answer) => void, onError: (error: Error) => void) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => {
      if (this.#read(chunk)) onAnswer(this.#answer)
    })
    this.#socket.on('error', onError)
    this.#socket.on('close', () => onError(new Error('the server closed a connection')))
  }

  send(request: string | Buffer): void {
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  /** True when the answer is whole. */
  #read(chunk: Buffer): boolean {
    if (this.#left !== undefined) {
      this.#left -= chunk.length
      return this.#end()
    }
    const end = chunk.indexOf(HEAD_END)
    if (end === -1 || this.#head !== '') {
      // A head in several pieces is rare: then it is read as one text.
      this.#head += chunk.toString('latin1')
      const at = this.#head.indexOf(HEAD_END)
      if (at === -1) return false
      const rest = this.#head.length - at - HEAD_END.length
      this.#begin(this.#head.slice(0, at), rest)
      this.#head = ''
      return this.#end()
    }
    this.#begin(chunk.toString('latin1', 0, end), chunk.length - end - HEAD_END.length)
    return this.#end()
  }

  #begin(head: string, received: number): void {
    const length = LENGTH.exec(head)?.[1]
    if (length === undefined) {
      this.#socket.destroy(new Error(`an answer without Content-Length: ${head.slice(0, 200)}`))
      return
    }
    this.#answer = { status: Number(head.slice(9, 12)), bytes: Number(length) }
    this.#left = this.#answer.bytes - received
  }

  #end(): boolean {
    if (this.#left !== 0) return false
    this.#left = undefined
    return true
  }
}

import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** How often a comment is sent where nothing happens, so that nobody between takes the line for dead, in ms. */
const HEARTBEAT = 15_000
/** How long a reader may leave what was sent unread before it is dropped, in ms. */
const PATIENCE = 10_000

/** A message: its data is one line of JSON. */
export type Message = { id: string; event: string; data: string }

export type EventStream = {
  /** Given when the reader has gone, or was dropped. */
  signal: AbortSignal
  /**
   * Sends messages and waits until they are read as far as the socket holds no more than it may: a reader
   * that lets them lie for ten seconds is dropped, and goes on later where it was. How many were sent.
   */
  send(messages: readonly Message[]): Promise<number>
  close(): void
}

/**
 * How streams are opened on an app; those that are open end when it closes, and their readers come again,
 * here or elsewhere.
 */
export function eventStreams(app: FastifyInstance): (reply: FastifyReply) => EventStream {
  const open = new Set<EventStream>()
  app.addHook('preClose', async () => {
    for (const stream of open) stream.close()
  })
  return (reply) => {
    const stream = openStream(reply)
    open.add(stream)
    stream.signal.addEventListener('abort', () => open.delete(stream))
    return stream
  }
}

/** Begins server-sent events (WHATWG HTML, section 9.2) on an answer, past the framework. */
function openStream(reply: FastifyReply): EventStream {
  const response: ServerResponse = reply.raw
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies that collect what they pass on would hold it back.
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    vary: 'Authorization',
    'x-request-id': reply.request.id,
  })
  const gone = new AbortController()
  const heart = setInterval(() => {
    // Only where nothing lies unread; whoever does not read is looked after by `send`.
    if (response.writableLength === 0) response.write(':\n\n')
  }, HEARTBEAT)
  const stream: EventStream = {
    signal: gone.signal,
    async send(messages) {
      let sent = 0
      for (const { id, event, data } of messages) {
        if (gone.signal.aborted) return sent
        const text = `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
        if (!(await written(response, text))) return sent
        sent++
      }
      return sent
    },
    close() {
      response.end()
      gone.abort()
    },
  }
  response.on('close', () => {
    clearInterval(heart)
    gone.abort()
  })
  // So that the reader knows that it is there.
  response.write(':\n\n')
  return stream
}

/**
 * Writes, and waits until the network has taken it; drops a reader that takes nothing. Whether it was taken:
 * what lies here unsent has been given to nobody.
 */
function written(response: ServerResponse, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), PATIENCE)
    response.write(text, (error) => {
      clearTimeout(timer)
      resolve(!error)
    })
  })
}

import { once } from 'node:events'
import { lstat, stat } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { readState, stateFile } from './embedded-state.ts'

/** What a keeper tells a client, one JSON text a line. It hears nothing but the connection's end. */
export type Message =
  | { note: string }
  | { error: string }
  /** Another keeper has the server: connect to that one. */
  | { again: true }
  | { welcome: Welcome }

/** The server is ready, and stays while this connection does. */
export interface Welcome {
  url: string
  dataDir: string
  started: boolean
}

/** Sends one message; resolves when it is out or can no longer be sent. */
export function send(socket: Socket, message: Message): Promise<void> {
  return new Promise((resolve) => socket.write(`${JSON.stringify(message)}\n`, () => resolve()))
}

/**
 * Waits for the welcome, passing notes on. Gives `'again'` when the keeper says so, and undefined when
 * the connection closed without a word. Throws what the keeper gives as error.
 */
export function receive(
  socket: Socket,
  note: (text: string) => void,
): Promise<Welcome | 'again' | undefined> {
  return new Promise((resolve, reject) => {
    let rest = ''
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('close', () => resolve(undefined))
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const message: Message = JSON.parse(line)
        if ('note' in message) note(message.note)
        else if ('error' in message) reject(new Error(message.error))
        else resolve('again' in message ? 'again' : message.welcome)
      }
    })
  })
}

/** A connection to the keeper that published itself last, or undefined when nobody listens there. */
export async function reachKeeper(dataDir: string): Promise<Socket | undefined> {
  const path = (await readState(dataDir))?.keeper
  if (!path) return undefined
  try {
    // Temporary folders are open to all: a keeper that is gone must not be replaced by a stranger.
    const [folder, state] = await Promise.all([lstat(dirname(path)), stat(stateFile(dataDir))])
    if (folder.uid !== state.uid) return undefined
    const socket = createConnection(path)
    await once(socket, 'connect')
    return socket
  } catch {
    return undefined
  }
}

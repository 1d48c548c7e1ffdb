import { randomBytes } from 'node:crypto'
import { chown, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What `DATA_DIR/postgres.json` (mode 600) says of the embedded server. */
export interface ServerState {
  /** Of the role `dateline`. */
  password: string
  /** On 127.0.0.1, as it was last; kept from start to start while nobody else takes it. */
  port?: number
  /** The Unix socket of the keeper that published itself last. It may be gone. */
  keeper?: string
}

/** The path of the state file. */
export function stateFile(dataDir: string): string {
  return join(dataDir, 'postgres.json')
}

/** The state, or undefined when there is none yet. Throws when the file cannot be read or parsed. */
export async function readState(dataDir: string): Promise<ServerState | undefined> {
  const file = stateFile(dataDir)
  try {
    const state: ServerState = JSON.parse(await readFile(file, 'utf8'))
    if (typeof state.password === 'string') return state
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code) throw new Error(`${file} cannot be read (${code}): it belongs to who started first`)
  }
  throw new Error(`${file} is damaged: delete it, the next start makes a new one`)
}

/** The state; where there is none, one with a new random password. All callers at once get the same. */
export async function ensureState(dataDir: string): Promise<ServerState> {
  for (;;) {
    const state = await readState(dataDir)
    if (state) return state
    const draft = await writeDraft(dataDir, { password: randomBytes(32).toString('base64url') })
    try {
      // Unlike rename, link refuses to replace: the first one's password holds.
      await link(draft, stateFile(dataDir))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      await rm(draft, { force: true })
    }
  }
}

/** Replaces the state in one step. Only for the keeper that holds the server. */
export async function writeState(dataDir: string, state: ServerState): Promise<void> {
  await rename(await writeDraft(dataDir, state), stateFile(dataDir))
}

async function writeDraft(dataDir: string, state: ServerState): Promise<string> {
  const draft = `${stateFile(dataDir)}.${process.pid}`
  await rm(draft, { force: true })
  await writeFile(draft, `${JSON.stringify(state)}\n`, { mode: 0o600, flag: 'wx', flush: true })
  // A start as root in the folder of an ordinary user must not shut that user out.
  const { uid, gid } = await stat(dataDir)
  if (process.getuid?.() === 0) await chown(draft, uid, gid)
  return draft
}

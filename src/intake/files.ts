import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Actor } from '../actor.ts'
import type { Database } from '../db/client.ts'
import { transaction } from '../db/transaction.ts'
import { storyFromMarkdown } from '../importing/markdown.ts'
import type { Story } from '../importing/story.ts'
import { storyFromText } from '../importing/text.ts'
import { ingest, type Taken } from './ingest.ts'

/** Which format reads which ending. */
const FORMATS: Record<string, (source: string) => Story> = {
  '.txt': storyFromText,
  '.text': storyFromText,
  '.md': storyFromMarkdown,
  '.markdown': storyFromMarkdown,
}

/** Larger is no story: the largest body is 100,000 characters, at most four bytes each. */
const MAX_BYTES = 2 * 1024 * 1024

export type Options = { publish: boolean; confirmQuotes: boolean; dryRun: boolean }
export type Result = { file: string } & ({ taken: Taken } | { fault: Error })

class DryRun extends Error {
  readonly taken: Taken
  constructor(taken: Taken) {
    super('dry run')
    this.taken = taken
  }
}

/**
 * Imports one file, whole or not at all. Its origin is the hash of its bytes, so the same file
 * again, under any name and from any folder, changes nothing. A dry run does everything and takes it
 * back. Never throws: a fault of the file is its result.
 */
export async function importFile(
  db: Database,
  actor: Actor,
  file: string,
  options: Options,
): Promise<Result> {
  try {
    const { size } = await stat(file)
    if (size > MAX_BYTES) throw new Error('is larger than 2 MB')
    const bytes = await readFile(file)
    const story = readStory(file, bytes)
    const id = createHash('sha256').update(bytes).digest('hex')
    const taken = await transaction(db, async (tx) => {
      const result = await ingest({ tx, actor }, story, {
        origin: { system: 'file', id },
        publish: options.publish ? 'all' : 'none',
        confirmQuotes: options.confirmQuotes,
      })
      if (options.dryRun) throw new DryRun(result)
      return result
    })
    return { file, taken }
  } catch (error) {
    if (error instanceof DryRun) return { file, taken: error.taken }
    return { file, fault: error as Error }
  }
}

function readStory(file: string, bytes: Buffer): Story {
  const format = FORMATS[extname(file).toLowerCase()]
  if (!format) throw new Error(`must end in ${Object.keys(FORMATS).join(', ')}`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not UTF-8 text')
  }
  return format(text)
}

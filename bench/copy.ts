import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from } from 'pg-copy-streams'

/** A value of a column: an object is JSON, an array one of text, null is null. */
export type Value = string | number | boolean | null | object

/** Rows for a table, in the order of its columns. */
export type Rows = { table: string; columns: readonly string[]; rows: Iterable<readonly Value[]> }

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function field(value: Value): string {
  if (value === null) return '\\N'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character)
}

/** Bytes gathered before they are handed to the socket. */
const CHUNK = 256 * 1024

/** Sends rows into a table with COPY. */
export async function copyInto(client: pg.Client, { table, columns, rows }: Rows): Promise<void> {
  const stream = client.query(from(`COPY ${table} (${columns.join(', ')}) FROM STDIN`))
  const done = finished(stream)
  let text = ''
  for (const row of rows) {
    text += `${row.map(field).join('\t')}\n`
    if (text.length < CHUNK) continue
    if (!stream.write(text)) await Promise.race([once(stream, 'drain'), done])
    text = ''
  }
  stream.end(text)
  await done
}

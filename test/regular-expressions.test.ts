import { readdir, readFile } from 'node:fs/promises'
import { check } from 'recheck'
import t from 'tap'
import { readPatterns } from './modules.ts'

/*
 * No regular expression of the service takes more than a time in proportion to the text it is given
 * (recheck, which looks for the text that would take longest).
 */

/** What recheck finds and no caller can use: path, the pattern's beginning, why. */
const KNOWN: [path: string, begins: string, why: string][] = [
  ['config.ts', '\\/+$', 'settings are the operator’s'],
  ['config.ts', '\\{([^}]*)', 'settings are the operator’s'],
  ['db/keeper-server.ts', 'could not bind', 'the log of our own PostgreSQL'],
  ['db/keeper-server.ts', 'lock file', 'the log of our own PostgreSQL'],
  ['http/json.ts', '"[^', 'run over what JSON.parse has taken: every quotation mark has its other'],
  ['importing/layout.ts', '^(?:(?:published', 'lines of less than 70 characters'],
  ['importing/related.ts', '^(?:related', 'lines of less than 60 characters'],
  ['importing/related.ts', '^(.{0,300}?)', 'lines of at most 2,500 characters'],
  ['importing/related.ts', '[\\s–—:|(<-]+$', 'at most 300 characters'],
]

const root = new URL('../src/', import.meta.url)
const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.ts'))
const patterns = (
  await Promise.all(
    files.map(async (path) =>
      readPatterns(await readFile(new URL(path, root), 'utf8')).map((one) => ({ path, ...one })),
    ),
  )
).flat()

t.test('every pattern takes linear time, or is known', { timeout: 600_000 }, async (t) => {
  t.ok(patterns.length > 100, `${patterns.length} patterns`)
  const different = new Map(patterns.map((one) => [`${one.pattern}/${one.flags}`, one]))
  const unknown: string[] = []
  for (const { path, pattern, flags } of different.values()) {
    const found = await check(pattern, flags, { timeout: 10_000 })
    if (found.status === 'safe') continue
    if (KNOWN.some(([at, begins]) => at === path && pattern.startsWith(begins))) continue
    const why = found.status === 'vulnerable' ? found.complexity.summary : found.error.kind
    unknown.push(`${path}: ${found.status} (${why}) /${pattern}/${flags}`)
  }
  t.same(unknown, [])
  for (const [path, begins] of KNOWN) {
    t.ok(
      patterns.some((one) => one.path === path && one.pattern.startsWith(begins)),
      begins,
    )
  }
  t.equal((await check('^(a+)+$', '')).status, 'vulnerable', 'what is vulnerable is found')
})

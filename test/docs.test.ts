import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import t from 'tap'
import { readConfig, SETTINGS } from '../src/config.ts'
import { ERRORS, type ErrorCode } from '../src/errors.ts'
import { statusOf } from '../src/http/problem.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/decisions.md',
  'docs/errors.md',
  'docs/caching.md',
  'docs/formats.md',
  'docs/reading.md',
  'docs/webhooks.md',
]
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** The rows of the table under a heading, as cells; its head and rule are left out. */
function table(path: string, heading: string): string[][] {
  const [, section = ''] = `\n${read(path)}`.split(`\n${heading}\n`)
  const rows = section.split(/\n#+ /)[0]?.match(/^\|.*\|$/gm) ?? []
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** A cell that is nothing but code, without its backticks. */
const code = (cell = '') => /^`([^`]*)`$/.exec(cell)?.[1]

t.test('README.md names every setting, and no others, with its true default', async (t) => {
  const rows = table('README.md', '## Settings')
  t.strictSame(
    rows.map(([name]) => code(name)),
    SETTINGS,
  )
  for (const [name = '', value] of rows) {
    const said = code(value)
    if (said === undefined) continue
    const setting = code(name) ?? ''
    t.same(readConfig({ [setting]: said }), readConfig({}), `${setting} is ${said} by default`)
  }
})

t.test('.env.example names every setting, and no others, with values that work', async (t) => {
  const text = read('.env.example')
  t.strictSame(parseEnv(text), {}, 'nothing is set as long as nobody takes a # away')
  const all = parseEnv(text.replace(/^#(?=[A-Z_]+=)/gm, ''))
  t.strictSame(Object.keys(all).sort(), SETTINGS.toSorted())
  t.doesNotThrow(() => readConfig(all as Record<string, string>))
})

t.test('docs/errors.md names every code with its status, and no others', async (t) => {
  const documented = table('docs/errors.md', '# Errors').map(([name, status]) => [
    code(name),
    Number(status),
  ])
  const codes = Object.keys(ERRORS) as ErrorCode[]
  t.strictSame(
    documented,
    codes.map((name) => [name, statusOf(name)]),
  )
})

t.test('the pages name only scripts, files and headings that exist', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const page of PAGES) {
    const text = read(page)
    const named = (pattern: RegExp) => [
      ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
    ]
    for (const script of named(/\bnpm run (?:-s )?([\w:]+)/g)) {
      t.ok(scripts[script], `${page}: npm run ${script}`)
    }
    for (const path of named(/`((?:src|test|docs|migrations|seeds|openapi)\/[\w./-]*)`/g)) {
      t.ok(existsSync(join(ROOT, path)), `${page}: ${path}`)
    }
    for (const link of named(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', heading] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      t.ok(existsSync(join(ROOT, target)), `${page}: ${link}`)
      if (heading) t.ok(headings(target).includes(heading), `${page}: ${link}`)
    }
  }
})

/** The anchors of a page's headings, as GitHub makes them. */
function headings(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

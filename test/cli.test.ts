import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { get, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, sql, app } = room
const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'dateline-cli-'))
t.teardown(() => rm(folder, { recursive: true }))

type Run = { code: number; out: string; err: string }

/** The command line in a process of its own, on the test's database unless told otherwise. */
function cli(
  args: string[],
  env: Record<string, string> = { DATABASE_URL: room.url },
): Promise<Run> {
  return new Promise((resolve) => {
    // A quarter of a second sooner, with the code compiled by the one before.
    const cache = { NODE_COMPILE_CACHE: join(folder, 'compiled') }
    const options = { cwd: folder, env: { PATH: process.env.PATH, ...cache, ...env } }
    execFile(process.execPath, ['--no-warnings', CLI, ...args], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
}

/** How many rows the newsroom's tables have. */
async function counts(): Promise<Record<string, unknown>> {
  const tables = ['articles', 'quotes', 'sources', 'categories', 'slugs', 'article_sources']
  const columns = tables.map((table) => `(select count(*)::int from ${table}) as ${table}`)
  const [row = {}] = await sql(`select ${columns.join(', ')}`)
  return row
}

const write = async (name: string, text: string | Uint8Array) => {
  const file = join(folder, name)
  await writeFile(file, text)
  return file
}

const TEXT = `Harbour wall to be raised by a metre

The harbour wall at Eastmouth will be raised by a metre before the winter.

“We have waited long enough,” said Petra Quill, the harbour master.

Work begins on Monday.
`
const MARKDOWN = `---
slug: ferry-fares
summary: The second rise in a year.
language: en-GB
byline: Ned Farrow
date: 2024-02-03
categories: [Harbour, ferries]
sources:
  - { source: ida-lenz, kind: person, name: Ida Lenz, role: official }
quotes:
  - { text: Nobody likes it, speaker: ida-lenz }
---
# Ferry fares go up

“Nobody likes it,” Ida Lenz said. The **new** fares begin in March.
`

t.test('import takes plain text and Markdown, and says what it made', async (t) => {
  const text = await write('wall.txt', TEXT)
  const markdown = await write('fares.md', MARKDOWN)
  const before = await counts()

  const dry = await cli(['import', '--dry-run', text, markdown])
  t.match(dry, { code: 0, err: '' })
  t.match(dry.out, /2 would be created, 0 unchanged, 0 failed\n$/)
  t.match(dry.out, /headline +Ferry fares go up/)
  t.same(await counts(), before, 'a dry run takes everything back')

  const first = await cli(['import', text, markdown])
  t.match(first, { code: 0, err: '' })
  t.match(first.out, `${text}: draft: harbour-wall-to-be-raised-by-a-metre`)
  t.match(first.out, `${markdown}: draft: ferry-fares`)
  t.match(first.out, /2 created, 0 unchanged, 0 failed\n$/)
  t.equal(dry.out.replace('would be created', 'created'), first.out, 'as the dry run said')

  const wall = await get(
    editor,
    '/v1/articles/harbour-wall-to-be-raised-by-a-metre?include=quotes&body=text',
  )
  t.match(wall, { status: 'draft', headline: 'Harbour wall to be raised by a metre', version: 1 })
  t.match(wall.body.text, /^The harbour wall .*\n\n“We have .*\n\nWork begins on Monday\.$/)
  t.match(wall.quotes, [{ text: 'We have waited long enough', state: 'suggested' }])
  const fares = await get(editor, '/v1/articles/ferry-fares?include=quotes,sources,categories')
  t.match(fares, {
    status: 'draft',
    headline: 'Ferry fares go up',
    summary: 'The second rise in a year.',
    language: 'en-GB',
    byline: 'Ned Farrow',
    body: { html: /<strong>new<\/strong>/ },
    categories: [{ slug: 'harbour', name: 'Harbour' }, { slug: 'ferries' }],
    sources: [{ slug: 'ida-lenz', role: 'official' }],
    quotes: [{ text: 'Nobody likes it', state: 'verified', speaker: { slug: 'ida-lenz' } }],
    origin: { system: 'file' },
  })

  const after = await counts()
  const copy = await write('copy-of-fares.md', MARKDOWN)
  const again = await cli(['import', text, copy])
  t.match(again, { code: 0, out: /0 created, 2 unchanged, 0 failed\n$/ })
  t.match(again.out, `${copy}: unchanged: ferry-fares is there already`)
  t.same(await counts(), after, 'nothing was changed')
  t.equal((await get(editor, '/v1/articles/ferry-fares')).version, 1)
})

t.test('import --publish makes visible, and a file that fails keeps no other out', async (t) => {
  const text = await write('published.txt', TEXT.replace('a metre', 'two metres'))
  const markdown = await write('published.md', MARKDOWN.replace('ferry-fares', 'fares-out'))
  const bad: [file: string, why: RegExp][] = [
    [await write('unknown.md', '---\nheadline: X\nnonsense: 1\n---\nText.\n'), /nonsense/],
    [
      await write('broken.md', '---\nquotes:\n  - { text: x, speaker: no-such }\n---\n# X\n\nY.\n'),
      /no-such/,
    ],
    [await write('long.md', `# ${'x'.repeat(301)}\n\nText.\n`), /300/],
    [await write('latin.txt', Uint8Array.from([0x48, 0xe9, 0x0a])), /UTF-8/],
    [await write('empty.txt', ''), /no text/],
    [await write('story.doc', 'Text'), /\.md/],
    [join(folder, 'missing.txt'), /no such file/],
  ]
  const before = await counts()
  const files = [text, ...bad.map(([file]) => file), markdown]
  const { code, out, err } = await cli(['import', '--publish', '--confirm-quotes', ...files])
  t.match({ code, err }, { code: 1, err: '' })
  t.match(out, `2 created, 0 unchanged, ${bad.length} failed\n`)
  // A report of several lines goes on indented.
  const told = out.split(/\n(?=\S)/)
  for (const [file, why] of bad) {
    const part = told.find((one) => one.startsWith(`${file}: failed: `)) ?? ''
    t.match(part, why, basename(file))
    t.notMatch(part, /\.ts:\d|Failed query/, 'for a human')
  }
  t.match(await counts(), {
    articles: Number(before.articles) + 2,
    quotes: Number(before.quotes) + 2,
  })

  const fares = await get(reader, '/v1/articles/fares-out')
  t.equal(fares.publishedAt, '2024-02-03T00:00:00.000Z', 'the day it bears')
  const [slug] = /harbour-wall[\w-]*/.exec(out) ?? []
  const { quotes } = await get(reader, `/v1/articles/${slug}?include=quotes`)
  t.match(quotes, [{ text: 'We have waited long enough', state: 'verified' }])
})

t.test('keys are made, listed and revoked', async (t) => {
  const made = await cli(['keys', 'create', '--name', 'Front end', '--scopes', 'read,drafts:read'])
  t.match(made, { code: 0, err: '' })
  t.match(made.out, /^dl_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}\n$/, 'the key alone on its line')
  const key = made.out.trim()
  const [{ id }] = (await get(editor, '/v1/keys?limit=1')).data
  const ask = () =>
    app.inject({ url: '/v1/articles?status=draft', headers: { authorization: `Bearer ${key}` } })
  t.equal((await ask()).statusCode, 200)
  const soon = await cli([
    'keys',
    'create',
    '--name',
    'Soon',
    '--scopes',
    'read',
    '--expires',
    '2999-01-01',
  ])
  t.equal(soon.code, 0)

  t.match(await cli(['keys', 'revoke', id]), { code: 0, out: 'Revoked: Front end\n' })
  t.equal((await ask()).statusCode, 401, 'at once')
  const { out } = await cli(['keys', 'list'])
  t.notMatch(out, key.slice(14), 'never the key itself')
  const line = (name: string) => out.split('\n').find((one) => one.includes(name))
  t.match(
    line('Front end'),
    `${id}  ${key.slice(0, 13)}…  Front end  [read, drafts:read]  revoked 2`,
  )
  t.match(line('Soon'), /Soon {2}\[read\] {2}expires 2999-01-01T00:00:00.000Z, never used/)

  const before = await sql('select count(*)::int as n from api_keys')
  const wrong: [args: string[], why: RegExp][] = [
    [['revoke', 'nonsense'], /not an id/],
    [['create', '--name', '', '--scopes', 'read,write'], /name.*scopes/],
  ]
  for (const [args, why] of wrong) {
    const { code, out, err } = await cli(['keys', ...args])
    t.match({ code, out }, { code: 1, out: '' }, args.join(' '))
    t.match(err, why)
    t.notMatch(err, /Failed query/)
  }
  t.same(await sql('select count(*)::int as n from api_keys'), before)
})

t.test('seed loads the demo, once', async (t) => {
  const demo = await newsroom(t)
  const env = { DATABASE_URL: demo.url }
  const first = await cli(['seed'], env)
  t.match(first, { code: 0, out: /The demo newsroom is there: \d+ stories/, err: '' })
  const state = async () => {
    const rows = await demo.sql(
      'select id, version, updated_at from articles union all select id, version, updated_at from sources order by id',
    )
    const [row] = await demo.sql('select count(*)::int as n from categories')
    return { rows, categories: row?.n }
  }
  const before = await state()
  t.ok(before.rows.length > 40)
  t.same(await cli(['seed'], env), first)
  t.same(await state(), before, 'again changes nothing')
  t.ok((await walk(demo.reader, '/v1/articles?limit=100')).length > 20)
})

t.test('migrate brings a database to the newest migration', async (t) => {
  const fresh = await newsroom(t)
  await fresh.sql('drop schema reader, partner, editor, public, drizzle cascade')
  await fresh.sql('create schema public')
  const ready = async () => (await fresh.reader('GET', '/v1/articles')).status
  t.equal(await ready(), 500)
  t.same(await cli(['migrate'], { DATABASE_URL: fresh.url, MIGRATE: 'false' }), {
    code: 0,
    out: 'The database is up to date.\n',
    err: '',
  })
  t.equal(await ready(), 200)
})

t.test('openapi prints the document, without a database', async (t) => {
  const { code, out } = await cli(['openapi'], {})
  t.equal(code, 0)
  t.match(JSON.parse(out), { openapi: '3.1.0', info: { title: 'Dateline' } })
  const committed = fileURLToPath(new URL('../openapi/openapi.json', import.meta.url))
  t.equal(out, await readFile(committed, 'utf8'), 'the committed one: npm run openapi')
})

t.test('every wrong setting is named, and none is shown', async (t) => {
  const { code, out, err } = await cli(['keys', 'list'], {
    DATABASE_URL: 'mysql://root:hunter2@db.example/news',
    PORT: '99999',
    HOST: 'h',
    PUBLIC_URL: 'ftp://paper.example',
    ARTICLE_URL: 'https://paper.example/{headline}',
    PUBLIC_READ: 'perhaps',
    RATE_LIMIT: '-1',
    DATABASE_POOL: '0',
    MIGRATE: 'yes',
    LOG_LEVEL: 'loud',
    PUBLICATION_NAME: 'x'.repeat(201),
  })
  t.match({ code, out }, { code: 1, out: '' })
  for (const name of [
    ...['DATABASE_URL', 'PORT', 'PUBLIC_URL', 'ARTICLE_URL', 'PUBLIC_READ', 'RATE_LIMIT'],
    ...['DATABASE_POOL', 'MIGRATE', 'LOG_LEVEL', 'PUBLICATION_NAME'],
  ]) {
    t.match(err, new RegExp(`(^|\\n|: )${name} `), name)
  }
  t.notMatch(err, 'HOST')
  t.notMatch(err, 'hunter2')
  t.notMatch(err, /\bat .*:\d+:\d+/, 'no stack')
  const closed = await cli(['seed'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' })
  t.match(closed, { code: 1, out: '', err: /^dateline: connect ECONNREFUSED 127\.0\.0\.1:1\n$/ })
})

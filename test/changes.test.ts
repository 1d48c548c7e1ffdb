import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { sweep } from '../src/changes/sweep.ts'
import {
  category,
  draft,
  get,
  must,
  patch,
  publish,
  quote,
  source,
  story,
  walk,
} from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const room = await newsroom(t)
const { editor, reader, as, sql, db } = room
const any = { 'if-match': '*' }

type Row = {
  position: number
  kind: string
  id: string
  event: string
  operation: string
  fromVersion: number | null
  toVersion: number | null
}

/** The whole ledger through the API, oldest first. */
const ledger = async (query = ''): Promise<Row[]> =>
  (await walk(editor, `/v1/audit?limit=100${query}`)).toReversed()

t.test('every write leaves one row', async (t) => {
  const before = (await ledger()).length
  const section = await category(editor, { name: 'Ledger' })
  const other = await category(editor, { name: 'Ledger other' })
  const person = await source(editor, { name: 'Ledger Person' })
  const made = await draft(editor, {
    body: { markdown: '“We listened,” she said.' },
    categories: [section.id],
  })
  const said = await quote(editor, { article: made.id, text: 'We listened' })
  await patch(editor, `/v1/articles/${made.id}`, { summary: 'x' })
  await patch(editor, `/v1/quotes/${said.id}`, { speaker: person.id })
  await patch(editor, `/v1/sources/${person.id}`, { title: 'Mayor' })
  await patch(editor, `/v1/categories/${section.id}`, { description: 'x' })
  await publish(editor, made.id)
  await must(editor, 'POST', `/v1/articles/${made.id}/corrections`, { kind: 'update', text: 'x' })
  await must(editor, 'DELETE', `/v1/quotes/${said.id}`, undefined, any)
  await must(editor, 'DELETE', `/v1/sources/${person.id}`, undefined, any)
  await must(editor, 'POST', `/v1/articles/${made.id}/unpublish`)
  const key = (await must(editor, 'POST', '/v1/keys', { name: 'Ledger key', scopes: ['read'] }))
    .json
  await must(editor, 'DELETE', `/v1/keys/${key.id}`)
  await must(
    editor,
    'DELETE',
    `/v1/categories/${section.id}?reassignTo=${other.slug}`,
    undefined,
    any,
  )
  const rows = (await ledger()).slice(before)
  t.same(
    rows.map((r) => `${r.event} ${r.operation} ${r.fromVersion ?? '-'}>${r.toVersion ?? '-'}`),
    [
      'category.created create ->1',
      'category.created create ->1',
      'source.created create ->1',
      'article.created create ->1',
      'quote.created update 1>2',
      'article.updated update 2>3',
      'quote.updated update 3>4',
      'source.updated update 1>2',
      'category.updated update 1>2',
      'article.published update 4>5',
      'article.corrected update 5>6',
      'quote.deleted update 6>7',
      'source.deleted delete 2>-',
      'article.unpublished update 7>8',
      'key.created create ->-',
      'key.revoked update ->-',
      'category.merged delete 2>-',
      'article.updated update 8>9',
      'entitlement.changed update 2>2',
      'category.updated update 1>1',
    ],
  )
  t.same(
    rows.map((r) => r.position),
    rows.map((_, i) => before + 1 + i),
    'numbered without a gap',
  )
  const replies = [
    await must(
      editor,
      'PATCH',
      `/v1/sources/${(await source(editor, { name: 'Who' })).id}`,
      { title: 'x' },
      any,
    ),
  ]
  const [last] = (await get(editor, '/v1/audit?limit=1')).data
  t.match(last, {
    by: { name: 'admin' },
    requestId: replies[0]?.headers['x-request-id'],
    reason: null,
    part: null,
  })
})

t.test('what is refused leaves no row', async (t) => {
  const { id } = await story(editor)
  const count = (await ledger()).length
  const calls: [string, string, unknown?, Record<string, string>?][] = [
    ['PATCH', `/v1/articles/${id}`, { headline: null }, any],
    ['PATCH', `/v1/articles/${id}`, { summary: 'x' }, { 'if-match': '"1-x"' }],
    ['PATCH', `/v1/articles/${id}`, { summary: 'x' }],
    ['POST', `/v1/articles/${id}/revive`],
    ['DELETE', `/v1/articles/${id}`, undefined, any],
    ['POST', '/v1/articles', { slug: 'ferry-late-again' }],
    ['POST', '/v1/articles', { headline: 7 }],
    ['GET', `/v1/articles/${id}`],
  ]
  for (const [method, path, body, headers] of calls) await editor(method, path, body, headers)
  t.equal((await ledger()).length, count)
})

t.test('the ledger is for administrators, in pages, by kind and resource', async (t) => {
  const keys = [
    await as('content:write', 'content:publish', 'drafts:read'),
    await as('read'),
    await as('syndication', 'embargo:read'),
  ]
  for (const call of keys) t.equal((await call('GET', '/v1/audit')).status, 403)
  t.equal((await reader('GET', '/v1/audit')).status, 401)
  const { id } = await draft(editor)
  await patch(editor, `/v1/articles/${id}`, { summary: 'x' })
  const all = await ledger()
  t.same(
    await ledger('&kind=article'),
    all.filter((r) => r.kind === 'article'),
  )
  t.same(
    await ledger('&kind=-article,-key'),
    all.filter((r) => r.kind !== 'article' && r.kind !== 'key'),
  )
  t.same(
    (await ledger(`&id=${id}`)).map((r) => r.event),
    ['article.created', 'article.updated'],
  )
  const paged = await walk(editor, '/v1/audit?limit=7')
  t.same(paged.toReversed(), all)
  for (const bad of ['kind=quote', 'id=slug', 'sort=at', 'cursor=x', 'limit=0']) {
    t.equal((await editor('GET', `/v1/audit?${bad}`)).status, 400, bad)
  }
})

t.test('the ledger is append-only for the service', async (t) => {
  const run = (on: typeof db.editor, text: string) =>
    on.execute(text).then(
      () => 'allowed',
      (error) => (error.cause ?? error).code,
    )
  for (const text of [
    'delete from changes',
    'truncate changes',
    "update changes set event = 'x'",
    "update changes set reason = 'x' where id = 1",
    'update changes set position = null',
    'alter table changes disable trigger all',
    'drop table changes',
    "update editor.changes set event = 'x'",
    'delete from editor.changes',
    'delete from revisions',
    'truncate revisions',
  ]) {
    t.equal(await run(db.editor, text), '42501', text)
  }
  t.equal(await run(db.reader, 'select public.number_changes()'), '42501')
  t.equal(await run(db.reader, 'select * from changes'), '42501')
  t.equal(await run(db.editor, 'select public.number_changes()'), 'allowed')
})

const insert = (client: pg.ClientBase, id: string, version: number) =>
  client.query(
    `insert into changes (kind, resource_id, operation, event, to_version, key_name, at)
     values ('article', $1, 'update', 'article.updated', $2, 'test', now())`,
    [id, version],
  )

/** A connection of its own, as the service has them. */
async function connection(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: room.url, options: '-c role=dateline_editor' })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

const id = (n: number) => `01939a2e-7c1b-7c6e-8f0a-${String(n).padStart(12, '0')}`

t.test('who commits later has the later number, whoever began first', async (t) => {
  const [slow, quick] = [await connection(), await connection()]
  await ledger()
  await slow.query('begin')
  await insert(slow, id(1), 1)
  await insert(quick, id(2), 1)
  const seen = await ledger()
  t.match(seen.at(-1), { id: id(2) })
  t.notOk(
    seen.some((r) => r.id === id(1)),
    'what is not committed is not there',
  )
  await insert(quick, id(2), 2)
  await slow.query('commit')
  const after = await ledger()
  t.same(after.slice(0, seen.length), seen, 'what was numbered stays')
  // Neither was numbered before, both are committed: in the order of insertion.
  t.match(after.slice(seen.length), [
    { id: id(1), position: seen.length + 1 },
    { id: id(2), toVersion: 2, position: seen.length + 2 },
  ])
  await slow.query('begin')
  await insert(slow, id(3), 1)
  await slow.query('rollback')
  await insert(quick, id(3), 7)
  t.match((await ledger()).slice(after.length), [
    { id: id(3), toVersion: 7, position: after.length + 1 },
  ])
})

t.test('a reader who pages forward misses nothing, however writers interleave', async (t) => {
  const writers = await Promise.all(Array.from({ length: 4 }, connection))
  const readers = await Promise.all(Array.from({ length: 2 }, connection))
  let n = 100
  let rows = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ who: fc.nat({ max: 3 }), does: fc.constantFrom('add', 'end', 'read') }),
        {
          minLength: 20,
          maxLength: 40,
        },
      ),
      async (script) => {
        const [start] = await sql('select coalesce(max(position), 0)::int as p from changes')
        // Each writer has an article of its own, whose versions come in order, as under its lock.
        const ids = writers.map(() => id(n++))
        const versions = writers.map(() => 0)
        const open = writers.map(() => false)
        const committed: string[] = []
        const pending: string[][] = writers.map(() => [])
        const read = readers.map(() => ({ position: Number(start?.p), rows: [] as string[] }))
        const look = async (r: number) => {
          const state = read[r]
          const client = readers[r]
          if (!state || !client) return
          await client.query('select public.number_changes()')
          const page = await client.query(
            'select position::int, resource_id, to_version from editor.changes where position > $1 order by position limit 3',
            [state.position],
          )
          for (const row of page.rows) {
            if (row.position <= state.position) throw new Error('not ascending')
            state.position = row.position
            state.rows.push(`${row.resource_id} ${row.to_version}`)
          }
          return page.rows.length
        }
        for (const { who, does } of script) {
          const client = writers[who]
          if (!client) continue
          if (does === 'read') {
            await Promise.all(readers.map((_, r) => look(r)))
            continue
          }
          if (!open[who]) await client.query('begin')
          open[who] = true
          if (does === 'add') {
            const version = (versions[who] ?? 0) + 1
            versions[who] = version
            await insert(client, ids[who] ?? '', version)
            pending[who]?.push(`${ids[who]} ${version}`)
          } else {
            // Committing and reading at once.
            await Promise.all([client.query('commit'), look(who % 2)])
            open[who] = false
            committed.push(...(pending[who]?.splice(0) ?? []))
          }
        }
        for (const [who, client] of writers.entries()) {
          if (open[who]) await client.query('commit')
          committed.push(...(pending[who]?.splice(0) ?? []))
        }
        for (const [r, state] of read.entries()) {
          while (await look(r)) {}
          if (JSON.stringify(state.rows.toSorted()) !== JSON.stringify(committed.toSorted())) {
            throw new Error(`read ${state.rows} of ${committed}`)
          }
          if (new Set(state.rows).size !== state.rows.length) throw new Error('read twice')
          for (const article of ids) {
            const own = state.rows
              .filter((row) => row.startsWith(article))
              .map((row) => Number(row.slice(37)))
            if (own.some((version, i) => version !== i + 1)) throw new Error(`inverted: ${own}`)
          }
        }
        rows += committed.length
      },
    ),
    { numRuns: runs(40) },
  )
  t.ok(rows > 200, `${rows} rows`)
})

t.test('writers, sweeps and readers at once: nothing is missed, nothing inverted', async (t) => {
  const made = await Promise.all(Array.from({ length: 6 }, () => draft(editor)))
  const start = (await get(editor, '/v1/audit?limit=1')).data[0].position
  let running = true
  const read: Row[] = []
  let position: number = start
  const client = await connection()
  const reading = (async () => {
    for (let last = false; ; ) {
      await client.query('select public.number_changes()')
      const page = await client.query(
        `select position::int, resource_id as id, to_version as "toVersion", event from editor.changes
         where position > $1 order by position limit 5`,
        [position],
      )
      read.push(...page.rows)
      position = page.rows.at(-1)?.position ?? position
      if (page.rows.length === 0 && last) return
      last = !running
    }
  })()
  await Promise.all([
    ...made.flatMap(({ id }) =>
      Array.from({ length: 3 }, async (_, n) => {
        for (let k = 0; k < 6; k++)
          await patch(editor, `/v1/articles/${id}`, { summary: `${n} ${k}` })
      }),
    ),
    (async () => {
      for (let k = 0; k < 10; k++) await sweep(db)
    })(),
  ])
  running = false
  await reading
  t.equal(read.length, 6 * 18)
  t.equal(new Set(read.map((r) => r.position)).size, read.length)
  for (const { id } of made) {
    t.same(
      read.filter((r) => r.id === id).map((r) => r.toVersion),
      Array.from({ length: 18 }, (_, i) => i + 2),
    )
  }
})

t.test('a merge leaves a row for everything that it changed', async (t) => {
  const organization = async (name: string) => source(editor, { kind: 'organization', name })
  const [one, two] = [await organization('Merged Org'), await organization('Heir Org')]
  const member = await source(editor, { name: 'A Member', organization: one.id })
  const [from, into] = [
    (await must(editor, 'POST', '/v1/categories', { name: 'Merged desk' })).json,
    (await must(editor, 'POST', '/v1/categories', { name: 'Heir desk' })).json,
  ]
  const child = (await must(editor, 'POST', '/v1/categories', { name: 'Child', parent: from.id }))
    .json
  await must(editor, 'DELETE', `/v1/sources/${one.id}?reassignTo=${two.id}`, undefined, any)
  await must(editor, 'DELETE', `/v1/categories/${from.id}?reassignTo=${into.id}`, undefined, any)
  for (const [kind, { id }] of [
    ['source', member],
    ['category', child],
  ] as const) {
    const { data } = await get(editor, `/v1/audit?id=${id}`)
    t.match(data, [
      { event: `${kind}.updated`, fromVersion: 1, toVersion: 2 },
      { event: `${kind}.created`, toVersion: 1 },
    ])
  }
})

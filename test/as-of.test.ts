import fc from 'fast-check'
import t from 'tap'
import { category, draft, get, must, patch, source } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const { editor, reader, as, sql } = await newsroom(t)
const any = { 'if-match': '*' }
const ALL = 'include=categories,sources,quotes,corrections&body=html,text,markdown,blocks'

const people = [
  await source(editor, { name: 'Ana Lenz' }),
  await source(editor, { name: 'Ben Farrow' }),
]
const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
const sections = [
  await category(editor, { name: 'Harbour' }),
  await category(editor, { name: 'Town' }),
]

const SAID = ['We will rebuild the pier', 'Nobody came that night', 'Twelve boats were lost 🌊']
const n = fc.nat({ max: 2 })
const step = fc.oneof(
  fc.record({
    do: fc.constant('headline' as const),
    text: fc.string({ minLength: 1, maxLength: 20 }),
  }),
  fc.record({
    do: fc.constant('body' as const),
    said: fc.uniqueArray(n, { maxLength: 3 }),
    before: n,
  }),
  fc.record({ do: fc.constant('quote' as const), n, speaker: fc.nat({ max: 1 }) }),
  fc.record({ do: fc.constant('unquote' as const), n }),
  fc.record({
    do: fc.constant('occasion' as const),
    n,
    text: fc.constantFrom('Quay', 'Court', ''),
  }),
  fc.record({ do: fc.constant('sources' as const), pick: fc.uniqueArray(n, { maxLength: 3 }) }),
  fc.record({ do: fc.constant('categories' as const), pick: fc.uniqueArray(fc.nat({ max: 1 })) }),
  fc.record({ do: fc.constant('rename' as const), n, text: fc.constantFrom('Ana', 'Ann', 'Anna') }),
  fc.record({ do: fc.constant('correct' as const), with: fc.boolean() }),
  fc.record({ do: fc.constant('restore' as const), n: fc.nat({ max: 30 }) }),
  fc.record({
    do: fc.constantFrom<'publish' | 'unpublish' | 'kill' | 'revive'>(
      'publish',
      'unpublish',
      'kill',
      'revive',
    ),
  }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const markdown = (said: number[], before: number) =>
  ['Rain fell.', 'Snow fell.', 'It was *warm*.']
    .slice(0, before)
    .concat(
      said.map((k) => `“${SAID[k]},” they said.`),
      'The end.',
    )
    .join('\n\n')

/** Does a step; what it cannot do now (409 and the like) changes nothing. */
async function act(id: string, step: Step, version: number): Promise<void> {
  const path = `/v1/articles/${id}`
  const change = (body: object) => editor('PATCH', `${path}?onQuoteChange=mark`, body, any)
  const quotes = async () => (await get(editor, `${path}?include=quotes`)).quotes
  switch (step.do) {
    case 'headline':
      await change({ headline: step.text })
      return
    case 'body':
      await change({ body: { markdown: markdown(step.said, step.before) } })
      return
    case 'quote':
      await editor('POST', '/v1/quotes', {
        article: id,
        text: SAID[step.n],
        speaker: people[step.speaker]?.id,
      })
      return
    case 'unquote': {
      const quote = (await quotes())[step.n]
      if (quote) await editor('DELETE', `/v1/quotes/${quote.id}`, undefined, any)
      return
    }
    case 'occasion': {
      const quote = (await quotes())[step.n]
      if (quote) await editor('PATCH', `/v1/quotes/${quote.id}`, { occasion: step.text }, any)
      return
    }
    case 'sources':
      await change({ sources: step.pick.map((k) => [...people, trust][k]?.id) })
      return
    case 'categories':
      await change({ categories: step.pick.map((k) => sections[k]?.id) })
      return
    case 'rename':
      await patch(editor, `/v1/sources/${people[0]?.id}`, { name: step.text })
      await patch(editor, `/v1/categories/${sections[0]?.id}`, { name: step.text })
      return
    case 'correct': {
      const etag = (await must(editor, 'GET', path)).headers.etag ?? ''
      const body = { kind: 'correction', text: 'It was so.' }
      const changes = step.with ? { changes: { summary: `At ${version}` } } : {}
      await editor('POST', `${path}/corrections`, { ...body, ...changes }, { 'if-match': etag })
      return
    }
    case 'restore':
      await editor('POST', `${path}/revisions/${1 + (step.n % version)}/restore?onQuoteChange=mark`)
      return
    default:
      await editor(
        'POST',
        `${path}/${step.do}`,
        step.do === 'kill' ? { reason: 'x', notice: 'y' } : {},
      )
  }
}

let states = 0

t.test('every past state comes back equal', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 18 }), async (steps) => {
      const { id } = await draft(editor, {
        body: { markdown: markdown([0, 1], 1) },
        quotes: [{ text: SAID[0], speaker: people[0]?.id }],
        sources: [people[0]?.id, { source: trust.id, role: 'owner' }],
        categories: [sections[0]?.id],
      })
      const now = () => get(editor, `/v1/articles/${id}?${ALL}`)
      // What was answered while each version was the current one, just after it was made.
      const past = new Map([[1, JSON.stringify(await now())]])
      for (const step of steps) {
        await act(id, step, past.size)
        const [row] = await sql('select version from articles where id = $1', [id])
        const version = Number(row?.version)
        if (past.has(version)) continue
        if (version !== past.size + 1) throw new Error(`${step.do} made ${version}`)
        past.set(version, JSON.stringify(await now()))
      }
      const rows: { version: number; at: Date }[] = (await sql(
        'select version, at from revisions where article_id = $1 order by version',
        [id],
      )) as never
      if (rows.length !== past.size)
        throw new Error(`${rows.length} revisions, ${past.size} states`)
      for (const [i, { version, at }] of rows.entries()) {
        const next = rows[i + 1]?.at.getTime() ?? Number.POSITIVE_INFINITY
        if (next <= at.getTime()) throw new Error('two writes at one instant')
        const instants = [at.getTime(), Math.min(next - 1, at.getTime() + 60_000)]
        for (const instant of instants) {
          const asOf = new Date(instant).toISOString()
          const is = JSON.stringify(await get(editor, `/v1/articles/${id}?${ALL}&asOf=${asOf}`))
          states++
          if (is !== past.get(version)) {
            throw new Error(`version ${version} at ${asOf}:\n${is}\nwas\n${past.get(version)}`)
          }
        }
        const path = `/v1/articles/${id}/revisions/${version}?${ALL}`
        const { article } = await get(editor, path)
        if (JSON.stringify(article) !== past.get(version)) throw new Error(`revision ${version}`)
      }
      const first = rows[0]?.at.getTime() ?? 0
      const before = new Date(first - 1).toISOString()
      const never = await editor('GET', `/v1/articles/${id}?asOf=${before}`)
      if (never.status !== 404) throw new Error(`before the first: ${never.status}`)
    }),
    { numRuns: runs(10) },
  )
  t.comment(`${states} states`)
  t.ok(states > 100, `${states} states`)
})

t.test('sources and categories are named as they were then', async (t) => {
  const person = await source(editor, { name: 'Then Name', title: 'Mayor' })
  const section = await category(editor, { name: 'Then Section' })
  const { id } = await draft(editor, {
    body: { markdown: '“It was so,” she said.' },
    sources: [person.id],
    categories: [section.id],
    quotes: [{ text: 'It was so', speaker: person.id }],
  })
  await patch(editor, `/v1/sources/${person.id}`, { name: 'Now Name', title: 'Former mayor' })
  await patch(editor, `/v1/categories/${section.id}`, { name: 'Now Section' })
  await patch(editor, `/v1/articles/${id}`, { summary: 'Later' })
  const [{ at }] = (await get(editor, `/v1/articles/${id}/revisions?limit=100`)).data.toReversed()
  const names = async (asOf: string) => {
    const a = await get(editor, `/v1/articles/${id}?include=sources,categories,quotes${asOf}`)
    return [a.sources[0].name, a.sources[0].title, a.categories[0].name, a.quotes[0].speaker.name]
  }
  t.same(await names(`&asOf=${at}`), ['Then Name', 'Mayor', 'Then Section', 'Then Name'])
  t.same(await names(''), ['Now Name', 'Former mayor', 'Now Section', 'Now Name'])
  const zoned = new Date(Date.parse(at) + 7_200_000).toISOString().replace('Z', '%2B02:00')
  t.same(await names(`&asOf=${zoned}`), ['Then Name', 'Mayor', 'Then Section', 'Then Name'])
})

t.test('asOf is for editors, and takes an instant with a zone', async (t) => {
  const { id } = await draft(editor)
  await must(editor, 'POST', `/v1/articles/${id}/publish`)
  const path = `/v1/articles/${id}?asOf=`
  for (const call of [reader, await as('read'), await as('content:write')]) {
    const reply = await call('GET', `${path}2026-01-01T00:00:00Z`)
    t.ok(reply.status === 403 || reply.status === 401, String(reply.status))
  }
  for (const bad of [
    '2026-01-01T00:00:00',
    '2026-01-01',
    'yesterday',
    '',
    '2026-02-30T00:00:00Z',
  ]) {
    const reply = await editor('GET', path + bad)
    t.match(reply, { status: 400, json: { errors: [{ parameter: 'asOf' }] } }, bad)
  }
  t.equal((await editor('GET', `${path}2001-01-01T00:00:00Z`)).status, 404)
  t.equal((await editor('GET', `${path}2999-01-01T00:00:00Z`)).status, 200)
})

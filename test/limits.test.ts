import t from 'tap'
import { newsroom } from './newsroom.ts'

t.test('requests are counted by key, else by address, and wrong keys too', async (t) => {
  const room = await newsroom(t, { settings: { RATE_LIMIT: '3' } })
  const wrong = { authorization: 'Bearer dl_0000000000_wrong' }
  for (const left of [2, 1, 0]) {
    const answer = await room.reader('GET', '/v1/articles', undefined, wrong)
    t.equal(answer.status, 401)
    t.match(answer.headers.ratelimit, new RegExp(`"default";r=${left};t=\\d+`))
    t.equal(answer.headers['ratelimit-policy'], '"default";q=3;w=60')
  }
  const refused = await room.reader('GET', '/v1/articles', undefined, wrong)
  t.equal(refused.status, 429)
  t.equal(refused.json.code, 'rate_limited')
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await room.reader('GET', '/v1/articles')).status, 429, 'of the same address')
  t.equal((await room.editor('GET', '/v1/articles')).status, 200, 'a key has a count of its own')
  t.equal((await room.reader('GET', '/livez')).status, 200, 'health is not counted')
})

t.test('with PUBLIC_READ=false reading needs a key that reads', async (t) => {
  const room = await newsroom(t, { settings: { PUBLIC_READ: 'false' } })
  t.equal((await room.reader('GET', '/v1/articles')).status, 401)
  for (const scope of ['read', 'drafts:read'] as const) {
    t.equal((await (await room.as(scope))('GET', '/v1/articles')).status, 200, scope)
  }
  t.equal((await (await room.as('content:write'))('GET', '/v1/articles')).status, 403)
})

t.test('what published articles show needs content:publish', async (t) => {
  const room = await newsroom(t)
  const writer = await room.as('content:write')
  await room.editor('POST', '/v1/sources', { kind: 'person', name: 'Ann Bell' })
  await room.editor('POST', '/v1/sources', { kind: 'person', name: 'Ben Ash' })
  await room.editor('POST', '/v1/categories', { name: 'Harbour' })
  const any = { 'if-match': '*' }
  const rename = () => writer('PATCH', '/v1/sources/ann-bell', { title: 'Pilot' }, any)
  t.equal((await rename()).status, 200, 'nobody shows it yet')
  await room.editor('POST', '/v1/articles', {
    headline: 'One',
    body: { markdown: 'Text.' },
    sources: ['ann-bell'],
    categories: ['harbour'],
  })
  t.equal((await rename()).status, 200, 'a draft shows it')
  await room.editor('POST', '/v1/articles/one/publish', {})
  t.equal((await rename()).status, 403)
  const merge = await writer('DELETE', '/v1/sources/ann-bell?reassignTo=ben-ash', undefined, any)
  t.equal(merge.status, 403)
  t.equal((await writer('PATCH', '/v1/categories/harbour', { name: 'Port' }, any)).status, 403)
  t.equal((await writer('PATCH', '/v1/sources/ben-ash', { title: 'Mate' }, any)).status, 200)
})

t.test('publishing without a word means now, also of what was scheduled', async (t) => {
  const room = await newsroom(t)
  await room.editor('POST', '/v1/articles', { headline: 'One', body: { markdown: 'Text.' } })
  await room.editor('POST', '/v1/articles/one/publish', { at: '2099-01-01T00:00:00Z' })
  t.equal((await room.reader('GET', '/v1/articles/one')).status, 404)
  // As clients send it that set the type of every request.
  const headers = { 'content-type': 'application/json' }
  t.equal((await room.editor('POST', '/v1/articles/one/publish', '', headers)).status, 200)
  t.equal((await room.reader('GET', '/v1/articles/one')).status, 200)
  for (const status of ['-expired', '-embargoed', '-scheduled']) {
    const list = await room.editor('GET', `/v1/articles?status=${status}`)
    t.equal(list.json.data.length, 1, status)
  }
})

t.test('times of any century come back as they were given', async (t) => {
  const room = await newsroom(t)
  await room.editor('POST', '/v1/articles', { headline: 'One', body: { markdown: 'Text.' } })
  for (const saidAt of ['0044-03-15T12:00:00.000Z', '1899-12-31T23:59:59.999Z']) {
    const quote = await room.editor('POST', '/v1/quotes', {
      article: 'one',
      kind: 'paraphrase',
      text: 'You too.',
      saidAt,
    })
    t.equal(quote.json.saidAt, saidAt)
  }
})

t.test('the indexes serve the sorts of the lists', async (t) => {
  const room = await newsroom(t)
  const plan = async (statement: string) => {
    await room.sql('set enable_sort = off')
    await room.sql('set enable_seqscan = off')
    return JSON.stringify(await room.sql(`explain ${statement}`))
  }
  const newest = 'order by a.listed_at desc, a.id desc limit 20'
  t.match(await plan(`select a.id from reader.articles a ${newest}`), /articles_listed_at_id_idx/)
  t.match(
    await plan(`select a.id from editor.articles a ${newest}`),
    /articles_all_listed_at_id_idx/,
  )
  t.match(
    await plan('select a.id from editor.articles a order by a.updated_at desc, a.id desc limit 20'),
    /articles_updated_at_id_idx/,
  )
  const plain = await plan(`select a.id from editor.articles a ${newest}`)
  t.notMatch(plain, /Sort/, 'nothing is sorted')
})

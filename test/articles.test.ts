import t from 'tap'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  publish,
  source,
  story,
} from './factories.ts'
import { newsroom } from './newsroom.ts'

const room = await newsroom(t, {
  settings: { ARTICLE_URL: 'https://paper.example/{category}/{year}/{month}/{day}/{slug}' },
})
const { editor, reader, sql } = room

t.test('an article is created as a draft, and read as it was answered', async (t) => {
  const harbour = await category(editor, { name: 'Harbour one' })
  const lenz = await source(editor, { name: 'Ida Lenz' })
  const created = await editor('POST', '/v1/articles', {
    headline: 'Quay closed “for good”',
    summary: 'The oldest quay is gone.',
    byline: 'Ned Farrow',
    language: 'en-GB',
    leadImage: { url: 'https://img.example/quay.jpg', alt: 'The quay', width: 1600, height: 900 },
    body: { markdown: 'It was **old**.' },
    categories: [harbour.slug],
    sources: [{ source: lenz.slug, role: 'engineer', note: 'by telephone' }],
    origin: { system: 'cms', id: 'a-1', url: 'https://old.example/a-1' },
  })
  t.equal(created.status, 201)
  t.equal(created.headers.location, `/v1/articles/${created.json.slug}`)
  t.match(created.json, {
    version: 1,
    slug: 'quay-closed-for-good',
    headline: 'Quay closed “for good”',
    summary: 'The oldest quay is gone.',
    byline: 'Ned Farrow',
    language: 'en-GB',
    leadImage: { url: 'https://img.example/quay.jpg', alt: 'The quay', width: 1600, height: 900 },
    body: { html: '<p>It was <strong>old</strong>.</p>' },
    origin: { system: 'cms', id: 'a-1', url: 'https://old.example/a-1' },
    status: 'draft',
    publishAt: null,
    publishedAt: null,
  })
  t.match(created.json.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/, 'the id is a UUIDv7')
  for (const name of [created.json.id, created.json.slug]) {
    const read = await editor('GET', `/v1/articles/${name}`)
    t.equal(read.text, created.text, 'the bytes of the answer to the POST')
    t.equal(read.headers.etag, created.headers.etag)
  }
  const again = await editor('POST', '/v1/articles', { origin: { system: 'cms', id: 'a-1' } })
  t.equal(again.status, 409)
  t.match(again.json, { code: 'origin_taken', errors: [{ pointer: '/origin' }] })

  const whole = await get(editor, `/v1/articles/${created.json.id}?include=categories,sources`)
  t.match(whole.categories, [{ id: harbour.id, name: 'Harbour one', parent: null }])
  t.match(whole.sources, [{ id: lenz.id, kind: 'person', role: 'engineer', note: 'by telephone' }])
})

t.test('an empty draft is one, in English until told otherwise', async (t) => {
  const { json } = await must(editor, 'POST', '/v1/articles', {})
  t.match(json, { headline: null, language: 'en', status: 'draft', body: { html: '' } })
  t.equal(json.slug, `article-${json.id.slice(-12)}`)
})

t.test('what an article names must exist, and only once; all faults are told', async (t) => {
  const { slug, id } = await category(editor, { name: 'Twice' })
  const before = await sql('select count(*) from articles')
  const reply = await editor('POST', '/v1/articles', {
    categories: [slug, 'no-such-category', id],
    sources: ['no-such-source'],
  })
  t.equal(reply.status, 422)
  t.equal(reply.json.code, 'unknown_reference')
  t.same(
    reply.json.errors.map((e: { pointer: string }) => e.pointer),
    ['/categories/1', '/categories/2', '/sources/0'],
  )
  t.same(await sql('select count(*) from articles'), before, 'nothing was written')
})

t.test('a body goes in and comes out in each format', async (t) => {
  const text = 'Tides\n\nHigh water at 6.10, low at noon.\n\nBring a coat\n\nlet tide = 3;'
  const expected = {
    html: '<h2>Tides</h2><p>High water at <strong>6.10</strong>, low at <a href="https://tide.example/" rel="noopener">noon</a>.</p><ul><li>Bring a coat</li></ul><pre><code class="language-js">let tide = 3;\n</code></pre>',
    text,
    markdown:
      '## Tides\n\nHigh water at **6.10**, low at [noon](https://tide.example/).\n\n- Bring a coat\n\n```js\nlet tide = 3;\n```',
  }
  const { id } = await draft(editor, { body: { markdown: expected.markdown } })
  const path = `/v1/articles/${id}?body=html,text,markdown,blocks`
  const first = (await get(editor, path)).body
  t.same(Object.keys(first).sort(), ['blocks', 'html', 'markdown', 'text'])
  t.equal(first.text, text)
  t.equal(first.markdown.trim(), expected.markdown)
  t.equal(first.html, expected.html)
  t.same(
    first.blocks.map((b: { _type: string; style?: string }) => b.style ?? b._type),
    ['h2', 'normal', 'normal', 'code'],
  )
  for (const format of ['html', 'markdown', 'blocks']) {
    await patch(editor, `/v1/articles/${id}`, { body: { [format]: first[format] } })
    t.same((await get(editor, path)).body, first, `${format} read and written back is the same`)
  }
})

t.test('blocks whose text stays keep their key when the body is replaced', async (t) => {
  const block = (key: string, text: string) => ({
    _type: 'block',
    _key: key,
    children: [{ _type: 'span', text }],
  })
  const blocks = [block('first', 'One.'), block('second', 'Two.'), block('third', 'Three.')]
  const { id } = await draft(editor, { body: { blocks } })
  await patch(editor, `/v1/articles/${id}`, {
    body: { html: '<p>New.</p><p>Three.</p><p>One.</p>' },
  })
  const { body } = await get(editor, `/v1/articles/${id}?body=blocks,text`)
  t.equal(body.text, 'New.\n\nThree.\n\nOne.')
  const [fresh, ...kept] = body.blocks.map((one: { _key: string }) => one._key)
  t.same(kept, ['third', 'first'])
  t.notOk(['first', 'second', 'third'].includes(fresh), 'a new block has a new key')
})

t.test('what is not asked for is absent', async (t) => {
  const { id, slug } = await category(editor, { name: 'Shapes' })
  const { id: article } = await story(editor, { headline: 'Shape', categories: [id] })
  const path = `/v1/articles/${article}`
  const members = async (query: string, call = reader) => {
    const reply = await must(call, 'GET', `${path}${query}`)
    return Object.keys(reply.json).sort()
  }
  const own = [
    ...['byline', 'headline', 'id', 'language', 'leadImage', 'origin', 'publishedAt'],
    ...['slug', 'summary', 'updatedAt', 'url', 'version'],
  ]
  t.same(await members(''), ['body', ...own].sort(), 'an item has its body')
  t.same(Object.keys((await get(reader, path)).body), ['html'])
  t.same(await members('?body=none'), own)
  t.same(
    await members('', editor),
    ['body', 'createdAt', 'embargoUntil', 'expiresAt', 'publishAt', 'status', ...own].sort(),
  )
  t.same(await members('?fields=headline'), ['headline', 'id'])
  t.same(await members('?fields=headline,body'), ['body', 'headline', 'id'])
  t.same(await members('?fields=headline&body=text'), ['body', 'headline', 'id'])
  t.same(await members('?fields=id&include=categories'), ['categories', 'id'])
  t.same(
    await members('?include=categories,sources,quotes&body=none'),
    ['categories', 'quotes', 'sources', ...own].sort(),
  )
  const [row] = (await get(reader, `/v1/articles?category=${slug}`)).data
  t.same(Object.keys(row).sort(), own, 'a list has no bodies')
  const [full] = (await get(reader, `/v1/articles?category=${slug}&body=text,markdown`)).data
  t.same(Object.keys(full.body).sort(), ['markdown', 'text'])

  for (const query of ['?body=none,html', '?fields=nothing', '?include=corrections,nothing']) {
    t.equal((await reader('GET', path + query)).status, 400, query)
  }
  t.equal((await reader('GET', `${path}?fields=status`)).status, 403, 'status is for editors')
  t.equal((await editor('GET', `${path}?fields=status`)).status, 200)
})

t.test('PATCH is a merge patch', async (t) => {
  const desk = await category(editor, { name: 'Patch desk' })
  const lenz = await source(editor, { name: 'Patch Lenz' })
  const { id } = await draft(editor, {
    headline: 'Before',
    summary: 'Short.',
    byline: 'Ned Farrow',
    leadImage: { url: 'https://img.example/1.jpg', alt: 'One', caption: 'First', width: 10 },
    categories: [desk.id],
    sources: [lenz.id],
  })
  const path = `/v1/articles/${id}`
  const see = () => get(editor, `${path}?include=categories,sources`)
  const before = await see()

  const same = await patch(editor, path, {})
  t.equal(same.version, 2)
  const { version: _1, updatedAt: _2, ...rest } = before
  t.match(await see(), rest, 'an empty patch changes nothing else')

  await patch(editor, path, { summary: null })
  t.match(await see(), { summary: null, headline: 'Before', byline: 'Ned Farrow', version: 3 })

  await patch(editor, path, { leadImage: { alt: 'Two', caption: null } })
  t.strictSame((await see()).leadImage, { url: 'https://img.example/1.jpg', alt: 'Two', width: 10 })
  const broken = await editor('PATCH', path, { leadImage: { url: null } }, { 'if-match': '*' })
  t.equal(broken.status, 400, 'an image keeps its URL')
  await patch(editor, path, { leadImage: null })
  t.equal((await see()).leadImage, null)
  const bare = await editor('PATCH', path, { leadImage: { alt: 'x' } }, { 'if-match': '*' })
  t.equal(bare.status, 422)
  t.match(bare.json.errors, [{ pointer: '/leadImage/url' }])

  t.match((await see()).categories, [{ id: desk.id }], 'lists that are not named stay')
  await patch(editor, path, { categories: [], sources: [] })
  t.match(await see(), { categories: [], sources: [] })
  t.match(await patch(editor, path, { body: null, headline: null }), {
    headline: null,
    body: { html: '' },
  })
  for (const [name, value] of Object.entries({ slug: null, language: null, categories: null })) {
    const reply = await editor('PATCH', path, { [name]: value }, { 'if-match': '*' })
    t.equal(reply.status, 400, `${name} cannot be emptied`)
    t.match(reply.json.errors, [{ pointer: `/${name}` }])
  }
  const stray = await editor(
    'PATCH',
    path,
    { origin: null, status: 'published' },
    { 'if-match': '*' },
  )
  t.equal(stray.status, 400)
  t.same(
    stray.json.errors.map((e: { pointer: string }) => e.pointer),
    ['/origin', '/status'],
    'what cannot be changed is refused by name',
  )
})

t.test('a language is kept in its canonical form', async (t) => {
  for (const [given, kept] of [
    ['pt-br', 'pt-BR'],
    ['ZH-hant-tw', 'zh-Hant-TW'],
    ['EL', 'el'],
    ['iw', 'he'],
  ]) {
    t.equal((await draft(editor, { language: given })).language, kept)
  }
  for (const wrong of ['', 'english language', 'x_y', 'e', '12']) {
    const reply = await editor('POST', '/v1/articles', { language: wrong })
    t.equal(reply.status, 400, JSON.stringify(wrong))
    t.match(reply.json.errors, [{ pointer: '/language' }])
  }
})

t.test('every article has the address of its page', async (t) => {
  const desk = await category(editor, { name: 'Address desk' })
  const other = await category(editor, { name: 'Address other' })
  const { id } = await draft(editor, { headline: 'Where', categories: [desk.id, other.id] })
  t.equal(
    (await get(editor, `/v1/articles/${id}`)).url,
    'https://paper.example/address-desk/where',
    'what it does not have leaves no empty segment',
  )
  await publish(editor, id, { publishedAt: '2024-02-03T23:30:00Z' })
  t.equal(
    (await get(reader, `/v1/articles/${id}?fields=url`)).url,
    'https://paper.example/address-desk/2024/02/03/where',
  )
  const plain = await newsroom(t)
  const { slug, url } = await draft(plain.editor)
  t.equal(url, `${plain.config.publicUrl}/v1/articles/${slug}`, 'its own, unless told')
})

t.test('publishing needs a headline and a body, nothing else', async (t) => {
  const { json } = await must(editor, 'POST', '/v1/articles', {})
  const refused = await editor('POST', `/v1/articles/${json.id}/publish`)
  t.equal(refused.status, 422)
  t.same(
    refused.json.errors.map((e: { pointer: string }) => e.pointer),
    ['/headline', '/body'],
  )
  await patch(editor, `/v1/articles/${json.id}`, { headline: 'Now', body: { markdown: 'Here.' } })
  const { at, ...published } = await publish(editor, json.id)
  t.match(published, { status: 'published', version: 3, embargoUntil: null, expiresAt: null })
  t.equal(published.publishedAt, published.publishAt)
  t.ok(Math.abs(Date.parse(published.publishAt) - Date.now()) < 5000, 'at once')
  t.equal((await reader('GET', `/v1/articles/${json.id}`)).status, 200)

  for (const change of [{ headline: null }, { headline: '' }, { body: null }]) {
    const reply = await editor('PATCH', `/v1/articles/${json.id}`, change, { 'if-match': '*' })
    t.equal(reply.status, 422, `${JSON.stringify(change)} while it is published`)
    t.match(reply.json.errors, [{ pointer: `/${Object.keys(change)[0]}` }])
  }
})

t.test('the times of a publication must be in order', async (t) => {
  const { id } = await draft(editor)
  const refused = async (input: object, ...pointers: string[]) => {
    const reply = await editor('POST', `/v1/articles/${id}/publish`, input)
    t.equal(reply.status, 422, JSON.stringify(input))
    t.same(
      reply.json.errors.map((e: { pointer: string }) => e.pointer),
      pointers,
    )
  }
  await refused({ at: inSeconds(-60) }, '/at')
  await refused({ expiresAt: inSeconds(-60) }, '/expiresAt', '/expiresAt')
  await refused({ at: inSeconds(7200), expiresAt: inSeconds(3600) }, '/expiresAt')
  await refused({ embargoUntil: inSeconds(7200), expiresAt: inSeconds(3600) }, '/embargoUntil')
  await refused(
    { at: inSeconds(-60), embargoUntil: inSeconds(7200), expiresAt: inSeconds(3600) },
    '/at',
    '/embargoUntil',
  )
  t.equal((await editor('POST', `/v1/articles/${id}/publish`, { at: null })).status, 400)
  t.match(await get(editor, `/v1/articles/${id}`), { status: 'draft', version: 1 })
  const times = {
    at: inSeconds(60),
    embargoUntil: inSeconds(120),
    expiresAt: inSeconds(180),
  }
  const { publishAt, embargoUntil, expiresAt } = await publish(editor, id, times)
  t.same({ at: publishAt, embargoUntil, expiresAt }, times)
  const lifted = await publish(editor, id, { embargoUntil: null, expiresAt: null })
  t.match(lifted, { publishAt: times.at, embargoUntil: null, expiresAt: null })
})

t.test('publishedAt is the first instant of visibility, unless it is given', async (t) => {
  const { id } = await draft(editor)
  const first = inSeconds(3600)
  const second = inSeconds(7200)
  const third = inSeconds(10_800)
  t.equal((await publish(editor, id, { at: first })).publishedAt, first)
  t.equal((await publish(editor, id, { at: second })).publishedAt, second, 'follows the schedule')
  t.equal((await publish(editor, id, { embargoUntil: third })).publishedAt, third, 'and embargo')
  t.equal((await publish(editor, id, { embargoUntil: null })).publishedAt, second)
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  t.equal((await publish(editor, id, { at: first })).publishedAt, first, 'nobody had seen it')

  // Two hours pass: it was visible.
  await sql(
    `update articles set publish_at = publish_at - interval '2 h', published_at = published_at - interval '2 h'
     where id = $1`,
    [id],
  )
  const { publishedAt } = await get(reader, `/v1/articles/${id}`)
  t.ok(publishedAt < inSeconds(-3000))
  t.match(await publish(editor, id, { at: second }), { publishedAt, publishAt: second })
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  t.equal((await publish(editor, id)).publishedAt, publishedAt, 'once seen, it stays')

  const { id: old } = await draft(editor)
  const given = '1987-05-04T06:30:00.000Z'
  t.equal((await publish(editor, old, { publishedAt: given })).publishedAt, given)
  t.equal((await publish(editor, old, { at: second })).publishedAt, given)
  t.equal((await publish(editor, old, { publishedAt: first })).publishedAt, first)

  const { id: archived } = await draft(editor)
  await publish(editor, archived, { at: first, publishedAt: given })
  t.equal((await publish(editor, archived, { at: second })).publishedAt, given, 'also unseen')
})

t.test('publishing without a word means now', async (t) => {
  const { id } = await story(editor, {}, { at: inSeconds(3600) })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 404)
  const { publishAt, publishedAt } = await publish(editor, id)
  t.equal(publishedAt, publishAt)
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)
  t.equal((await publish(editor, id)).publishAt, publishAt, 'again changes no time')

  await sql(
    `update articles set publish_at = publish_at - interval '2 h', expires_at = now() - interval '1 h'
     where id = $1`,
    [id],
  )
  const expired = await editor('POST', `/v1/articles/${id}/publish`)
  t.match(expired, { status: 422, json: { errors: [{ pointer: '/expiresAt' }] } })
  await publish(editor, id, { expiresAt: null })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)
})

t.test('unpublishing takes back what is published, and only that', async (t) => {
  const { id, slug } = await story(editor)
  const { json } = await must(editor, 'POST', `/v1/articles/${slug}/unpublish`)
  t.match(json, { id, status: 'unpublished', version: 3 })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 410)
  const again = await editor('POST', `/v1/articles/${id}/unpublish`)
  t.equal(again.status, 409)
  t.equal(again.json.code, 'wrong_state')
  await publish(editor, id)
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)

  const times = { at: inSeconds(60), embargoUntil: inSeconds(120), expiresAt: inSeconds(180) }
  const other = await story(editor, {}, times)
  await must(editor, 'POST', `/v1/articles/${other.id}/unpublish`)
  const anew = await publish(editor, other.id)
  t.match(anew, { embargoUntil: null, expiresAt: null }, 'its times were for another publication')
  t.equal((await reader('GET', `/v1/articles/${other.id}`)).status, 200)
})

t.test('what is or will be live is changed only with content:publish', async (t) => {
  const writer = await room.as('content:write')
  const { id } = await draft(writer)
  t.equal((await writer('POST', `/v1/articles/${id}/publish`)).status, 403)
  await publish(editor, id, { at: inSeconds(3600) })
  const any = { 'if-match': '*' }
  t.equal((await writer('PATCH', `/v1/articles/${id}`, {}, any)).status, 403)
  t.equal((await writer('DELETE', `/v1/articles/${id}`, undefined, any)).status, 403)
  t.equal((await writer('POST', `/v1/articles/${id}/unpublish`)).status, 403)
  const desk = await room.as('content:write', 'content:publish')
  t.equal((await desk('PATCH', `/v1/articles/${id}`, {}, any)).status, 200)
  t.equal((await desk('POST', `/v1/articles/${id}/unpublish`)).status, 200)
  t.equal((await writer('PATCH', `/v1/articles/${id}`, {}, any)).status, 200)
})

t.test('only what was never visible can be deleted', async (t) => {
  const any = { 'if-match': '*' }
  const remove = (id: string) => editor('DELETE', `/v1/articles/${id}`, undefined, any)
  const gone = await draft(editor, {
    headline: 'Never was',
    body: { markdown: '“Never,” she said.' },
    quotes: [{ text: 'Never' }],
  })
  const reply = await remove(gone.slug)
  t.match(reply, { status: 204, text: '' })
  t.equal((await editor('GET', `/v1/articles/${gone.id}`)).status, 404)
  t.equal((await editor('GET', `/v1/articles/${gone.slug}`)).status, 404)
  t.same(await sql('select id from quotes where article_id = $1', [gone.id]), [])
  t.equal((await draft(editor, { headline: 'Never was' })).slug, gone.slug, 'nobody saw its slug')

  const seen = await story(editor)
  t.match(await remove(seen.id), { status: 409, json: { code: 'was_visible' } })
  await must(editor, 'POST', `/v1/articles/${seen.id}/unpublish`)
  t.match(await remove(seen.id), { status: 409 }, 'it was visible')
  await publish(editor, seen.id, { at: inSeconds(60) })
  t.match(await remove(seen.id), { status: 409 }, 'also when it is scheduled anew')

  const scheduled = await story(editor, {}, { at: inSeconds(60) })
  t.match(await remove(scheduled.id), { status: 204 })
  const embargoed = await story(editor, {}, { embargoUntil: inSeconds(60) })
  await must(editor, 'POST', `/v1/articles/${embargoed.id}/unpublish`)
  const told = { status: 409, json: { code: 'was_visible' } }
  t.match(await remove(embargoed.id), told, 'partners with early access may have it')
})

t.test('slugs are made of the headline', async (t) => {
  const slugOf = async (headline: string) => (await draft(editor, { headline })).slug
  t.equal(await slugOf('Mayor’s “final” word: £3m, 50% cut!'), 'mayors-final-word-gbp3m-50-cut')
  t.equal(await slugOf('Crème brûlée für Łódź'), 'creme-brulee-fur-lodz')
  t.equal(await slugOf('Το λιμάνι κλείνει'), 'to-limani-kleinei')
  t.match(await slugOf('東京の港が閉鎖'), /^[a-z0-9]+(-[a-z0-9]+)*$/)
  t.match(await slugOf('Порт закрыт'), /^port-zakr/)
  const emoji = await draft(editor, { headline: '🚢🌊 👩‍🚒' })
  t.equal(emoji.slug, `article-${emoji.id.slice(-12)}`)
  const dots = await draft(editor, { headline: '…?!' })
  t.equal(dots.slug, `article-${dots.id.slice(-12)}`)
  const uuid = await draft(editor, { headline: '0198c2a6-1111-7222-8333-444455556666' })
  t.equal(uuid.slug, `article-${uuid.id.slice(-12)}`, 'never shaped like an id')

  const long = 'wording '.repeat(38).slice(0, 300)
  const [first, second] = [await slugOf(long), await slugOf(long)]
  t.ok(first.length <= 100 && first.length > 80, `${first.length} characters`)
  t.match(first, /^wording(-wording)+$/, 'cut between words')
  t.equal(second, `${first}-2`)
  const one = await slugOf('x'.repeat(300))
  t.match(one, /^x{80,100}$/)
  t.equal(await slugOf('x'.repeat(300)), `${one}-2`)
})

t.test('a slug that is taken gets a number, or 409 when it was given', async (t) => {
  const slugs = []
  for (let i = 0; i < 4; i++) slugs.push((await draft(editor, { headline: 'Same' })).slug)
  t.same(slugs, ['same', 'same-2', 'same-3', 'same-4'])
  const at = await Promise.all(
    Array.from({ length: 8 }, () => draft(editor, { headline: 'At once' })),
  )
  t.same(
    at.map((a) => a.slug).sort(),
    ['at-once', ...[2, 3, 4, 5, 6, 7, 8].map((n) => `at-once-${n}`)],
    'also when they come together',
  )
  await draft(editor, { headline: 'Budget 2026' })
  await draft(editor, { headline: 'Budget' })
  t.equal((await draft(editor, { headline: 'Budget' })).slug, 'budget-2', 'a year is no count')

  const given = await editor('POST', '/v1/articles', { slug: 'same-2' })
  t.equal(given.status, 409)
  t.match(given.json, { code: 'slug_taken', errors: [{ pointer: '/slug' }] })
  for (const slug of ['Same', 'a--b', '-a', 'a_b', '', 'x'.repeat(101), 'é']) {
    t.equal((await editor('POST', '/v1/articles', { slug })).status, 400, slug)
  }
  t.equal((await draft(editor, { slug: 'x'.repeat(100) })).slug.length, 100)
})

t.test('a slug stays when the headline changes, and an old one leads on', async (t) => {
  const unseen = await draft(editor, { headline: 'Unseen words' })
  const changed = await patch(editor, `/v1/articles/${unseen.id}`, { headline: 'Others' })
  t.equal(changed.slug, 'unseen-words', 'a draft’s too: links to it are about')
  const made = await story(editor, { headline: 'Old words' })
  await patch(editor, `/v1/articles/${made.id}`, { headline: 'New words' })
  t.equal((await get(editor, `/v1/articles/${made.id}`)).slug, 'old-words')
  await patch(editor, '/v1/articles/old-words', { slug: 'new-words' })
  await patch(editor, '/v1/articles/new-words', { slug: 'newest-words' })
  for (const old of ['old-words', 'new-words']) {
    const moved = await reader('GET', `/v1/articles/${old}?fields=headline&body=text`)
    t.equal(moved.status, 301)
    t.equal(moved.headers.location, '/v1/articles/newest-words?fields=headline&body=text')
    t.equal(moved.headers.vary, 'Accept-Encoding, Authorization')
  }
  t.equal(
    (await reader('GET', '/v1/articles/old-words')).headers.location,
    '/v1/articles/newest-words',
  )
  t.same(
    (await get(reader, '/v1/quotes?article=old-words')).data,
    [],
    'an old slug works as a filter',
  )
  const [none] = (await get(editor, '/v1/quotes?article=-old-words')).data
  t.not(none?.article.id, made.id)
  const written = await patch(editor, '/v1/articles/old-words', { byline: 'By an old name' })
  t.match(written, { id: made.id, slug: 'newest-words' }, 'and in a write')
  t.match(await must(editor, 'POST', '/v1/quotes', { article: 'new-words', text: 'eight' }), {
    json: { article: { id: made.id, slug: 'newest-words' } },
  })

  t.equal((await draft(editor, { headline: 'Old words' })).slug, 'old-words-2')
  t.equal((await editor('POST', '/v1/articles', { slug: 'new-words' })).status, 409)
  await patch(editor, `/v1/articles/${made.id}`, { slug: 'old-words' })
  t.equal(
    (await reader('GET', '/v1/articles/old-words')).status,
    200,
    'its own old slug it may have',
  )
  t.equal(
    (await reader('GET', '/v1/articles/newest-words')).headers.location,
    '/v1/articles/old-words',
  )
})

t.test('a draft without a headline gets its slug when the headline comes', async (t) => {
  const { json } = await must(editor, 'POST', '/v1/articles', {})
  const named = await patch(editor, `/v1/articles/${json.id}`, { headline: 'At last a headline' })
  t.equal(named.slug, 'at-last-a-headline')
  const moved = await editor('GET', `/v1/articles/${json.slug}`)
  t.equal(moved.headers.location, '/v1/articles/at-last-a-headline')
})

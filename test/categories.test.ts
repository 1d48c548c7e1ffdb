import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { category, draft, get, patch, publish, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const { as, editor, reader, sql } = await newsroom(t)
const any = { 'if-match': '*' }

const remove = (name: string, query = '') =>
  editor('DELETE', `/v1/categories/${name}${query}`, undefined, any)

/**
 * The tree as the database has it: the children of each, in order. Throws unless it is a tree whose
 * siblings stand at 0, 1, 2, ...
 */
async function tree(): Promise<Map<string | null, string[]>> {
  const rows = (await sql('select id, parent_id, position from categories order by position')) as {
    id: string
    parent_id: string | null
    position: number
  }[]
  const children = Map.groupBy(rows, (row) => row.parent_id)
  for (const siblings of children.values()) {
    assert.deepEqual(
      siblings.map((row) => row.position),
      siblings.map((_, i) => i),
    )
  }
  const parents = new Map(rows.map((row) => [row.id, row.parent_id]))
  for (const { id } of rows) {
    const seen = new Set<string>()
    for (let at: string | null | undefined = id; at; at = parents.get(at)) {
      assert.ok(!seen.has(at), `${at} is its own ancestor`)
      seen.add(at)
    }
  }
  return new Map([...children].map(([parent, list]) => [parent, list.map((row) => row.id)]))
}

t.test('a category is created, read, changed and deleted', async (t) => {
  const top = await category(editor, { name: 'Λιμάνι' })
  t.match(top, { slug: 'limani', parent: null, version: 1, description: null })
  const created = await editor('POST', '/v1/categories', {
    name: 'Ferries',
    description: 'All boats.',
    parent: 'limani',
  })
  t.match(created, {
    status: 201,
    headers: { location: '/v1/categories/ferries' },
    json: {
      slug: 'ferries',
      name: 'Ferries',
      description: 'All boats.',
      position: 0,
      parent: { id: top.id, slug: 'limani', name: 'Λιμάνι' },
    },
  })
  const read = await editor('GET', `/v1/categories/${created.json.id}`)
  t.equal(read.text, created.text)
  t.equal(read.headers.etag, created.headers.etag)
  const path = '/v1/categories/ferries'
  t.match(await patch(editor, path, { description: null, slug: 'boats' }), {
    version: 2,
    slug: 'boats',
    description: null,
    position: 0,
    parent: { id: top.id },
  })
  t.equal((await editor('GET', path)).headers.location, '/v1/categories/boats')
  t.same(await get(editor, '/v1/categories/boats?fields=name'), {
    id: created.json.id,
    name: 'Ferries',
  })
  t.equal((await remove('ferries')).status, 204)
  t.equal((await editor('GET', path)).status, 404)
  t.equal((await category(editor, { name: 'Boats' })).slug, 'boats-2', 'boats was used')
})

t.test('categories move with all below them, and are never below themselves', async (t) => {
  const a = await category(editor, { name: 'Move A' })
  const b = await category(editor, { name: 'Move B', parent: a.id })
  const c = await category(editor, { name: 'Move C', parent: b.slug })
  for (const parent of [a, b, c]) {
    const reply = await editor('PATCH', `/v1/categories/${a.id}`, { parent: parent.slug }, any)
    t.match(reply, {
      status: 422,
      json: {
        code: 'rule_broken',
        errors: [{ pointer: '/parent', message: /cannot be below itself/ }],
      },
    })
  }
  const unknown = await editor('PATCH', `/v1/categories/${a.id}`, { parent: 'no-such' }, any)
  t.match(unknown, { status: 422, json: { code: 'unknown_reference' } })
  await t.rejects(
    sql('update categories set parent_id = $1 where id = $2', [c.id, a.id]),
    { message: 'a category cannot be below itself' },
    'the database refuses too',
  )
  t.equal((await patch(editor, `/v1/categories/${b.id}`, { parent: null })).parent, null)
  t.equal(
    (await get(editor, `/v1/categories/${c.id}`)).parent.id,
    b.id,
    'what is below comes along',
  )
  t.equal((await patch(editor, `/v1/categories/${a.id}`, { parent: c.id })).parent.id, c.id)
  await tree()
})

t.test('opposite moves at once close no ring', async (t) => {
  const ids: string[] = []
  for (let i = 0; i < 6; i++) ids.push((await category(editor, { name: `Ring ${i}` })).id)
  const index = fc.nat({ max: ids.length - 1 })
  let refused = 0
  let moved = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(index, index), { minLength: 7, maxLength: 7 }),
      async (pairs) => {
        // Each move with its opposite, and one to the first place at the top: 21 in all.
        const moves = pairs.flatMap(([a, b]) => [
          [ids[a], { parent: ids[b] }],
          [ids[b], { parent: ids[a] }],
          [ids[a], { parent: null, position: 0 }],
        ])
        const replies = await Promise.all(
          moves.map(([id, change]) => editor('PATCH', `/v1/categories/${id}`, change, any)),
        )
        for (const { status, text } of replies) {
          assert.ok(status === 200 || status === 422, text)
          if (status === 200) moved++
          else refused++
        }
        await tree()
      },
    ),
    { numRuns: runs(5), endOnFailure: true },
  )
  t.ok(moved > 0 && refused > 0, `${moved} moves, ${refused} refused`)
})

type Step =
  | { do: 'create'; parent: number; position: number | undefined }
  | { do: 'move'; which: number; parent: number | undefined; position: number | undefined }
  | { do: 'delete'; which: number }
  | { do: 'merge'; which: number; into: number }

const place = fc.option(fc.nat({ max: 6 }), { nil: undefined, freq: 2 })
const which = fc.nat({ max: 30 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('create' as const), parent: which, position: place }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      which,
      parent: fc.option(which, { nil: undefined, freq: 3 }),
      position: place,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('merge' as const), which, into: which }) },
)

/** The tree as the contract has it: who stands below whom, in what order. */
class Model {
  readonly children = new Map<string | null, string[]>([[null, []]])

  get ids(): string[] {
    return [...this.children.keys()].filter((id) => id !== null)
  }
  below(id: string | null): string[] {
    return this.children.get(id) ?? []
  }
  parentOf(id: string): string | null {
    for (const [parent, list] of this.children) if (list.includes(id)) return parent
    return null
  }
  isWithin(id: string | null, ancestor: string): boolean {
    for (let at = id; at !== null; at = this.parentOf(at)) if (at === ancestor) return true
    return false
  }
  put(id: string, parent: string | null, position = Number.POSITIVE_INFINITY): void {
    const from = this.below(this.parentOf(id))
    if (from.includes(id)) from.splice(from.indexOf(id), 1)
    this.below(parent).splice(position, 0, id)
    if (!this.children.has(id)) this.children.set(id, [])
  }
  remove(id: string): void {
    const list = this.below(this.parentOf(id))
    list.splice(list.indexOf(id), 1)
    this.children.delete(id)
  }
}

t.test('siblings stay in order under any moves, deletions and merges', async (t) => {
  await sql('delete from categories')
  const done = { create: 0, move: 0, delete: 0, merge: 0, refused: 0 }
  const model = new Model()
  const pick = (n: number): string | undefined => model.ids[n % Math.max(1, model.ids.length)]

  const run: { [K in Step['do']]: (s: Extract<Step, { do: K }>) => Promise<number | undefined> } = {
    async create({ parent, position }) {
      const above = pick(parent) ?? null
      const { id } = await category(editor, {
        name: 'Any',
        parent: above,
        ...(position !== undefined && { position }),
      })
      model.put(id, above, position)
      return 201
    },
    async move({ which, parent, position }) {
      const id = pick(which)
      if (!id) return undefined
      // One in seven goes to the top.
      const to = parent === undefined ? undefined : parent % 7 === 0 ? null : (pick(parent) ?? null)
      const { status } = await editor(
        'PATCH',
        `/v1/categories/${id}`,
        { ...(to !== undefined && { parent: to }), ...(position !== undefined && { position }) },
        any,
      )
      const from = model.parentOf(id)
      const above = to === undefined ? from : to
      if (model.isWithin(above, id)) {
        assert.equal(status, 422)
        return 422
      }
      if (above !== from || position !== undefined) model.put(id, above, position)
      return status
    },
    async delete({ which }) {
      const id = pick(which)
      if (!id) return undefined
      const { status } = await remove(id)
      if (model.below(id).length > 0) assert.equal(status, 409)
      else model.remove(id)
      return status
    },
    async merge({ which, into }) {
      const [id, heir] = [pick(which), pick(into)]
      if (!id || !heir) return undefined
      const { status } = await remove(id, `?reassignTo=${heir}`)
      if (id === heir) {
        assert.equal(status, 422)
        return 422
      }
      // An heir from below takes the place of what is deleted.
      const parent = model.parentOf(id)
      if (model.isWithin(heir, id)) model.put(heir, parent, model.below(parent).indexOf(id))
      for (const child of [...model.below(id)]) model.put(child, heir)
      model.remove(id)
      return status
    },
  }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      for (const one of steps) {
        const status = await run[one.do](one as never)
        if (status === undefined) continue
        if (status < 300) done[one.do]++
        else done.refused++
        const is = await tree()
        for (const [parent, list] of model.children) assert.deepEqual(is.get(parent) ?? [], list)
        assert.equal(await count(), model.ids.length)
      }
    }),
    { numRuns: runs(10), endOnFailure: true },
  )
  t.ok(
    Object.values(done).every((n) => n > 0),
    JSON.stringify(done),
  )
})

async function count(): Promise<number> {
  const [row] = await sql('select count(*)::int as n from categories')
  return Number(row?.n)
}

t.test('what others refer to is not deleted, and they are named', async (t) => {
  const top = await category(editor, { name: 'Wanted' })
  const child = await category(editor, { name: 'Wanted child', parent: top.id })
  const article = await draft(editor, { categories: [top.id] })
  const refused = await remove(top.slug)
  t.equal(refused.status, 409)
  t.match(refused.json, {
    code: 'in_use',
    references: [
      { kind: 'article', id: article.id, slug: article.slug },
      { kind: 'category', id: child.id, slug: child.slug },
    ],
  })
  t.equal((await get(editor, `/v1/categories/${child.id}`)).parent.id, top.id)
})

t.test('where published articles are filed is changed only with content:publish', async (t) => {
  const writer = await as('content:write')
  const top = await category(editor, { name: 'Filed top' })
  const below = await category(editor, { name: 'Filed below', parent: top.id })
  const free = await category(editor, { name: 'Filed free' })
  const { id } = await draft(editor, { categories: [below.id] })
  const change = (id: string, patch: object) => writer('PATCH', `/v1/categories/${id}`, patch, any)
  t.equal((await change(top.id, { name: 'Filed first' })).status, 200)
  await publish(editor, id)
  for (const one of [top, below]) {
    t.equal((await change(one.id, { name: 'X' })).status, 403)
    t.equal((await change(one.id, { parent: free.id })).status, 403)
    const path = `/v1/categories/${one.id}?reassignTo=${free.id}`
    t.equal((await writer('DELETE', path, undefined, any)).status, 403)
  }
  t.equal((await change(free.id, { parent: below.id })).status, 200)
  t.equal((await get(editor, `/v1/categories/${top.id}`)).name, 'Filed first')
})

t.test('reassignTo merges one category into another', async (t) => {
  const old = await category(editor, { name: 'Quayside' })
  await patch(editor, `/v1/categories/${old.id}`, { slug: 'the-quays' })
  const heir = await category(editor, { name: 'Waterfront' })
  const child = await category(editor, { name: 'Fish market', parent: old.id })
  const first = await category(editor, { name: 'First of all' })
  const both = await story(editor, { categories: [old.id, first.id, heir.id] })
  const only = await draft(editor, { categories: [first.id, old.id] })
  const untouched = await draft(editor, { categories: [heir.id] })
  for (const into of ['no-such-category', 'quayside']) {
    const reply = await remove(old.id, `?reassignTo=${into}`)
    t.match(reply, {
      status: 422,
      json: { code: 'rule_broken', errors: [{ parameter: 'reassignTo' }] },
    })
  }
  t.equal((await remove('quayside', `?reassignTo=${heir.slug}`)).status, 204)
  const filed = async (id: string) => {
    const { version, categories } = await get(editor, `/v1/articles/${id}?include=categories`)
    return { version, ids: categories.map((c: { id: string }) => c.id) }
  }
  t.same(await filed(both.id), { version: both.version + 1, ids: [heir.id, first.id] })
  t.same(await filed(only.id), { version: 2, ids: [first.id, heir.id] })
  t.same(await filed(untouched.id), { version: 1, ids: [heir.id] })
  t.equal((await get(editor, `/v1/categories/${child.id}`)).parent.id, heir.id)
  for (const slug of ['quayside', 'the-quays']) {
    const moved = await reader('GET', `/v1/categories/${slug}?fields=name`)
    t.match(moved, { status: 301, headers: { location: '/v1/categories/waterfront?fields=name' } })
  }
  const listed = await get(reader, '/v1/articles?category=the-quays&fields=id')
  t.same(listed.data, [{ id: both.id }])
  t.equal((await category(editor, { name: 'Quayside' })).slug, 'quayside-2')
})

t.test('an heir from below takes the place of what is deleted', async (t) => {
  const names = ['Before', 'Deleted', 'After']
  const [before, deleted, after] = await Promise.all(
    names.map((name) => category(editor, { name: `Heir ${name}` })),
  )
  const middle = await category(editor, { name: 'Heir middle', parent: deleted.id })
  const heir = await category(editor, { name: 'Heir', parent: middle.id })
  const aunt = await category(editor, { name: 'Heir aunt', parent: middle.id })
  const at = (await get(editor, `/v1/categories/${deleted.id}`)).position
  t.equal((await remove(deleted.id, `?reassignTo=${heir.id}`)).status, 204)
  t.match(await get(editor, `/v1/categories/${heir.id}`), { parent: null, position: at })
  t.match(await get(editor, `/v1/categories/${middle.id}`), {
    parent: { id: heir.id },
    position: 0,
  })
  t.match(await get(editor, `/v1/categories/${aunt.id}`), {
    parent: { id: middle.id },
    position: 0,
  })
  const ids = (await tree()).get(null) ?? []
  t.ok([before.id, heir.id, after.id].every((id) => ids.includes(id)))
})

t.test('a list of articles includes what is filed below', async (t) => {
  const top = await category(editor, { name: 'Deep top' })
  const middle = await category(editor, { name: 'Deep middle', parent: top.id })
  const bottom = await category(editor, { name: 'Deep bottom', parent: middle.id })
  const side = await category(editor, { name: 'Deep side', parent: top.id, position: 0 })
  const high = await story(editor, { categories: [top.id] })
  const low = await story(editor, { categories: [bottom.id, side.id] })
  const ids = async (query: string) =>
    (await walk(reader, `/v1/articles?sort=publishedAt&fields=id&${query}`)).map((a) => a.id)
  t.same(await ids('category=deep-top'), [high.id, low.id])
  t.same(await ids('category=deep-middle'), [low.id])
  t.same(await ids(`category=${bottom.id},${top.slug}`), [high.id, low.id])
  t.same(await ids('category=deep-top,-deep-side'), [high.id])
  t.notOk((await ids('category=-deep-top')).some((id) => [high.id, low.id].includes(id)))

  const names = async (query: string) =>
    (await walk(reader, `/v1/categories?${query}`)).map((c) => c.name)
  t.same(await names('parent=deep-top&sort=position'), ['Deep side', 'Deep middle'])
  t.same(await names('parent=deep-top,deep-middle'), ['Deep bottom', 'Deep middle', 'Deep side'])
  t.same(await names('q=deep&parent=-deep-top&sort=-name&limit=1'), ['Deep top', 'Deep bottom'])
})

import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { openDatabase, type Tx } from '../src/db/client.ts'
import { behind } from '../src/db/pipeline.ts'
import { transaction } from '../src/db/transaction.ts'
import { cloneDatabase } from './newsroom.ts'
import { runs } from './size.ts'

/*
 * Statements that are sent behind each other: all of them hold, in their order, or none does, and what
 * is told is the first that failed, however many were on their way by then.
 */

const url = await cloneDatabase(t)
// One connection, so that each transaction finds what the one before has left of it.
const db = openDatabase({ url, size: 1 }, () => {})
const owner = new pg.Client({ connectionString: url })
await owner.connect()
t.teardown(async () => {
  await db.close()
  await owner.end()
})

const note = (tx: Tx, slug: string) =>
  tx.execute(
    sql`insert into slugs (kind, slug, resource_id) values ('article', ${slug}, gen_random_uuid())`,
  )
/** Breaks `slugs_kind_check`. */
const breakCheck = (tx: Tx) =>
  tx.execute(
    sql`insert into slugs (kind, slug, resource_id) values ('nonsense', 'x', gen_random_uuid())`,
  )
/** Breaks a foreign key. */
const breakReference = (tx: Tx) =>
  tx.execute(sql`insert into article_categories (article_id, category_id, position)
    values (gen_random_uuid(), gen_random_uuid(), 0)`)

async function written(): Promise<string[]> {
  const { rows } = await db.editor.execute<{ slug: string }>(
    sql`select slug from slugs order by slug`,
  )
  return rows.map(({ slug }) => slug)
}

/** The SQLSTATE or the message a transaction ends with; undefined when it was committed. */
async function failure(work: (tx: Tx) => Promise<unknown>): Promise<string | undefined> {
  try {
    await transaction(db, work)
    return undefined
  } catch (error) {
    let said = ''
    for (let e = error; e instanceof Error; e = e.cause) {
      if ('code' in e && typeof e.code === 'string') return e.code
      said = e.message
    }
    return said
  }
}

t.test('what nobody waited for is there, in its order', async (t) => {
  const seen = await transaction(db, async (tx) => {
    behind(tx, note(tx, 'one'))
    behind(tx, tx.execute(sql`update slugs set slug = 'two' where slug = 'one'`))
    const { rows } = await tx.execute<{ slug: string }>(sql`select slug from slugs`)
    behind(tx, note(tx, 'three'))
    return rows
  })
  t.same(seen, [{ slug: 'two' }])
  t.same(await written(), ['three', 'two'])
  await transaction(db, (tx) => tx.execute(sql`delete from slugs`))
})

t.test('one that failed ends all of it, and its own reason is told', async (t) => {
  t.equal(
    await failure(async (tx) => {
      behind(tx, note(tx, 'before'))
      behind(tx, breakCheck(tx))
      behind(tx, note(tx, 'after'))
    }),
    '23514',
    'unawaited to the end',
  )
  t.equal(
    await failure(async (tx) => {
      behind(tx, breakCheck(tx))
      await tx.execute(sql`select 1`)
    }),
    '23514',
    'although the one that was awaited failed of its consequence',
  )
  t.equal(
    await failure(async (tx) => {
      behind(tx, breakReference(tx))
      behind(tx, breakCheck(tx))
    }),
    '23503',
    'the first of two',
  )
  t.equal(
    await failure(async (tx) => {
      behind(tx, note(tx, 'before'))
      throw new Error('changed its mind')
    }),
    'changed its mind',
  )
  t.same(await written(), [], 'nothing of any of them')
})

t.test('a failure that the work passes over is no success', async (t) => {
  const said = await failure(async (tx) => {
    await note(tx, 'before')
    await breakCheck(tx).catch(() => {})
  })
  t.match(said, /rolled back/)
  t.same(await written(), [])
})

t.test('what comes too late runs nowhere', async (t) => {
  let late: Promise<unknown> = Promise.resolve()
  await transaction(db, async (tx) => {
    late = new Promise((resolve) => setTimeout(resolve, 50)).then(() => note(tx, 'late'))
  })
  await t.rejects(late, { cause: /after the end/ })
  t.same(await written(), [])
})

t.test('a lost connection loses the transaction, and the next has another', async (t) => {
  const said = await failure(async (tx) => {
    behind(tx, note(tx, 'lost'))
    const { rows } = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
    await owner.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    behind(tx, note(tx, 'lost too'))
    await tx.execute(sql`select 1`)
  })
  t.match(said, /57P01|ECONNRESET|Connection terminated|not queryable/)
  t.same(await written(), [])
})

t.test(
  'any order of sending, waiting and failing: all or nothing, and the first reason',
  async (t) => {
    const step = fc.record({
      does: fc.constantFrom('note', 'check', 'reference'),
      waits: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const work = async (tx: Tx) => {
          for (const [i, { does, waits }] of steps.entries()) {
            const statement =
              does === 'note'
                ? note(tx, `n${i}`)
                : does === 'check'
                  ? breakCheck(tx)
                  : breakReference(tx)
            if (waits) await statement
            else behind(tx, statement)
          }
        }
        const first = steps.find(({ does }) => does !== 'note')?.does
        const due = first && { check: '23514', reference: '23503' }[first as 'check' | 'reference']
        t.equal(await failure(work), due, JSON.stringify(steps))
        t.same(await written(), due ? [] : steps.map((_, i) => `n${i}`))
        await transaction(db, (tx) => tx.execute(sql`delete from slugs`))
      }),
      { numRuns: runs(100) },
    )
  },
)

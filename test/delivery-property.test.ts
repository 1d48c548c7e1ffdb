import t from 'tap'
import { play, trio } from './delivery-program.ts'
import { isLong, runs } from './size.ts'

// It takes a minute or two on idle cores, and several on busy ones; at full size the better part of an hour.
t.setTimeout(isLong ? 5_400_000 : 900_000)

t.test('a random program never sees an answer older than the rule allows', async (t) => {
  const three = await trio(t)
  const seed = isLong ? Date.now() % 1_000_000 : 20_261_122
  const { fault, steps, writes } = await play(three, { steps: runs(10_000), seed })
  const { hits, drops, refusals } = three.rooms[0].app.delivery.store.counts
  t.comment(
    `seed ${seed}: ${steps} steps, ${writes} writes; ${hits} hits, ${drops} drops, ${refusals} refusals`,
  )
  t.equal(fault, undefined)
  t.ok(hits > steps / 10, 'answers did come from the cache')
})

/** Groups left out one at a time, no change drops them any more, and the addresses that depend on them alone. */
const ALONE: Record<string, RegExp | undefined> = {
  article: undefined,
  articles: undefined,
  quotes: undefined,
  source: undefined,
  sources: undefined,
  category: undefined,
  categories: undefined,
  in: undefined,
  from: undefined,
  said: undefined,
  named: /^.v1.sources.[^/?]+$/,
  filed: /^.v1.categories.[^/?]+$/,
  org: /^.v1.sources.[^/?]+$/,
  paths: /^.v1.articles.[^/?]+$/,
  absence: undefined,
}
const LEFT_OUT = isLong ? Object.keys(ALONE) : ['article', 'category', 'in', 'absence']

t.test('it finds out when one group is left out', async (t) => {
  for (const word of LEFT_OUT) {
    await t.test(word, async (t) => {
      const three = await trio(t)
      for (const { app } of three.rooms) {
        const { store } = app.delivery
        const { drop } = store
        store.drop = (groups) =>
          drop(new Set([...groups].filter((name) => name.split(':', 1)[0] !== word)))
      }
      // A program of so many steps meets most of them; which it meets is chance, and the seed's.
      for (const seed of [7, 8, 9]) {
        const often = ALONE[word] ?? /^/
        const { fault, steps } = await play(three, { steps: runs(4000), seed, often })
        if (!fault) continue
        t.comment(fault)
        t.pass(`found within ${steps} steps of ${seed}`)
        return
      }
      t.fail('nothing was found')
    })
  }
})

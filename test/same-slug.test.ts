import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { figure } from './figures.ts'
import { newsroom } from './newsroom.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'

/*
 * Of all who create an article of one slug at the same moment one gets it, and every other is told 409. Whoever
 * is told 503 with `Retry-After`, since so many at once are more than can wait, asks again as it is told.
 */

t.setTimeout(300_000)

const ROUNDS = isLong ? 20 : 3
const WRITERS = 200

t.test('one gets the slug', async (t) => {
  const room = await newsroom(t)
  const { authorization } = await adminKey(room.url)
  const service = await serviceProcess(t, { DATABASE_URL: room.url })
  await service.ready()
  let again = 0
  let longest = 0
  for (let round = 0; round < ROUNDS; round++) {
    const body = { headline: 'The same', slug: `the-same-${round}`, body: { markdown: 'Text.' } }
    const write = async (): Promise<string> => {
      for (;;) {
        const began = performance.now()
        const reply = await service.call('POST', '/v1/articles', body, { authorization })
        longest = Math.max(longest, performance.now() - began)
        if (reply.status !== 503) return `${reply.status} ${reply.json.code ?? ''}`.trim()
        again++
        await sleep(Number(reply.headers['retry-after']) * 1000)
      }
    }
    const answers = await Promise.all(Array.from({ length: WRITERS }, write))
    const counted = Object.fromEntries(
      [...Map.groupBy(answers, (answer) => answer)].map(([answer, { length }]) => [answer, length]),
    )
    t.same(counted, { 201: 1, '409 slug_taken': WRITERS - 1 }, `round ${round}`)
  }
  const rows = await room.sql(
    `select count(*)::int as n from articles where slug like 'the-same-%'`,
  )
  t.same(rows, [{ n: ROUNDS }])
  figure(
    t,
    'same slug',
    `${ROUNDS} rounds of ${WRITERS}: one 201 and ${WRITERS - 1} times 409 in each; ${again} asked again after a 503; ` +
      `each answered within ${Math.round(longest)} ms`,
  )
})

import t from 'tap'
import { checkReads, checkWrites } from '../bench/checks.ts'
import { withClient } from '../bench/database.ts'
import { prepareDataset } from '../bench/dataset.ts'
import { makeArticle } from '../bench/dataset-articles.ts'
import { startLoad } from '../bench/processes.ts'
import { seeded, zipf } from '../bench/random.ts'
import { summarize, verdict } from '../bench/summary.ts'
import { startTargets, stopTargets } from '../bench/targets.ts'
import { makeKey, removeTraces } from '../bench/traces.ts'
import { makeWorkloads } from '../bench/workloads.ts'
import { cloneDatabase } from './newsroom.ts'

const ARTICLES = 500
const step = () => ({ increment: () => {}, stop: () => {} })

t.test('articles are the same every time, and their quotes are what the text says', async (t) => {
  let length = 0
  for (let n = 0; n < 50; n++) {
    const article = makeArticle(n, 50)
    t.same(makeArticle(n, 50), article)
    length += article.plainText.length
    for (const { text, span } of article.quotes)
      t.equal(article.plainText.slice(span.start, span.end), text)
  }
  t.ok(length / 50 > 3500 && length / 50 < 4500, `${length / 50} characters`)
})

t.test('ranks are drawn by Zipf’s law', async (t) => {
  const draw = zipf(100, 1)
  const random = seeded(7)
  const seen = new Array(100).fill(0)
  for (let i = 0; i < 100_000; i++) seen[draw(random)] += 1
  // The harmonic number of 100 is 5.187: the first rank has 1 in 5.187, the tenth a tenth of it.
  t.ok(Math.abs(seen[0] - 19_278) < 600, `${seen[0]}`)
  t.ok(Math.abs(seen[9] - 1928) < 250, `${seen[9]}`)
})

t.test('ratios are those within the rounds', async (t) => {
  const base = { p50: 1, p99: 1, bytes: 1, failed: 0, busy: 0, server: 1, requests: 1, numbered: 0 }
  const one = (round: number, target: 'service' | 'bare', perSecond: number) => {
    return { ...base, workload: 'W1' as const, round, target, perSecond }
  }
  const measured = [
    ...[one(1, 'service', 90), one(1, 'bare', 100), one(2, 'service', 45), one(2, 'bare', 50)],
    ...[one(3, 'service', 10), one(3, 'bare', 100)],
  ]
  const [line] = summarize({ measured })
  t.equal(line?.ofBare, 0.9)
  t.equal(line?.service.perSecond, 45)
  t.same(line && verdict(line, false), { target: 0.8, met: true })
})

t.test('the service and the limits give the right answers on the data set', async (t) => {
  const url = await cloneDatabase(t)
  t.equal(await prepareDataset(url, ARTICLES, step), true)
  t.equal(await prepareDataset(url, ARTICLES, step), false, 'it is used again')
  const targets = await startTargets(url, 0)
  t.teardown(() => stopTargets(targets))
  const ports = { service: targets.service.port, bare: targets.bare.port }

  const workloads = await withClient(url, async (client) => {
    // What the quotes' spans cut out, by PostgreSQL, and what readers see.
    const { rows } = await client.query(`
      SELECT count(*)::int AS quotes, count(*) FILTER (WHERE q.text = substr(a.plain_text,
          (q.spans->0->>'start')::int + 1,
          (q.spans->0->>'end')::int - (q.spans->0->>'start')::int))::int AS cut,
        (SELECT count(*)::int FROM reader.articles) AS seen,
        (SELECT count(*)::int FROM reader.gone) AS gone,
        (SELECT count(*)::int FROM revisions) AS revisions
      FROM quotes q JOIN articles a ON a.id = q.article_id`)
    t.same(rows, [{ quotes: 1500, cut: 1500, seen: 500, gone: 0, revisions: 500 }])
    const made = await makeWorkloads(client, { only: [], callers: 32 }, await makeKey(url))
    let number = 0
    for (const workload of made) {
      number += 10
      // 500 articles have no page 400, and no word in 20 of them is in less than one in a hundred.
      if (['W4', 'W4r', 'W5'].includes(workload.id)) continue
      t.ok(workload.questions.length > 0, workload.id)
      if (workload.id.startsWith('W7')) await checkWrites(client, workload, ports, number)
      else await checkReads(client, workload, ports)
    }
    const [first] = made
    const wrong = first?.questions.map((q) => ({ ...q, expected: made[1]?.questions[0]?.expected }))
    await t.rejects(checkReads(client, { ...first, questions: wrong } as never, ports), /and not/)
    return made
  })

  const load = startLoad()
  t.teardown(() => load.stop())
  const shots = workloads[0]?.questions.slice(0, 100).map((question) => question.service) ?? []
  const rest = { connections: 4, seconds: 0, once: true, seed: 1, from: 0 }
  const volley = await load.fire({ port: ports.service, shots, ...rest })
  t.match(volley, { requests: 100, failed: 0 })
  const lost = [{ method: 'GET' as const, path: '/v1/articles/no-such-article' }]
  t.match(await load.fire({ port: ports.service, shots: lost, ...rest }), { failed: 1 })

  await stopTargets(targets)
  await removeTraces(url)
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT count(*)::int AS n FROM articles')
    t.same(rows, [{ n: ARTICLES }])
    await client.query('DROP SCHEMA bench CASCADE')
  })
  await t.rejects(prepareDataset(url, ARTICLES, step), /did not make/)
})

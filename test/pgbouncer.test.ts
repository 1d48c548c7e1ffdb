import { readFile } from 'node:fs/promises'
import { pino } from 'pino'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { whenThere } from '../src/db/away.ts'
import { connect } from '../src/db/connect.ts'
import { keyOf, must, patch, story } from './factories.ts'
import type { Newsroom } from './newsroom.ts'
import { pgbouncer, WITHOUT_PGBOUNCER } from './pgbouncer.ts'
import { primaryServer } from './postgres-server.ts'
import { until } from './replica-room.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { ON_LOOPBACK, startReceiver } from './webhook-desk.ts'

t.test(
  'all of it through PgBouncer in transaction mode',
  { skip: WITHOUT_PGBOUNCER },
  async (t) => {
    t.setTimeout(60_000)
    const server = await primaryServer(t)
    // As README.md has it.
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
    const logins = /```sql\n(CREATE ROLE dateline_api_reader [\s\S]*?)```/.exec(readme)?.[1] ?? ''
    await server.sql(logins)
    const names = ['reader', 'partner', 'editor'].map((name) => `dateline_api_${name}`)
    const { port } = await pgbouncer(t, server, {
      dateline: server.password,
      ...Object.fromEntries(names.map((name) => [name, 'secret'])),
    })
    const through = (login: string, password: string) =>
      `postgres://${login}:${password}@127.0.0.1:${port}/dateline`
    const [reader = '', partners = '', editors = ''] = names.map((name) => through(name, 'secret'))
    const settings = {
      DATABASE_URL: through('dateline', server.password),
      DATABASE_READER_URL: reader,
      DATABASE_PARTNER_URL: partners,
      DATABASE_EDITOR_URL: editors,
      DATABASE_DIRECT_URL: server.url,
      PREPARED_STATEMENTS: 'false',
      ...ON_LOOPBACK,
    }
    const service = await serviceProcess(t, settings)
    await service.ready()
    const { authorization } = await adminKey(server.url)
    const as =
      (headers: Record<string, string> = {}): Newsroom['reader'] =>
      (method, path, body, more) =>
        service.call(method, path, body, { ...headers, ...more })
    const editor = as({ authorization })
    const receiver = await startReceiver(t)
    await must(editor, 'POST', '/v1/webhooks', { url: receiver.url('/hook'), events: ['*'] })
    const { id: partnerId } = (await must(editor, 'POST', '/v1/partners', { name: 'Record' })).json
    const key = await keyOf(editor, partnerId, ['read', 'syndication'])
    const partner = as({ authorization: `Bearer ${key}` })

    const answers: Record<string, number> = {}
    const count = ({ status }: { status: number }) => {
      answers[status] = (answers[status] ?? 0) + 1
    }
    const lanes = await Promise.all(Array.from({ length: 8 }, () => story(editor)))
    await Promise.all(
      lanes.map(async ({ id, slug }, lane) => {
        for (let i = 0; i < 6; i++) {
          const summary = `${lane} ${i}`
          await patch(editor, `/v1/articles/${id}`, { summary })
          const paths = [`/v1/articles/${slug}`, '/v1/articles?limit=5&count=exact', '/v1/sources']
          const [item] = await Promise.all(
            paths.map(async (path) => {
              const reply = await as()('GET', path)
              count(reply)
              return reply
            }),
          )
          if (item?.json.summary !== summary) t.fail(`${item?.json.summary} is not ${summary}`)
          count(await editor('GET', `/v1/articles/${id}`))
          count(await partner('GET', `/v1/articles/${slug}`))
          count(await partner('GET', '/v1/changes?limit=5'))
        }
      }),
    )
    t.same(answers, { 200: 8 * 6 * 6 })
    await until('the webhook is told', () => receiver.got('/hook').length >= 8, 20_000)
    const repeated = { 'idempotency-key': 'once' }
    const written = await Promise.all(
      [1, 2, 3].map(() => editor('POST', '/v1/articles', { headline: 'Once' }, repeated)),
    )
    t.equal(new Set(written.map(({ text }) => text)).size, 1)
    const { text } = await as()('GET', '/metrics')
    t.match(text, /^cache_hits_total [1-9]/m, 'it listens, past the pooler')

    // What waiting does not mend is said at once, and leaves no lock with a session that others get.
    const silent = pino({ level: 'silent' })
    for (const missing of ['DATABASE_DIRECT_URL', 'DATABASE_READER_URL'] as const) {
      const { [missing]: _, ...without } = settings
      await t.rejects(
        whenThere(() => connect(readConfig(without), silent), silent),
        new RegExp(`This is a pooler.*${missing}`),
      )
    }
    const held = await server.sql(
      `select from pg_locks where locktype = 'advisory' and objid = 1684108389`,
    )
    t.same(held, [])
  },
)

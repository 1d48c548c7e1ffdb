import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './free-port.ts'
import { newsroom } from './newsroom.ts'

/*
 * Secrets planted wherever the service is given one, and then everything goes wrong: none is in what the
 * process writes, nor in any answer, at the log's most talkative level.
 */

const PLANTED = {
  database: 'planted-database-password',
  redis: 'planted-redis-password',
  purge: 'planted-purge-token',
  telemetry: 'planted-telemetry-token',
  query: 'planted-query-secret',
  cookie: 'planted-cookie-secret',
  header: 'planted-header-secret',
  bearer: 'planted-bearer-secret',
  words: 'planted words of a draft',
}

const room = await newsroom(t)
const made = (scopes: string[]) => room.editor('POST', '/v1/keys', { name: 'planted', scopes })

t.test('no secret is written or told again', async (t) => {
  const { key } = (await made(['admin'])).json
  const closed = await freePort()
  const port = await freePort()
  const login = 'planted_login'
  const server = new URL(room.url)
  await room.sql(`create role ${login} superuser login password '${PLANTED.database}'`)
  t.teardown(() => room.sql(`drop role ${login}`))
  server.username = login
  server.password = PLANTED.database
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../src/main.ts', import.meta.url))],
    {
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        LOG_LEVEL: 'trace',
        RATE_LIMIT: '1000',
        DATABASE_URL: server.href,
        REDIS_URL: `redis://:${PLANTED.redis}@127.0.0.1:${closed}`,
        PURGE_URL: `http://127.0.0.1:${closed}/${PLANTED.purge}?token=${PLANTED.purge}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${closed}`,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${PLANTED.telemetry}`,
      },
    },
  )
  let written = ''
  child.stdout.on('data', (data) => (written += data))
  child.stderr.on('data', (data) => (written += data))
  const ended = once(child, 'exit')
  const base = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${base}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (let tries = 0; !(await isReady()); tries++) {
    if (tries === 300 || child.exitCode !== null) throw new Error(`it did not start: ${written}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }

  let told = ''
  const send = async (method: string, path: string, headers: object, body?: string) => {
    const answer = await fetch(base + path, {
      method,
      headers: {
        'content-type': 'application/json',
        cookie: `session=${PLANTED.cookie}`,
        'x-api-key': PLANTED.header,
        'proxy-authorization': `Bearer ${PLANTED.header}`,
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    told += `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}\n`
    return answer.status
  }
  const keyed = { authorization: `Bearer ${key}` }
  const text = JSON.stringify({ headline: PLANTED.words, body: { markdown: PLANTED.words } })
  t.equal(await send('GET', '/v1/keys', keyed), 200)
  t.equal(await send('GET', '/v1/keys', { authorization: `Bearer ${PLANTED.bearer}` }), 401)
  t.equal(await send('GET', '/v1/keys', { authorization: `Token ${PLANTED.bearer}` }), 401)
  t.equal(await send('GET', `/v1/articles?access_token=${PLANTED.query}`, {}), 400)
  t.equal(await send('GET', `/v1/articles?api_key=${key}&password=${PLANTED.query}`, {}), 400)
  t.equal(await send('POST', '/v1/articles', keyed, `${text}x`), 400)
  t.equal(await send('POST', '/v1/articles', { ...keyed, 'idempotency-key': 'a' }, text), 201)
  t.equal(await send('POST', '/v1/sources', keyed, '{"kind":"person","name":"Ann"}'), 201)
  t.equal(await send('GET', '/v1/articles/%zz', keyed), 400)
  const before = told
    .split('\n')
    .filter((line) => !line.startsWith('201'))
    .join('\n')
  // A path stands in the `instance` of the answer, which is the caller's own.
  t.equal(await send('GET', `/v1/articles/${key}`, keyed), 400)

  await room.sql('alter table articles rename to gone')
  t.equal(await send('POST', '/v1/articles', keyed, text), 500)
  await room.sql('alter table gone rename to articles')
  await room.sql(`alter role ${login} nologin`)
  await room.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${login}'`,
  )
  for (let i = 0; i < 5; i++) await send('GET', '/v1/articles?limit=7', keyed)
  // Long enough for the traces to be sent, in vain, and for the purge.
  await new Promise((resolve) => setTimeout(resolve, 6000))
  child.kill('SIGTERM')
  await ended
  await room.sql(`alter role ${login} login`)

  t.match(written, /database/, 'it had something to write')
  t.match(written, /Redis is away/)
  t.ok(written.split('\n').length > 15, `${written.split('\n').length} lines`)
  const secretOfKey = key.slice(14)
  for (const [name, secret] of Object.entries({ ...PLANTED, key: secretOfKey })) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]
    for (const form of forms) {
      t.notOk(written.includes(form), `${name} is not in the log`)
      if (name !== 'words') t.notOk(before.includes(form), `${name} is not in an answer`)
    }
  }
})

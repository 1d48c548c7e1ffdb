import { execFile, spawn } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort } from './free-port.ts'
import { newsroom } from './newsroom.ts'
import { until } from './webhook-desk.ts'

/*
 * "Syndicating from Dateline" in README.md: its commands, run one after the other in one shell, with the
 * service, the mirror and the receiver as real processes.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SLUG = 'crane-to-be-sold-for-scrap'

/** The commands of the section, with the addresses of this test in place of those of a first start. */
function script(api: string, receiver: number): string {
  const [, section = ''] = readFileSync(`${ROOT}/README.md`, 'utf8').split(
    '\n## Syndicating from Dateline\n',
  )
  const own = section.split('\n## ')[0] ?? ''
  const blocks = [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
  return blocks
    .join('')
    .replaceAll('http://127.0.0.1:3000', api)
    .replaceAll('4000', String(receiver))
}

t.test('a partner’s whole path, as it is printed', async (t) => {
  const port = await freePort()
  const api = `http://127.0.0.1:${port}`
  const { editor, url } = await newsroom(t, { seeded: true })
  const { key } = (await editor('POST', '/v1/keys', { name: 'Administrator', scopes: ['admin'] }))
    .json
  const folder = t.testdir({ '.dateline': { 'admin.key': `${key}\n` }, '.curlrc': '' })
  for (const name of ['examples', 'node_modules', 'package.json']) {
    symlinkSync(`${ROOT}/${name}`, `${folder}/${name}`)
  }
  const service = spawn(process.execPath, [`${ROOT}/src/main.ts`], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, DATABASE_URL: url, PORT: `${port}`, LOG_LEVEL: 'fatal' },
      WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.teardown(() => service.kill('SIGKILL'))
  const ready = async () => (await fetch(`${api}/readyz`).catch(() => undefined))?.ok ?? false
  await until(ready)

  const env = { PATH: process.env.PATH, HOME: folder, CURL_HOME: folder, NODE_NO_WARNINGS: '1' }
  const commands = script(api, await freePort())
  const { stdout } = await promisify(execFile)('bash', ['-euc', commands], {
    ...{ cwd: folder, env, timeout: 120_000 },
  })
  t.comment(stdout)
  t.match(stdout, /^\{"data":\[\{"position":\d+,"op":"upsert".*"event":"snapshot"/m)
  t.match(stdout, /^stories\/[0-9a-f-]{36}\.json$/m, 'the receiver has it')
  t.match(stdout, /^1$/m, 'it is in the feed')
  t.match(stdout, /^[0-9a-f-]{36},The Ferry Times,.*(delivered|acknowledged)/m)
  t.match(stdout, /"name":"The Ferry Times".*"state":"removed"/)
  t.match(stdout, /"state":"delivered".*"event" ?: ?"article.killed".*"status":204/)
  t.match(stdout, /"notified":\{[^}]*"how" ?: ?"webhook"/, 'by the service’s own wiring')
  const mirror = new DatabaseSync(`${folder}/mirror.db`, { timeout: 5000 })
  const all = mirror.prepare('select json from articles where json is not null')
  const stories = () => all.all().map(({ json }) => String(json))
  await until(() => !stories().some((json) => json.includes(SLUG)))
  const kept = stories()
  mirror.close()
  t.ok(kept.length > 5, `${kept.length} stories in the mirror`)
  t.notOk(
    kept.some((json) => json.includes(SLUG)),
    'without the killed one',
  )
  const ended = new Promise((resolve) => service.once('exit', resolve))
  service.kill('SIGTERM')
  t.equal(await ended, 0)
})

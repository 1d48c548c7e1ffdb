import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { OPERATOR } from './actor.ts'
import { buildApp } from './app.ts'
import { type Config, ConfigError, environment, readConfig } from './config.ts'
import { whenThere } from './db/away.ts'
import { type Connection, connect } from './db/connect.ts'
import { explain, loggable } from './db/failure.ts'
import { transaction } from './db/transaction.ts'
import { startJobs } from './jobs/start.ts'
import { adminKeyFile } from './keys/admin.ts'
import { openLog } from './log.ts'
import { whyNot } from './port.ts'
import { membership } from './worker.ts'

/** How long requests under way may take once nobody listens any more, in ms; then they are cut off. */
const GRACE = 8000
/** How long all the rest may take, in ms: what was noted is written, connections are closed. */
const REST = 2000

function refuse(message: string): never {
  process.stderr.write(`dateline: ${message}\n`)
  process.exit(1)
}

function configOrExit(): Config {
  try {
    return readConfig(environment())
  } catch (error) {
    if (error instanceof ConfigError) refuse(`the settings are wrong\n${error.message}`)
    throw error
  }
}

/** An embedded newsroom comes with a demo and a key; a database of the operator's is left alone. */
async function furnish(config: Config, { db }: Connection): Promise<string> {
  const { isEmpty, loadSeeds } = await import('./intake/seeds.ts')
  const stories = await transaction(db, async (tx) => {
    const ctx = { tx, actor: OPERATOR }
    return (await isEmpty(ctx)) ? loadSeeds(ctx) : 0
  })
  if (stories > 0) log.info(`Loaded the demo newsroom: ${stories} stories`)
  return adminKeyFile(db, config.dataDir)
}

const started = performance.now()
const config = configOrExit()
const log = await openLog(config)
const member = membership()
const connection = await whenThere(() => connect(config, log), log).catch((error) =>
  refuse(explain(error)),
)
const failed = async (error: unknown) => {
  await connection.close()
  return refuse(explain(error))
}
const keyFile = connection.embedded ? await furnish(config, connection).catch(failed) : undefined
const app = await buildApp({ config, db: connection.db, allMetrics: member.metrics }, log).catch(
  failed,
)
member.share(app.metrics)
const ending = new AbortController()
let jobs = Promise.resolve(async () => {})

/**
 * The end: after SIGTERM, whoever watches `/readyz` is given time to send requests elsewhere; then nobody
 * listens, and what is under way ends, within limits. After an error nothing is waited for that can be cut.
 */
async function end({ signal, err }: { signal?: string; err?: Error }): Promise<void> {
  if (err) log.fatal({ err: loggable(err) }, 'stopping after an error')
  else log.info(`Stopping (${signal})`)
  app.leave()
  ending.abort()
  const stopped = jobs
    .then((stop) => stop())
    .catch((error) => {
      // It never began.
      if (error.name === 'AbortError') return
      log.error({ err: loggable(error) }, 'what runs in the background did not end')
    })
  if (signal === 'SIGTERM') await sleep(config.shutdownDelay)
  const cut = setTimeout(() => app.server.closeAllConnections(), err ? 0 : GRACE)
  await Promise.all([stopped, app.close()])
  clearTimeout(cut)
  await connection.close()
}

closeWithGrace({ delay: config.shutdownDelay + GRACE + REST, logger: log }, end)

try {
  const { host, port } = config
  await app.listen({ host, port, ...{ reusePort: member.reusePort } })
} catch (error) {
  await app.close()
  await connection.close()
  refuse(whyNot(error as NodeJS.ErrnoException, config))
}

member.listens((app.server.address() as AddressInfo).port)

// After it listens: what is announced can be read.
const { db } = connection
const { signal } = ending
member.charged.then(() => {
  jobs = startJobs({ config, db, metrics: app.metrics, log, signal })
  jobs.catch((error) => signal.aborted || failed(error))
})

const { publicUrl } = config
if (member.announces) {
  log.info(`Reference:  ${publicUrl}/docs`)
  log.info(`Try:        curl '${publicUrl}/v1/articles?limit=3'`)
}
if (keyFile && member.announces) {
  log.info(`Admin key:  ${keyFile}`)
  log.info(
    `As editor:  curl -H "Authorization: Bearer $(cat ${keyFile})" '${publicUrl}/v1/articles?status=draft'`,
  )
}
log.info(`Ready in ${Math.round(performance.now() - started)} ms`)

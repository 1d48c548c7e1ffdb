import closeWithGrace from 'close-with-grace'
import { OPERATOR } from './actor.ts'
import { buildApp } from './app.ts'
import { type Config, ConfigError, environment, readConfig } from './config.ts'
import { transaction } from './db/client.ts'
import { type Connection, connect } from './db/connect.ts'
import { explain } from './db/failure.ts'
import { startJobs } from './jobs/start.ts'
import { adminKeyFile } from './keys/admin.ts'
import { openLog } from './log.ts'
import { membership } from './worker.ts'

/** How long requests under way may take after SIGTERM, in ms. */
const GRACE = 10_000

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
const connection = await connect(config, log).catch((error) => refuse(explain(error)))
const failed = async (error: unknown) => {
  await connection.close()
  return refuse(explain(error))
}
const keyFile = connection.embedded ? await furnish(config, connection).catch(failed) : undefined
const app = await buildApp({ config, db: connection.db, allMetrics: member.metrics }, log).catch(
  failed,
)
member.share(app.metrics)
let jobs = Promise.resolve(async () => {})

closeWithGrace({ delay: GRACE, logger: log }, async ({ signal, err }) => {
  if (err) log.fatal({ err }, 'stopping after an error')
  else log.info(`Stopping (${signal})`)
  await Promise.all([jobs.then((stop) => stop()), app.close()])
  await connection.close()
})

try {
  await app.listen({ host: config.host, port: config.port })
} catch (error) {
  await app.close()
  await connection.close()
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'EADDRINUSE') refuse(message)
  refuse(`port ${config.port} of ${config.host} is taken; set PORT to another one`)
}

// After it listens: what is announced can be read.
const { db } = connection
member.charged.then(() => {
  jobs = startJobs({ config, db, metrics: app.metrics, log })
  jobs.catch(failed)
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

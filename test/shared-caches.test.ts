import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { another } from './delivery-program.ts'
import { draft, inSeconds, must, patch, publish, story } from './factories.ts'
import { callerOf, newsroom } from './newsroom.ts'
import { type Cache, missing, type Program, startCache } from './shared-caches.ts'

/*
 * Shared caches for real: nginx, Varnish and Squid with the configurations of docs/caching/, each before
 * a service of its own, over sockets. What docs/caching.md says of them is asserted here. Each is
 * skipped where it is not installed.
 */

// Nearly all of it is waiting for ten seconds to pass.
t.jobs = 3
const room = await newsroom(t)
const { editor } = room
const long = { markdown: 'Paragraph after paragraph of it.\n\n'.repeat(60) }
const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Answer = {
  status: number
  headers: Record<string, string | undefined>
  bytes: Buffer
}

/** A GET as it stands on the wire: nothing is decoded, added or kept. */
function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent: false }, (reply) => {
      const parts: Buffer[] = []
      reply.on('data', (part) => parts.push(part))
      reply.on('end', () =>
        resolve({
          status: reply.statusCode ?? 0,
          headers: reply.headers as Answer['headers'],
          bytes: Buffer.concat(parts),
        }),
      )
      reply.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}

function decoded({ headers, bytes }: Answer): string {
  const encoding = headers['content-encoding']
  if (encoding === 'br') return brotliDecompressSync(bytes).toString()
  return (encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

/** A service, the cache before it, and which requests came through to it. */
async function behind(t: Test, program: Program) {
  const through: { url: string; tag: string | undefined; key: boolean }[] = []
  const first = await another(t, room)
  const address = new URL(await first.app.listen({ host: '127.0.0.1', port: 0 }))
  first.app.server.on('request', ({ url = '', headers }) => {
    if (url.startsWith('/v1')) {
      through.push({
        url,
        tag: headers['if-none-match'],
        key: headers.authorization !== undefined,
      })
    }
  })
  const cache: Cache = await startCache(program, address.port)
  t.teardown(() => cache.stop())
  // The writes come from a second instance, which purges where that can be done.
  const { key } = (await editor('POST', '/v1/keys', { name: program, scopes: ['admin'] })).json
  const purgeUrl = program === 'varnish' ? `${cache.url}/purge` : undefined
  const writing = await another(t, room, { purgeUrl })
  return {
    write: callerOf(writing.app, `Bearer ${key}`),
    key: `Bearer ${key}`,
    read: (path: string, headers?: Record<string, string>) => get(cache.url + path, headers),
    /** What came through while something was done. */
    async during<T>(work: () => Promise<T>) {
      const before = through.length
      const result = await work()
      return { result, came: through.slice(before) }
    },
  }
}

/** How long it takes until something holds, in ms; fails after so many. */
async function until(what: string, ms: number, holds: () => Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < ms) {
    if (await holds()) return performance.now() - started
    await pass(50)
  }
  throw new Error(`${what} did not come true within ${ms} ms`)
}

for (const program of ['nginx', 'varnish', 'squid'] as const) {
  const skip = missing(program) ?? false
  t.test(program, { skip, jobs: 8, buffered: true }, async (t) => {
    const { write, key, read, during } = await behind(t, program)
    /**
     * What the cache gives out of a path without asking. Not always from the second time on: while the machine is
     * so busy that its heart misses a beat, the service lets nobody keep anything.
     */
    const keptOf = async (path: string) => {
      let answer = await read(path)
      await until('it is kept', 5000, async () => {
        const { result, came } = await during(() => read(path))
        answer = result
        return came.every(({ url }) => url !== path)
      })
      return answer
    }

    t.test('gives out what it has, to whoever asks without a key', async (t) => {
      const { slug } = await story(write, { body: long })
      const path = `/v1/articles/${slug}`
      const first = await read(path)
      t.equal(first.status, 200)
      const second = await keptOf(path)
      t.same([second.status, decoded(second)], [200, decoded(first)])
      const known = await read(path, { 'if-none-match': second.headers.etag ?? '' })
      t.equal(known.status, 304)
      const other = await read(path, { 'x-api-key': 'not a thing here' })
      t.equal(decoded(other), decoded(first), 'a header of another kind is no key')
    })

    t.test('keeps nothing of what goes to a key, and gives it to nobody', async (t) => {
      const word = `unseen${program}`
      const { id } = await draft(write, { headline: word })
      for (const path of [`/v1/articles?q=${word}`, `/v1/articles/${id}`]) {
        const asked = (authorization: string) => during(() => read(path, { authorization }))
        const nobody = async () => {
          const { status, ...rest } = await read(path)
          t.notMatch(decoded({ status, ...rest }), new RegExp(`"${word}"`), 'nobody else')
          t.not(status, 401)
        }
        for (let i = 0; i < 2; i++) {
          const { result, came } = await asked(key)
          t.equal(result.status, 200)
          t.match(decoded(result), new RegExp(`"${word}"`))
          t.match(result.headers['cache-control'], /no-store/)
          const its = came.filter((one) => one.url === path)
          t.same(
            its.map((one) => one.key),
            [true],
            'asked for each time, with its key',
          )
          await nobody()
        }
        t.equal((await asked('Bearer wrong')).result.status, 401)
        await nobody()
      }
    })

    t.test('gives each encoding to whoever asks for it', async (t) => {
      const { slug } = await story(write, { body: long })
      const path = `/v1/articles/${slug}`
      const texts = new Set<string>()
      for (const encoding of ['gzip', 'identity', 'br', 'br, gzip', 'gzip', 'identity', 'br', '']) {
        const answer = await read(path, encoding ? { 'accept-encoding': encoding } : {})
        const used = answer.headers['content-encoding'] ?? 'identity'
        t.ok(used === 'identity' || encoding.includes(used), `${used} for ${encoding}`)
        texts.add(decoded(answer))
      }
      t.equal(texts.size, 1)
    })

    t.test('what was killed is gone within ten seconds', async (t) => {
      const { id, slug } = await story(write, { body: long, headline: `Killed ${program}` })
      const path = `/v1/articles/${slug}`
      const { headers } = await read(path)
      t.equal((await read(path)).status, 200)
      await must(write, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'Withdrawn.' })
      const ms = await until('it is gone', 15_000, async () => (await read(path)).status === 410)
      t.comment(`${program}: ${Math.round(ms)} ms`)
      // A second for clocks that count whole seconds.
      t.ok(ms < 11_000, `${Math.round(ms)} ms`)
      if (program === 'varnish') t.ok(ms < 500, 'at once, being purged')
      const known = await read(path, { 'if-none-match': headers.etag ?? '' })
      t.equal(known.status, 410, 'also to whoever has it')
      t.match(decoded(known), /Withdrawn/)
    })

    t.test('what has run out is asked for with its ETag', async (t) => {
      const { slug } = await story(write, { body: long })
      const path = `/v1/articles/${slug}`
      const first = await keptOf(path)
      await pass(11_200)
      const { result, came } = await during(() => read(path))
      t.same([result.status, decoded(result)], [200, decoded(first)])
      const [asked] = came.filter(({ url }) => url === path)
      t.match(asked?.tag, /^"/, 'and most of the time it is still right')
    })

    t.test('what time hides is not shown after its time', async (t) => {
      const { id, slug } = await story(write, { body: long })
      const path = `/v1/articles/${slug}`
      const expiresAt = inSeconds(3.6)
      await publish(write, id, { expiresAt })
      await pass(100)
      let last = 0
      await until('it is gone', 8000, async () => {
        const asked = Date.now()
        const { status } = await read(path)
        if (status === 200) last = asked
        return status === 410
      })
      t.ok(last > 0, 'it was there')
      t.ok(last <= Date.parse(expiresAt), `last seen ${last - Date.parse(expiresAt)} ms after`)
    })
    await t.test('a change is seen', async (t) => {
      const { id, slug } = await story(write, { summary: 'old' })
      const path = `/v1/articles/${slug}?fields=summary`
      const list = `/v1/articles?ids=${id}&fields=summary`
      const summaries = async () => [decoded(await read(path)), decoded(await read(list))]
      t.match((await summaries()).join(), /old/)
      await patch(write, `/v1/articles/${id}`, { summary: `new ${program}` })
      const both = async () => (await summaries()).every((text) => text.includes(`new ${program}`))
      const ms = await until('it is seen', 13_000, both)
      if (program === 'varnish') t.ok(ms < 500, `${Math.round(ms)} ms`)
    })
  })
}

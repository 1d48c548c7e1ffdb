import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { figure } from './figures.ts'
import { newsroom } from './newsroom.ts'
import { memoryOf } from './process-usage.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'

/*
 * Bodies that are too large, too deep or broken are refused with a problem that says where, and cost the
 * process little memory however they are sent.
 */

t.setTimeout(120_000)

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** MB that memory may grow by. */
const MOST = 64
const TIMES = isLong ? 5 : 2

const room = await newsroom(t)
const { authorization } = await adminKey(room.url)
const service = await serviceProcess(t, { DATABASE_URL: room.url })
await service.ready()

const MB = 1024 * 1024
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

/** Sends a body in pieces; without a length where it is not told one. */
async function send(pieces: Iterable<string>, length?: number) {
  const made = request({
    ...{
      port: service.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/articles',
      agent: false,
    },
    headers: {
      authorization,
      'content-type': 'application/json',
      // A connection that is to be closed is closed at once, and what is still sent to it takes the answer away.
      connection: 'keep-alive',
      ...(length !== undefined && { 'content-length': length }),
    },
  })
  made.on('error', () => {})
  const answered = once(made, 'response')
  let over = false
  made.once('response', () => {
    over = true
  })
  for (const piece of pieces) {
    if (over || made.destroyed) break
    if (!made.write(piece)) await Promise.race([once(made, 'drain'), answered])
  }
  if (!over) made.end()
  const [response] = await answered
  let text = ''
  for await (const chunk of response) text += chunk
  made.destroy()
  return { status: response.statusCode as number, json: JSON.parse(text) }
}

function* repeated(text: string, times: number, before = '', after = '') {
  yield before
  for (let i = 0; i < times; i++) yield text
  yield after
}

t.test('large and deep bodies cost little', async (t) => {
  const chunk = 'x'.repeat(64 * 1024)
  const unknown = `{${Array.from({ length: 150_000 }, (_, i) => `"n${i}":1`).join()}}`
  const bodies: [
    name: string,
    status: number,
    code: string,
    send: () => ReturnType<typeof send>,
  ][] = [
    ['10 MB, as told', 413, 'payload_too_large', () => send(repeated(chunk, 160), 10 * MB)],
    [
      '10 MB, untold',
      413,
      'payload_too_large',
      () => send(repeated(chunk, 160, '{"headline":"', '"}')),
    ],
    ['50 MB, as told', 413, 'payload_too_large', () => send(repeated(chunk, 800), 50 * MB)],
    [
      '50 MB, untold',
      413,
      'payload_too_large',
      () => send(repeated(chunk, 800, '{"headline":"', '"}')),
    ],
    ['100,000 levels', 400, 'invalid_request', () => send([deep(100_000)])],
    ['a million levels', 400, 'invalid_request', () => send([deep(1_000_000)])],
    ['a million levels, not closed', 400, 'invalid_request', () => send(['['.repeat(1_900_000)])],
    [
      'levels in an article',
      400,
      'invalid_request',
      () => send([`{"body":{"blocks":${deep(100_000)}}}`]),
    ],
    [
      '1.9 MB that never end',
      400,
      'malformed_json',
      () => send([`{"headline":"${'\\"'.repeat(950_000)}`]),
    ],
    [
      'a name 300,000 times',
      400,
      'invalid_request',
      () => send([`{${'"a":1,'.repeat(300_000)}"a":1}`]),
    ],
    ['150,000 unknown names', 400, 'invalid_request', () => send([unknown])],
  ]
  const few = `{${Array.from({ length: 900 }, (_, i) => `"n${i}":1`).join()}}`
  t.equal(
    (await send([few])).json.errors.length,
    900,
    'all faults are told, as long as there are not thousands',
  )
  // What any request makes the process load, and one of its largest.
  const largest = JSON.stringify({ headline: 'Large', body: { markdown: '港 '.repeat(49_000) } })
  for (let i = 0; i < 5; i++) t.equal((await send([largest])).status, 201)
  await send(['{'])
  /** Sends these, so many times each: by how much memory was larger at most meanwhile, in MB. */
  const growth = async (sent: typeof bodies, times: number) => {
    const before = await memoryOf(service.pid)
    let most = before
    const timer = setInterval(async () => {
      most = Math.max(most, await memoryOf(service.pid))
    }, 20)
    for (let i = 0; i < times; i++) {
      for (const [name, status, code, go] of sent) {
        const reply = await go()
        t.match([reply.status, reply.json.code], [status, code], name)
      }
    }
    clearInterval(timer)
    return Math.round(Math.max(most, await memoryOf(service.pid)) - before)
  }
  const isPromised = ([name]: (typeof bodies)[number]) => /10 MB|100,000|article/.test(name)
  const promised = bodies.filter(isPromised)
  const grown = await growth(promised, TIMES)
  t.ok(grown < MOST, `grew by ${grown} MB`)
  // What is read whole, and refused then, lies in memory until it is collected; none of it is large.
  for (const body of bodies) {
    if (isPromised(body)) continue
    const more = await growth([body], 1)
    t.ok(more < MOST, `${body[0]}: ${more} MB`)
  }

  const file = `${t.testdir()}/large.md`
  await writeFile(file, Buffer.alloc(50 * MB, '# Large\n\nText. '))
  const small = `${t.testdirName}/small.md`
  await writeFile(small, '# Small\n\nText.\n')
  const [refused, taken] = [await imported(file), await imported(small)]
  t.match(refused, { code: 1, text: /is larger than 2 MB/ })
  t.equal(taken.code, 0)
  t.ok(
    refused.peak - taken.peak < MOST,
    `${Math.round(refused.peak - taken.peak)} MB more than a small one`,
  )
  figure(
    t,
    'large bodies',
    `${TIMES * promised.length} bodies refused with 400 or 413; memory grew by ${grown} MB at most; ` +
      `an import of 50 MB took ${Math.round(refused.peak - taken.peak)} MB more than a small one`,
  )
})

/** Imports a file at the command line: how it ended, what it printed, and the most memory it had, in MB. */
async function imported(file: string): Promise<{ code: number; text: string; peak: number }> {
  const tell = "process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))"
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', `data:text/javascript,${tell}`, 'src/cli.ts', 'import', file],
      { cwd: ROOT, env: { PATH: process.env.PATH, DATABASE_URL: room.url } },
      (error, stdout, stderr) => {
        const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1]) / 1024
        resolve({ code: Number(error?.code ?? 0), text: stdout, peak })
      },
    )
  })
}

t.test('a broken body is told where', async (t) => {
  for (const [body, code, message] of [
    ['{"headline": x}', 'malformed_json', 'is not JSON at line 1, column 14'],
    ['{\n  "headline": "a",\n}', 'malformed_json', 'is not JSON at line 3, column 1'],
    ['{"headline": "a"', 'malformed_json', 'is not JSON at line 1, column 17'],
    ['{} {}', 'malformed_json', 'is not JSON at line 1, column 4'],
    [Buffer.from('{"headline":"a\xff"}', 'latin1'), 'malformed_json', 'is not UTF-8 at byte 14'],
    [Buffer.from([0xef, 0xbb, 0xbf, 0x22, 0xc3]), 'malformed_json', 'is not UTF-8 at byte 4'],
    ['[[\n'.repeat(20), 'invalid_request', 'is nested deeper than 32 levels at line 17, column 1'],
  ] as const) {
    const { status, json } = await room.editor('POST', '/v1/articles', body)
    t.equal(status, 400)
    t.match(json, { code, errors: [{ pointer: '', message }] }, message)
    t.notMatch(JSON.stringify(json), /headline/, 'nothing of it is repeated')
  }
  const twice = await room.editor(
    'POST',
    '/v1/articles',
    '{"body":{"markdown":"a","mark\\u0064own":"b"}}',
  )
  t.match(twice.json, { code: 'invalid_request', errors: [{ pointer: '/body/markdown' }] })
  const source = await room.editor(
    'POST',
    '/v1/sources',
    JSON.stringify({ name: 'x'.repeat(300_000) }),
  )
  t.match(source, { status: 413, json: { detail: /larger than the 256 kB/ } })
})

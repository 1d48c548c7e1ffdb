import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { ConfigError, readConfig } from '../src/config.ts'
import { type Dial, openConnector, RefusedAddress } from '../src/webhooks/connector.ts'
import { openResolver } from '../src/webhooks/names.ts'
import { urlFaults } from '../src/webhooks/policy.ts'
import { networks, specialRange } from '../src/webhooks/ranges.ts'
import { openSender } from '../src/webhooks/sender.ts'
import { makeSecret } from '../src/webhooks/signature.ts'
import { makeCertificate } from './certificate.ts'
import { startNameServer } from './name-server.ts'
import { runs } from './size.ts'
import { INSIDE, INSIDE_NAMES, MALFORMED, PUBLIC } from './webhook-spellings.ts'

/*
 * Which URLs webhooks may have, and which addresses they may lead to. Nothing here leaves the
 * machine: where an inside or public address is dialled, the dialling is a recorder.
 */

/** IANA's registries of special-purpose addresses, all rows, multicast, and what was withdrawn. */
const REGISTRY = [
  ...['0.0.0.0/8', '0.0.0.0/32', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.0.0/29', '192.0.0.8/32', '192.0.0.9/32'],
  ...['192.0.0.10/32', '192.0.0.170/32', '192.0.0.171/32', '192.0.2.0/24', '192.31.196.0/24'],
  ...['192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '255.255.255.255/32'],
  ...['::1/128', '::/128', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64'],
  ...['100:0:0:1::/64', '2001::/23', '2001::/32', '2001:1::1/128', '2001:1::2/128'],
  ...['2001:1::3/128', '2001:2::/48', '2001:3::/32', '2001:4:112::/48', '2001:10::/28'],
  ...['2001:20::/28', '2001:30::/28', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48'],
  ...['3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8', '::/96'],
  ...['::ffff:0:0:0/96', '3ffe::/16'],
]
const REGISTRY_4 = REGISTRY.filter((cidr) => !cidr.includes(':'))

const run = promisify(execFile)

const messages = (url: string, allow: string[] = []) =>
  urlFaults(url, networks(allow)).map((fault) => {
    if (!('pointer' in fault) || fault.pointer !== '/url') throw new Error('no pointer to the URL')
    return fault.message
  })

t.test('inside addresses are refused in every spelling', async (t) => {
  for (const [range, urls] of Object.entries(INSIDE)) {
    for (const url of urls) {
      t.match(messages(url).join('; '), new RegExp(`public address; .* is ${range}$`), url)
    }
  }
  for (const url of INSIDE_NAMES) t.match(messages(url).join('; '), /public name/, url)
  const spellings = Object.values(INSIDE).flat()
  t.equal(new Set(spellings).size, spellings.length, `${spellings.length} spellings`)
})

t.test('what else is wrong with a URL is told', async (t) => {
  for (const [fault, urls] of Object.entries(MALFORMED)) {
    for (const url of urls) t.ok(messages(url).includes(fault), `${JSON.stringify(url)} ${fault}`)
  }
  t.same(messages('http://user:pw@127.1:8080/#there'), [
    'must not hold a user name or password',
    'must not have a fragment, which is never sent',
    'must use https',
    'must use port 443',
    'must lead to a public address; 127.0.0.1 is loopback',
  ])
})

t.test('public addresses and names are allowed', async (t) => {
  for (const url of PUBLIC) t.same(messages(url), [], url)
})

t.test('networks that are allowed may have http and any port, and nothing else may', async (t) => {
  const allow = ['10.20.0.0/16', 'fd00:20::/32', '9.9.9.9/32']
  for (const url of [
    ...[
      'http://10.20.3.4:8080/',
      'https://10.20.255.255/',
      'http://0x0a140304/',
      'http://10.20.1/',
    ],
    ...['http://[fd00:20::1]:3000/', 'http://9.9.9.9:9/'],
    // Where they lead is seen when they are called.
    ...['http://hooks.internal:8080/', 'http://partner.example/', 'https://receiver/'],
  ]) {
    t.same(messages(url, allow), [], url)
  }
  for (const [url, fault] of [
    ['http://10.21.0.1/', /public address/],
    ['https://10.19.255.255/', /public address/],
    ['http://[::ffff:10.20.3.4]/', /public address/],
    ['http://[64:ff9b::10.20.3.4]/', /public address/],
    ['http://localhost:3000/', /public address/],
    ['http://[fd00:21::1]/', /public address/],
    ['http://8.8.8.8/', /https/],
    ['https://8.8.8.8:8443/', /port 443/],
    ['http://user@10.20.3.4/', /password/],
    ['http://10.20.3.4/#x', /fragment/],
    ['ftp://10.20.3.4/', /absolute/],
  ] as const) {
    t.match(messages(url, allow).join('; '), fault, url)
  }
  t.same(messages('http://localhost:3000/', ['127.0.0.0/8']), [])
  t.same(messages('http://localhost:3000/', ['::1/128']), [])
})

const FORM = 'must be networks such as 10.0.0.0/8 or fd00::/8, separated by commas'

t.test('WEBHOOK_ALLOW_CIDRS is checked at the start', async (t) => {
  const read = (value: string) => readConfig({ WEBHOOK_ALLOW_CIDRS: value }).webhookAllowCidrs
  t.same(readConfig({}).webhookAllowCidrs, [])
  t.same(read('10.0.0.0/8, fd00::/8,127.0.0.1/32'), ['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32'])
  t.ok(Object.isFrozen(read('10.0.0.0/8')) && Object.isFrozen(read('')))
  for (const wrong of [
    ...['10.0.0.0', '10/8', '10.0.0.1/8', '10.0.0.0/33', '010.0.0.0/8', '0xa.0.0.0/8', 'x/8'],
    ...['10.0.0.0/8;127.0.0.0/8', '10.0.0.0/8,', 'fd00::1/8', 'fd00::/129', 'fe80::%lo/10'],
    ...['10.0.0.0/-1', '10.0.0.0/8.5', 'localhost', '*', 'all', '10.0.0.0/255.0.0.0'],
  ]) {
    t.throws(() => read(wrong), new ConfigError(`WEBHOOK_ALLOW_CIDRS ${FORM}`), wrong)
  }
})

t.test('every special-purpose range is known, from its first address to its last', async (t) => {
  for (const cidr of REGISTRY) {
    const [first, bits] = ipaddr.parseCIDR(cidr)
    const bytes = first.toByteArray()
    const last = bytes.map((byte, i) => byte | (0xff >> Math.min(Math.max(bits - 8 * i, 0), 8)))
    for (const one of [bytes, last]) {
      const address = ipaddr.fromByteArray(one).toString()
      t.ok(specialRange(address), `${address} of ${cidr}`)
    }
  }
})

/** An IPv4 address as a number. */
const dotted = (address: number) =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')

const inNetwork = (cidr: string) => {
  const [first, bits] = ipaddr.IPv4.parseCIDR(cidr)
  const start = first.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0)
  return fc.integer({ min: 0, max: 2 ** (32 - bits) - 1 }).map((offset) => start + offset)
}
const special = fc.constantFrom(...REGISTRY_4).chain(inNetwork)
const anyAddress = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** How one address can be written: parts, bases, zeros, digits, dots, percent signs. */
const style = fc.record({
  parts: fc.integer({ min: 1, max: 4 }),
  bases: fc.array(fc.constantFrom('10', '8', '16'), { minLength: 4, maxLength: 4 }),
  zeros: fc.integer({ min: 0, max: 12 }),
  upper: fc.boolean(),
  wide: fc.boolean(),
  dot: fc.constantFrom('.', '。', '．', '｡', '%2e', '%E3%80%82'),
  percent: fc.boolean(),
  end: fc.constantFrom('', '.'),
})
type Style = typeof style extends fc.Arbitrary<infer T> ? T : never

function spell(address: number, how: Style): string {
  const numbers = [24, 16, 8].slice(0, how.parts - 1).map((shift) => (address >>> shift) & 255)
  numbers.push(how.parts === 1 ? address : address % 2 ** (40 - 8 * how.parts))
  const written = numbers.map((number, i) => {
    const base = Number(how.bases[i])
    const digits = number.toString(base)
    const zeros = '0'.repeat(how.zeros)
    const text = base === 10 ? digits : base === 8 ? `0${zeros}${digits}` : `0x${zeros}${digits}`
    return how.upper ? text.toUpperCase() : text
  })
  const characters = [...written.join('\n')].map((one) => {
    if (one === '\n') return how.dot
    if (how.wide) return String.fromCodePoint((one.codePointAt(0) ?? 0) + 0xfee0)
    return how.percent ? `%${one.charCodeAt(0).toString(16)}` : one
  })
  return `https://${characters.join('')}${how.end}/`
}

t.test('an IPv4 address of a special range is refused, however it is written', async (t) => {
  fc.assert(
    fc.property(special, style, (address, how) => {
      const url = spell(address, how)
      const faults = messages(url)
      return faults.some((one) =>
        one.startsWith(`must lead to a public address; ${dotted(address)} `),
      )
    }),
    { numRuns: runs(1000) },
  )
  t.pass()
})

t.test('a public IPv4 address is allowed, however it is written', async (t) => {
  const lists = REGISTRY_4.concat('168.63.129.16/32').map((cidr) => ipaddr.IPv4.parseCIDR(cidr))
  fc.assert(
    fc.property(anyAddress, style, (address, how) => {
      const parsed = ipaddr.IPv4.parse(dotted(address))
      fc.pre(!lists.some((network) => parsed.match(network)))
      return messages(spell(address, how)).length === 0
    }),
    { numRuns: runs(1000) },
  )
  t.pass()
})

t.test('IPv6 that carries an IPv4 address, or was never handed out, is refused', async (t) => {
  const group = fc.integer({ min: 0, max: 0xffff })
  const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count })
  const carrying = fc.oneof(
    groups(2).map((low) => [0, 0, 0, 0, 0, 0, ...low]),
    groups(2).map((low) => [0, 0, 0, 0, 0, 0xffff, ...low]),
    groups(2).map((low) => [0, 0, 0, 0, 0xffff, 0, ...low]),
    groups(2).map((low) => [0x64, 0xff9b, 0, 0, 0, 0, ...low]),
    groups(7).map((low) => [0x2002, ...low]),
    groups(6).map((low) => [0x2001, 0, ...low]),
    groups(8).filter(([first = 0]) => first >> 13 !== 1),
  )
  const hex = (parts: number[]) => parts.map((part) => part.toString(16)).join(':')
  fc.assert(
    fc.property(carrying, fc.boolean(), (parts, short) => {
      const address = hex(parts)
      const written = short ? new ipaddr.IPv6(parts).toString() : address.toUpperCase()
      return messages(`https://[${written}]/`).some((one) => one.includes('public address'))
    }),
    { numRuns: runs(500) },
  )
  t.pass()
})

/** Takes down where sockets would go, instead of going there. */
function recorder() {
  const dialled: string[] = []
  const dial = (options: net.TcpNetConnectOpts) => {
    const socket = new net.Socket()
    if (net.isIP(options.host ?? '')) dialled.push(options.host ?? '')
    else {
      options.lookup?.(options.host ?? '', { all: true }, (error, found) => {
        if (!error) dialled.push(...(found as { address: string }[]).map((one) => one.address))
        socket.destroy(error ?? new Error('recorded'))
      })
    }
    return socket
  }
  return { dialled, dial: { tcp: dial, tls: dial } as Dial }
}

const names = await startNameServer({
  'public.example': () => ['93.184.216.34', '2606:2800:220:1::1'],
  'inside.example': () => ['10.0.0.1', '127.0.0.1', '169.254.169.254', 'fd00::1', '::1'],
  'mixed.example': () => ['10.0.0.1', '93.184.216.34', 'fe80::1', '::ffff:127.0.0.1'],
  'alias.example': () => ['inside.example'],
  'mapped.example': () => [
    '::ffff:93.184.216.34',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ],
  'rebinding.example': (n) => (n === 1 ? ['93.184.216.34'] : ['127.0.0.1']),
  'many.example': () => Array.from({ length: 40 }, (_, i) => `93.184.216.${i}`),
  'loopback.example': () => ['10.255.255.1', '127.0.0.1'],
  'moving.example': (n) => (n === 1 ? ['127.0.0.1'] : ['10.255.255.1', '::1']),
  // What a resolver says about these is not asked for.
  localhost: () => ['93.184.216.34'],
  'nothing.example': () => [],
})
t.teardown(() => names.close())
const resolve = openResolver([names.address])

/** Where a connection to a URL would go; `refused` or the code of the error when to nowhere. */
async function destinations(url: string, allow: string[] = []): Promise<string[] | string> {
  const { dialled, dial } = recorder()
  try {
    const socket = openConnector(networks(allow), resolve, dial)(new URL(url), () => {})
    if (dialled.length === 0) await once(socket, 'close')
  } catch (error) {
    if (error instanceof RefusedAddress) return 'refused'
    if ((error as Error).message !== 'recorded') return (error as NodeJS.ErrnoException).code ?? ''
  }
  return dialled
}

t.test('a name leads only to those of its addresses that may be called', async (t) => {
  const to = async (url: string, expected: string[] | string, allow: string[] = []) =>
    t.same(await destinations(url, allow), expected, `${url} ${allow}`)
  await to('https://public.example/', ['93.184.216.34', '2606:2800:220:1::1'])
  await to('https://PUBLIC.example/', ['93.184.216.34', '2606:2800:220:1::1'])
  await to('https://inside.example/', 'refused')
  await to('https://alias.example/', 'refused')
  await to('https://mapped.example/', 'refused')
  await to('https://mixed.example/', ['93.184.216.34'])
  await to('https://localhost/', 'refused')
  await to('https://api.localhost/', 'refused')
  await to('https://nowhere.example/', 'ENOTFOUND')
  await to('https://nothing.example/', 'ENODATA')
  t.equal((await destinations('https://many.example/')).length, 8)
  // Neither http nor another port leads to a public address.
  await to('http://public.example/', 'refused')
  await to('https://public.example:8443/', 'refused')
  await to('http://public.example:443/', 'refused')
  // With a network, they lead to it, and only there.
  await to('http://inside.example:8080/', ['10.0.0.1'], ['10.0.0.0/8'])
  await to('https://inside.example/', ['10.0.0.1', 'fd00::1'], ['10.0.0.0/8', 'fd00::/8'])
  await to('https://mixed.example/', ['10.0.0.1', '93.184.216.34'], ['10.0.0.0/8'])
  await to('http://mixed.example/', ['10.0.0.1'], ['10.0.0.0/8'])
  await to('http://localhost:3000/', ['127.0.0.1'], ['127.0.0.0/8'])
  await to('https://mapped.example/', 'refused', ['127.0.0.0/8'])
  // Asked anew each time: a name that moves inside after it was registered does not follow.
  await to('https://rebinding.example/', ['93.184.216.34'])
  await to('https://rebinding.example/', 'refused')
})

t.test('an address leads to itself or nowhere', async (t) => {
  for (const url of Object.values(INSIDE).flat()) {
    t.equal(await destinations(url), 'refused', url)
  }
  t.same(await destinations('https://8.8.8.8/'), ['8.8.8.8'])
  t.same(await destinations('https://[2606:4700::1]/'), ['2606:4700::1'])
  t.equal(await destinations('http://8.8.8.8/'), 'refused')
  t.equal(await destinations('https://8.8.8.8:444/'), 'refused')
})

t.test('no spelling of loopback reaches a server on it, unless it is allowed', async (t) => {
  let reached = 0
  const server = net.createServer((socket) => {
    reached++
    socket.end('HTTP/1.1 204 No Content\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as net.AddressInfo
  const message = { id: 'm', at: new Date(), body: '{}', secrets: [makeSecret()] }
  const strict = openSender({ allow: [], publicUrl: 'https://api.example', resolve })
  const open = openSender({ allow: ['127.0.0.0/8'], publicUrl: 'https://api.example', resolve })

  const spellings = (INSIDE.loopback ?? []).filter((url) => !/[[?]|:443/.test(url))
  const urls = ['https://loopback.example/', 'https://moving.example/', ...spellings].flatMap(
    (url) => {
      const withPort = url.replace(/\/?$/, `:${port}/`)
      return [withPort, withPort.replace(/^https/i, 'http')]
    },
  )
  for (const url of urls) {
    const { error, status } = await strict.send({ ...message, url })
    t.same({ error, status }, { error: 'refused_address', status: null }, url)
  }
  t.equal(reached, 0)

  const here = (host: string) => open.send({ ...message, url: `http://${host}:${port}/` })
  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '１２７.１',
    'localhost',
    'loopback.example',
  ]) {
    t.equal((await here(host)).status, 204, host)
  }
  t.equal(reached, 6)
  t.equal((await here('moving.example')).status, 204, 'before it moves')
  t.equal((await here('moving.example')).error, 'refused_address', 'after it moved')
  t.equal(reached, 7)
})

/** Runs a command where there is no network but its own. */
const APART = ['--map-root-user', '--net']
const isolated = await run('unshare', [...APART, 'ip', 'link', 'show', 'lo']).then(
  () => true,
  () => false,
)
const skip = isolated ? false : 'needs Linux, unshare and ip'

t.test('in a network of its own, real connections go where they may', { skip }, async (t) => {
  const hosts = ['public.example', 'mixed.example', 'rebinding.example', 'inside.example']
  const { folder, key, cert } = await makeCertificate([
    ...[...hosts, '93.184.216.34', '2606:2800:220:1::1'],
    ...['localhost', '127.0.0.1', '10.0.0.1', '169.254.169.254'],
  ])
  t.teardown(() => rm(folder, { recursive: true }))
  const program = fileURLToPath(new URL('webhook-namespace.ts', import.meta.url))
  const { stdout } = await run('unshare', [...APART, process.execPath, program, key, cert], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: cert },
    timeout: 60_000,
  })
  const { outcomes, inside } = JSON.parse(stdout)
  const delivered = (host: string, address: string) => ({
    ...{ error: null, status: 200, detail: null, excerpt: host, reached: [`${address} 443`] },
  })
  const refused = {
    error: 'refused_address',
    status: null,
    detail: null,
    excerpt: null,
    reached: [],
  }
  t.match(outcomes['https://public.example/'], { error: null, excerpt: 'public.example' })
  t.same(outcomes['https://mixed.example/'], delivered('mixed.example', '93.184.216.34'))
  t.same(outcomes['https://rebinding.example/'], delivered('rebinding.example', '93.184.216.34'))
  t.same(outcomes['https://93.184.216.34/'], delivered('93.184.216.34', '93.184.216.34'))
  t.same(
    outcomes['https://[2606:2800:220:1::1]/'],
    delivered('[2606:2800:220:1::1]', '2606:2800:220:1::1'),
  )
  t.match(outcomes['https://other.example/'], {
    error: 'tls',
    detail: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  for (const url of [
    ...['https://rebinding.example/?again', 'https://inside.example/', 'http://public.example/'],
    ...['http://public.example:8080/', 'http://93.184.216.34/', 'https://public.example:8080/'],
  ]) {
    t.same(outcomes[url], refused, url)
  }
  t.same(inside, [], 'no spelling of an inside address reached anything')
})

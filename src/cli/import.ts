import { Presets, SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { OPERATOR } from '../actor.ts'
import { Fault } from '../errors.ts'
import { importFile, type Options, type Result } from '../intake/files.ts'
import type { Taken } from '../intake/ingest.ts'
import { withDatabase } from './session.ts'

/** From how many files on a bar is better than lines. */
const MANY = 10

/** `import FILE...`: plain text and Markdown into drafts. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description('import stories from plain text (.txt) and Markdown (.md) files, as drafts')
    .argument('<file...>')
    .option('--publish', 'publish them', false)
    .option('--confirm-quotes', 'take the quotes that were found as confirmed', false)
    .option('--dry-run', 'do everything, report, and take it back', false)
    .action(async (files: string[], options: Options) => {
      const results = await withDatabase(async (db) => {
        const done: Result[] = []
        const bar = new SingleBar(
          { format: '{bar} {value}/{total} {file}', hideCursor: true, clearOnComplete: true },
          Presets.shades_classic,
        )
        const visible = files.length >= MANY && process.stderr.isTTY
        if (visible) bar.start(files.length, 0, { file: '' })
        for (const file of files) {
          if (visible) bar.update({ file })
          done.push(await importFile(db, OPERATOR, file, options))
          if (visible) bar.increment()
        }
        bar.stop()
        return done
      })
      process.stdout.write(reportOf(results, options))
      if (results.some((result) => 'fault' in result)) process.exitCode = 1
    })
}

/** What was made of each file, and the sum. */
function reportOf(results: Result[], { dryRun }: Options): string {
  const lines = results.flatMap((result) =>
    'fault' in result
      ? faultLines(result.file, result.fault)
      : takenLines(result.file, result.taken),
  )
  const count = (outcome: Taken['outcome']) =>
    results.filter((r) => 'taken' in r && r.taken.outcome === outcome).length
  const failed = results.filter((r) => 'fault' in r).length
  const made = dryRun ? 'would be created' : 'created'
  return `${[...lines, `${count('created')} ${made}, ${count('unchanged')} unchanged, ${failed} failed`].join('\n')}\n`
}

function faultLines(file: string, fault: Error): string[] {
  const details = fault instanceof Fault ? fault.errors.map((e) => `    ${e.message}`) : []
  return [`${file}: failed: ${fault.message}`, ...(details.length > 1 ? details : [])]
}

function takenLines(file: string, taken: Taken): string[] {
  if (taken.outcome === 'unchanged') return [`${file}: unchanged: ${taken.slug} is there already`]
  return [
    `${file}: ${taken.status}: ${taken.slug}`,
    `    headline    ${taken.headline ?? '(none)'}`,
    `    blocks      ${taken.blocks}`,
    ...(taken.categories.length > 0 ? [`    categories  ${taken.categories.join(', ')}`] : []),
    ...taken.sources.map((s) => `    source      ${s.name} (${s.kind}${s.made ? ', new' : ''})`),
    ...taken.quotes.map(
      (q) =>
        `    quote       “${q.text}” (${[q.state ?? 'paraphrase', q.speaker, q.cue].filter(Boolean).join('; ')})`,
    ),
  ]
}

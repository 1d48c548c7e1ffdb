import { stringify } from 'csv-stringify/sync'
import type { Reported } from './queries.ts'
import type { Outcome, Report, ReportQuery, ReportRow } from './schema.ts'

/** What no report can know. */
const PROOF =
  'Given is what was sent, not what was read. It is written each second: what a process that crashed gave in its last second is missing here.'

const COUNTED: Record<Outcome, string> = {
  acknowledged: 'acknowledged',
  delivered: 'delivered',
  pending: 'pending',
  overdue: 'overdue',
  removed: 'removed',
  'never-had': 'neverHad',
}

/** A report out of a change and what became of it at each partner. Pure. */
export function presentReport(
  change: Reported,
  partners: ReportRow[],
  { overdueAfter, expect }: ReportQuery,
): Report {
  const { id, slug, headline, version, position, told_version, event, op, at } = change
  const counts = Object.entries(COUNTED).map(([outcome, name]) => [
    name,
    partners.filter((one) => one.outcome === outcome).length,
  ])
  return {
    article: { id, slug, headline, version },
    change: { position: Number(position), version: told_version, event, op, at },
    ...{ madeAt: change.made_at, overdueAfter, expect },
    counts: Object.fromEntries(counts),
    ...{ partners, proof: PROOF },
  }
}

const COLUMNS = [
  ...['id', 'name', 'endedAt', 'outcome'],
  ...['deliveredAt', 'deliveredHow', 'acknowledgedAt', 'acknowledgedHow'],
  ...['version', 'removed', 'degree', 'at', 'how'],
] as const satisfies (keyof ReportRow)[]

/**
 * The partners of a report as CSV (RFC 4180, with a header). What a spreadsheet would take for a formula
 * has an apostrophe in front: names are anybody's. Pure.
 */
export function csvOf({ partners }: Pick<Report, 'partners'>): string {
  return stringify(partners, {
    columns: [...COLUMNS],
    header: true,
    record_delimiter: 'windows',
    escape_formulas: true,
    cast: { boolean: String },
  })
}

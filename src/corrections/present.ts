import { rfc3339 } from '../fields.ts'
import type { Correction } from './schema.ts'

/** A row of the view `corrections`. */
export type CorrectionRow = {
  id: string
  kind: Correction['kind']
  text: string
  at: Date | string
  from_version: number
  to_version: number
  block: string | null
  quote_id: string | null
}

/** A correction as its readers get it. */
export function presentCorrection(row: CorrectionRow): Correction {
  return {
    id: row.id,
    kind: row.kind,
    text: row.text,
    at: rfc3339(row.at),
    fromVersion: row.from_version,
    toVersion: row.to_version,
    block: row.block,
    quote: row.quote_id,
  }
}

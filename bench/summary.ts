import type { Measurement } from './measure.ts'
import type { Run } from './runs.ts'
import type { TargetName } from './targets.ts'
import type { WorkloadId } from './workloads.ts'

/** What the rounds of one workload at one target come to: medians. */
export type Row = Record<'perSecond' | 'p50' | 'p99' | 'bytes' | 'busy' | 'server', number>

/** A workload beside its limits; a ratio is that of requests per second. */
export type Line = {
  workload: WorkloadId
  service: Row
  bare: Row | undefined
  http: Row | undefined
  ofBare: number | undefined
  ofHttp: number | undefined
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]]
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2
}

function rowOf(measured: Measurement[]): Row | undefined {
  if (measured.length === 0) return undefined
  const of = (name: keyof Row) => median(measured.map((one) => one[name]))
  return {
    perSecond: of('perSecond'),
    p50: of('p50'),
    p99: of('p99'),
    bytes: of('bytes'),
    busy: of('busy'),
    server: of('server'),
  }
}

/** The ratio within each round, and of these the median: what slows a whole round is not in it. */
function ratio(measured: Measurement[], to: TargetName): number | undefined {
  const ratios = measured
    .filter(({ target }) => target === 'service')
    .flatMap(({ round, perSecond }) => {
      const other = measured.find((one) => one.target === to && one.round === round)
      return other ? [perSecond / other.perSecond] : []
    })
  return ratios.length > 0 ? median(ratios) : undefined
}

/** The lines of a run's table. */
export function summarize({ measured }: Pick<Run, 'measured'>): Line[] {
  const groups = Map.groupBy(measured, ({ workload }) => workload)
  const lines = [...groups].flatMap(([workload, all]) => {
    const rowFor = (name: TargetName) => rowOf(all.filter(({ target }) => target === name))
    const service = rowFor('service')
    if (!service) return []
    return {
      workload,
      service,
      bare: rowFor('bare'),
      http: rowFor('http'),
      ofBare: ratio(all, 'bare'),
      ofHttp: ratio(all, 'http'),
    }
  })
  return lines.sort((a, b) => (a.workload < b.workload ? -1 : 1))
}

/** Of the bare Fastify route when cold; of bare node:http when warm. */
const COLD: Partial<Record<WorkloadId, number>> = {
  ...{ W1: 0.8, W2: 0.8, W3: 0.8, W4: 1, W5: 0.8, W6: 0.8, W7: 0.7, W7x8: 0.7 },
}
const WARM: Partial<Record<WorkloadId, number>> = { W1: 0.5, W2: 0.5, W3: 0.5 }

/** What the ratio should be, against which limit, and whether it is; undefined where nothing is set. */
export function verdict(line: Line, warm: boolean) {
  const target = (warm ? WARM : COLD)[line.workload]
  const reached = warm ? line.ofHttp : line.ofBare
  if (target === undefined || reached === undefined) return undefined
  return { target, met: reached >= target }
}

/** How many times as long the median answer may take at a million articles as at 20,000. */
export const GROWTH: Partial<Record<WorkloadId, number>> = {
  ...{ W1: 1.5, W2: 1.5, W3: 1.5, W4: 4, W5: 1.5, W6: 1.5 },
}

/** How long a start may take until the first 200, the database being up, in ms. */
export const START_MS = 700

/** What the service may have in memory after a warm run, in MB; cold, nothing is set. */
export function mostMemory(cacheMb: number): number | undefined {
  return cacheMb === 0 ? undefined : Math.round(1.2 * cacheMb + 150)
}

/** What stands in a revision where text was purged. */
export const MARKER = '[purged]'

/** A stretch of text in a block is spread over spans; nothing else in a revision is. */
type Spans = { children: { _key: string; _type: 'span'; text: string; marks: string[] }[] }

function hasSpans(value: object): value is Spans {
  return 'children' in value && Array.isArray(value.children)
}

/**
 * A revision's content without a text: every string that holds it has the marker in its place, and
 * a block over whose spans it is spread becomes one span, since marks would show its shape. Pure.
 */
export function purgeText<T>(content: T, text: string): T {
  return walk(content, text) as T
}

/** Members that hold no prose: a purged "normal" is not every paragraph's style. Slugs lead on. */
const STRUCTURE =
  /^(_\w+|id|\w+_id|slug|\w+_slug|\w+_at|\w+_until|status|state|kind|\w+_kind|style|listItem|marks)$/

function walk(value: unknown, text: string): unknown {
  if (typeof value === 'string') return value.replaceAll(text, MARKER)
  if (Array.isArray(value)) return value.map((item) => walk(item, text))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    STRUCTURE.test(name) ? member : walk(member, text),
  ])
  const purged = Object.fromEntries(entries)
  if (hasSpans(value)) {
    const [first] = value.children
    if (first && spread(value, text)) {
      const whole = value.children.map((span) => span.text).join('')
      return {
        ...purged,
        children: [{ ...first, text: whole.replaceAll(text, MARKER), marks: [] }],
        markDefs: [],
      }
    }
  }
  return purged
}

/** Whether, beside those within one span, an occurrence stands across spans. */
function spread({ children }: Spans, text: string): boolean {
  const whole = children.map((span) => span.text).join('')
  const within = children.reduce((sum, span) => sum + span.text.split(text).length - 1, 0)
  return whole.split(text).length - 1 > within
}

import Negotiator from 'negotiator'

const AVAILABLE = ['br', 'gzip', 'identity'] as const
type Encoding = (typeof AVAILABLE)[number]

/** Browsers send few different ones; whoever sends many does not fill the memory. */
const REMEMBERED = 200
const known = new Map<string, Encoding>()

/**
 * The encoding that `Accept-Encoding` asks for (RFC 9110 section 12.5.3), Brotli where several are as
 * welcome. Without the header, or where nothing in it can be done, the bytes as they are.
 */
export function encodingFor(header: string | undefined): Encoding {
  if (header === undefined || header === '') return 'identity'
  const remembered = known.get(header)
  if (remembered) return remembered
  const asked = new Negotiator({ headers: { 'accept-encoding': header } })
  // @types/negotiator does not know the second argument yet.
  const encodings = asked.encodings as (from: string[], options: object) => string[]
  const [best] = encodings.call(asked, [...AVAILABLE], { preferred: ['br', 'gzip'] })
  const chosen = (best as Encoding | undefined) ?? 'identity'
  if (known.size >= REMEMBERED) known.clear()
  if (header.length <= 200) known.set(header, chosen)
  return chosen
}

import { compare, type Edit, image } from './edit.ts'
import { isLettered, read, type Text, vocabulary, word } from './fold.ts'
import { best, CLOSE, finds } from './likeness.ts'
import { occurrences } from './occurrences.ts'
import { isLeft, ownPlaces, placesOf, type Search } from './places.ts'
import { widened } from './quotation-marks.ts'
import { outdoes, rivalsOf } from './rivals.ts'
import { locate, type Span } from './spans.ts'
import { type Anchored, altered, lost, type QuoteState, verified } from './state.ts'
import { type Stretch, stretchOf, tokensOf } from './stretches.ts'
import {
  contextLost,
  contextWords,
  fitsBetter,
  isParted,
  isUprooted,
  surroundings,
  total,
} from './surroundings.ts'

/** Following a quote that is tied to a text through an edit of it. */

/** A quote that was tied to a text before; without spans it had no place in it. */
type TiedQuote = { text: string; spans: Span[]; state: QuoteState }

// Eight words in the same order are not said by two people by chance. Fewer need the whole of their
// context, and three words with it: “Never,” she said.
const OWN_WORDS = 8
const WORDS_IN_CONTEXT = 3

/** A quote already tied to `before`, looked for in `after`. */
export function reanchorQuote(quote: TiedQuote, before: string, after: string): Anchored {
  return reanchorAll([quote], before, after)[0] ?? lost('orphaned')
}

/** {@link reanchorQuote} for all quotes of an article: the texts are read and compared once. */
export function reanchorAll(quotes: TiedQuote[], before: string, after: string): Anchored[] {
  const known = vocabulary()
  const edit = compare(read(before, known), read(after, known))
  const ties = quotes.map((quote) => reanchor(quote, edit))
  return ties.map((tie, i) => {
    const { stays, ...anchored } = tie
    if (stays || tie.spans.length === 0) return anchored
    // Two quotes that stood apart cannot now be the same words. They are those of the one that the
    // edit left there; if it left neither, nobody knows whose. Nor are another's very words this
    // quote, altered.
    const other = ties.find((other, j) => {
      if (i === j || other.state !== 'verified' || !overlap(tie.spans, other.spans)) return false
      return !overlap(quotes[i]?.spans ?? [], quotes[j]?.spans ?? [])
    })
    if (!other) return anchored
    return lost(other.stays || tie.state === 'altered' ? 'orphaned' : 'ambiguous')
  })
}

function overlap(some: Span[], others: Span[]): boolean {
  return some.some((a) => others.some((b) => a.start < b.end && b.start < a.end))
}

/** `stays`: it stands where the edit left it. */
type Tie = Anchored & { stays: boolean }

const tied = (anchored: Anchored, stays = false): Tie => ({ ...anchored, stays })
const GONE = tied(lost('orphaned'))

function reanchor(quote: TiedQuote, edit: Edit): Tie {
  const wanted = read(quote.text, edit.after.vocabulary)
  if (wanted.text.trim() === '') return GONE
  const old = locate(edit.before, quote.spans)
  if (!old) return { ...comeBack(wanted, edit, quote.state), stays: false }
  const left = image(edit, old)
  const exact = placesOf(wanted, edit, old, left)
  const search: Search = { wanted, edit, old, left, exact }
  const ours = ownPlaces(search)
  let pick = ours.find((now) => isLeft(search, now)) ?? ours[0]
  for (const now of ours) {
    if (pick && now !== pick && fitsBetter(edit, { old, now }, { old, now: pick })) pick = now
  }
  return (pick && judge(search, pick, ours)) ?? settle(search)
}

/** What a place with the quote's words means, if it is the quote's. */
function judge(search: Search, now: Stretch[], ours: Stretch[][]): Tie | undefined {
  const { edit, old } = search
  const { after } = edit
  const fit = { old, now }
  const stays = isLeft(search, now)
  const here = stays || isHere(edit, old, now)
  const missing = contextLost(edit, old, now)
  const inContext = total(missing) === 0
  for (const rival of here && inContext ? [] : rivalsOf(search)) {
    if (inContext && !rival.here) break
    if (outdoes(edit, old, rival, { now, here, missing })) return tied(altered(after, rival.whole))
  }
  if (!inContext && isParted(edit, old, now)) return GONE
  const hasTwin = ours.some((place) => {
    const other = { old, now: place }
    if (place === now || fitsBetter(edit, fit, other)) return false
    // Where the edit left it, it need not be surrounded better on both sides.
    return !stays || total(surroundings(edit, other)) >= total(surroundings(edit, fit))
  })
  if (hasTwin) return tied(lost('ambiguous'))
  const isRooted = here && (inContext || !isUprooted(edit, fit))
  if (!isRooted && !isRecognised(search, missing)) return undefined
  const wider = widened(edit, old, now)
  return tied(wider ? altered(after, wider) : verified(after, now), stays)
}

/** What is left to say of a quote whose words are not found: altered, or orphaned. */
function settle(search: Search): Tie {
  const { edit, old } = search
  for (const { here, alike, missing, whole } of rivalsOf(search)) {
    const inContext = total(missing) === 0 && contextWords(edit.before, old) > 1
    if (here || alike >= CLOSE || inContext) return tied(altered(edit.after, whole))
  }
  return GONE
}

/** A quote without a place: its words are back only where they did not stand before, because what
 * stood there is somebody else's. An ambiguous one waits until somebody says which it is. */
function comeBack(wanted: Text, edit: Edit, state: QuoteState): Anchored {
  const { before, after, back } = edit
  const exact = occurrences(wanted.text, after)
  if (exact.length > 0 && state === 'ambiguous') return lost('ambiguous')
  const stood = new Set(occurrences(wanted.text, before).map((old) => image(edit, old)?.[0]?.from))
  const fresh = exact.filter((now) => !stood.has(now[0]?.from))
  const [only] = fresh
  if (only && exact.length === 1) return verified(after, only)
  if (only) return lost('ambiguous')
  const near = best(finds(wanted, after, (k) => back[k] === -1))
  return near && near.alike >= CLOSE ? altered(after, [stretchOf(after, near)]) : lost('orphaned')
}

/** Whether most of the words at this place were the quote's before the edit. */
function isHere(edit: Edit, old: Stretch[], now: Stretch[]): boolean {
  const was = tokensOf(edit.before, old)
  const { first, last } = tokensOf(edit.after, now)
  let own = 0
  for (let k = first; k <= last; k++) {
    const from = edit.back[k] ?? -1
    if (from >= was.first && from <= was.last) own++
  }
  return 2 * own > last - first
}

/** Whether words that moved can be told to be the quote: by themselves or with their context. */
function isRecognised({ wanted, edit, old }: Search, missing: number[]): boolean {
  let words = 0
  for (let k = 0; k < wanted.id.length; k++) if (isLettered(word(wanted, k))) words++
  if (words >= OWN_WORDS) return true
  return total(missing) === 0 && words + contextWords(edit.before, old) >= WORDS_IN_CONTEXT
}

import { codePoints } from '../text.ts'
import {
  closest,
  compare,
  contextLost,
  contextWords,
  type Edit,
  FAR,
  fitsBetter,
  image,
  inOneStretch,
  inStretches,
  isBetterSurrounded,
  isBetweenMarks,
  isInterruption,
  isParted,
  isUprooted,
  type Near,
  occurrences,
  region,
  type Stretch,
  surroundings,
  tokensOf,
  total,
  widened,
  withoutAttribution,
  zones,
} from './anchor-search.ts'
import { fold, isLettered, read, type Text, vocabulary, word } from './fold.ts'

/** A stretch of the plain text, in code points, end exclusive. */
export type Span = { start: number; end: number }

export type QuoteState = 'verified' | 'altered' | 'ambiguous' | 'orphaned'

/** `found`: the words that stand there now, when altered. Only verified and altered have spans. */
export type Anchored = { state: QuoteState; spans: Span[]; found?: string }

/** A quote that was tied to a text before; without spans it had no place in it. */
export type TiedQuote = { text: string; spans: Span[]; state: QuoteState }

// How alike (see `closest`) words must be to count as the quote, altered. Anywhere in the text six
// tenths, so that it does not become somebody else's sentence about the same thing; between the
// very words that the quote stood between, two tenths: "No remark" for "No comment".
const CLOSE = 0.6
const CLOSE_HERE = 0.2
// Eight words in the same order are not said by two people by chance. Fewer need the whole of their
// context, and three words with it: “Never,” she said.
const OWN_WORDS = 8
const WORDS_IN_CONTEXT = 3
// Above this many places ("the" as a quote), or pairs of old and new ones to judge, which take some
// 10 µs each, only the place that a quote had can be told.
const MOST_PLACES = 200
const MOST_PAIRS = 2000

const lost = (state: 'ambiguous' | 'orphaned'): Anchored => ({ state, spans: [] })

/** A quote first tied to a text: with the spans the caller gave, or looked for. */
export function anchorQuote(quote: { text: string; spans?: Span[] }, plain: string): Anchored {
  return anchorAll([quote], plain)[0] ?? lost('orphaned')
}

/** {@link anchorQuote} for all quotes of an article, whose text is read only once.
 * Throws a RangeError for spans that have faults: see {@link spanFaults}. */
export function anchorAll(quotes: { text: string; spans?: Span[] }[], plain: string): Anchored[] {
  const known = vocabulary()
  const text = read(plain, known)
  return quotes.map((quote) => {
    const wanted = read(quote.text, known)
    if (!quote.spans?.length) return lookFor(wanted, text)
    const faults = spanFaults(quote.spans, plain)
    if (faults.length > 0) throw new RangeError(faults.join('; '))
    return tieTo(quote.spans, wanted, text)
  })
}

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

/** What the spans cut out of the plain text, stretches joined by one space. */
export function cut(plain: string, spans: Span[]): string {
  const wide = ASTRAL.test(plain)
  let unit = 0
  let point = 0
  const unitOf = (wanted: number) => {
    if (!wide) return wanted
    if (wanted < point) {
      unit = 0
      point = 0
    }
    for (; point < wanted && unit < plain.length; point++) {
      unit += (plain.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1
    }
    return unit
  }
  return spans.map(({ start, end }) => plain.slice(unitOf(start), unitOf(end))).join(' ')
}

const ASTRAL = /[\u{10000}-\u{10FFFF}]/u

/**
 * What is wrong with given spans, one message each: outside the text, empty, overlapping or out of
 * order, beginning or ending inside a word or a character made of several code points, or leaving
 * out words of the quotation between two of them. Empty when they can be used.
 */
export function spanFaults(spans: Span[], plain: string): string[] {
  const size = ASTRAL.test(plain) ? codePoints(plain) : plain.length
  return spans.flatMap((span, i) => {
    const { start, end } = span
    const name = `span ${i + 1} (${start} to ${end})`
    if (!Number.isInteger(start + end)) return [`${name} is not in whole numbers`]
    if (start >= end) return [`${name} must start before it ends`]
    if (start < 0 || end > size) return [`${name} is outside the text of ${size} characters`]
    const faults: string[] = []
    const previous = spans[i - 1]
    if (previous && start < previous.end) {
      faults.push(`${name} must start after the one before it ends`)
    } else if (previous) {
      const gap = cut(plain, [{ start: previous.end, end: start }])
      if (!isInterruption(fold(gap))) {
        faults.push(`${name} must go on after an interruption; before it stands: ${gap}`)
      }
    }
    const first = whatIsCut(plain, start, true)
    const last = whatIsCut(plain, end, false)
    if (first) faults.push(`${name} starts inside ${first}`)
    if (last) faults.push(`${name} ends inside ${last}`)
    return faults
  })
}

/** The word or character that an edge at this code point cuts in two, if it does. */
function whatIsCut(plain: string, edge: number, starts: boolean): string | undefined {
  const around = { start: Math.max(0, edge - 40), end: edge + 40 }
  const text = read(cut(plain, [around]), vocabulary())
  const point = edge - around.start
  for (let k = 0; k < text.id.length; k++) {
    const from = text.starts[text.from[k] ?? 0] ?? 0
    const to = text.ends[(text.to[k] ?? 1) - 1] ?? 0
    if (from >= point || to <= point) continue
    // An elided article is a word of its own: « Il parle de l’eau ».
    const elided = starts && text.text[unitAt(text, point) - 1] === "'"
    return elided ? undefined : cut(text.plain, [{ start: from, end: to }])
  }
  return undefined
}

/** The first unit of the folded text that stands for this code point or a later one. */
function unitAt(text: Text, point: number): number {
  let low = 0
  let high = text.starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((text.starts[middle] ?? 0) < point) low = middle + 1
    else high = middle
  }
  return low
}

/** The stretches that spans cut out, where they cut out anything and are in order. */
function locate(text: Text, spans: Span[]): Stretch[] | undefined {
  const size = text.ends.at(-1) ?? 0
  const stretches: Stretch[] = []
  for (const { start, end } of spans) {
    const from = unitAt(text, start)
    let to = unitAt(text, end)
    while (to > from && (text.ends[to - 1] ?? 0) > end) to--
    if (from >= to || end > size || from < (stretches.at(-1)?.to ?? 0)) return undefined
    stretches.push({ from, to })
  }
  return stretches.length > 0 ? stretches : undefined
}

function spansOf(text: Text, stretches: Stretch[]): Span[] {
  return stretches.map(({ from, to }) => ({
    start: text.starts[from] ?? 0,
    end: text.ends[to - 1] ?? 0,
  }))
}

/** The folded words of the stretches, joined as `cut` joins them. */
function wordsOf(text: Text, stretches: Stretch[]): string {
  const joined = stretches.map(({ from, to }) => text.text.slice(from, to)).join(' ')
  return joined.replaceAll(/ +/g, ' ')
}

function altered(text: Text, stretches: Stretch[]): Anchored {
  const spans = spansOf(text, stretches)
  return { state: 'altered', spans, found: cut(text.plain, spans) }
}

function verified(text: Text, stretches: Stretch[]): Anchored {
  return { state: 'verified', spans: spansOf(text, stretches) }
}

function stretchOf(text: Text, { first, last }: { first: number; last: number }): Stretch {
  return { from: text.from[first] ?? 0, to: text.to[last] ?? 0 }
}

const everywhere = () => true

function tieTo(spans: Span[], wanted: Text, text: Text): Anchored {
  const found = cut(text.plain, spans)
  const there = read(found, text.vocabulary)
  if (wanted.text.trim() === '') return lost('orphaned')
  if (there.text === wanted.text) return { state: 'verified', spans }
  const all = { first: 0, last: there.id.length - 1 }
  const alike = closest(wanted, there, all, everywhere)?.alike ?? 0
  return alike >= CLOSE_HERE ? { state: 'altered', spans, found } : lost('orphaned')
}

function lookFor(wanted: Text, text: Text): Anchored {
  const whole = inOneStretch(wanted.text, text)
  const exact = whole.length > 0 ? whole : inStretches(wanted.text, text)
  const [only] = exact
  if (only && exact.length === 1) return verified(text, only)
  // The same words bare are mostly the newsroom's own: a headline, a summary, a retelling. So one
  // place between quotation marks is the quote; with two of them either may be.
  const marked =
    exact.length > MOST_PLACES ? [] : exact.filter((place) => isBetweenMarks(text, place))
  if (marked[0] && marked.length === 1) return verified(text, marked[0])
  if (only) return lost('ambiguous')
  const near = best(finds(wanted, text, everywhere).filter(({ alike }) => alike >= CLOSE))
  return near ? altered(text, [stretchOf(text, near)]) : lost('orphaned')
}

function finds(wanted: Text, text: Text, usable: (token: number) => boolean): Near[] {
  return zones(wanted, text, usable).flatMap((zone) => {
    const found = closest(wanted, text, zone, usable)
    return found ? [found] : []
  })
}

function best(finds: Near[]): Near | undefined {
  return finds.reduce<Near | undefined>((a, b) => (a && a.alike >= b.alike ? a : b), undefined)
}

function overlap(some: Span[], others: Span[]): boolean {
  return some.some((a) => others.some((b) => a.start < b.end && b.start < a.end))
}

/** `stays`: it stands where the edit left it. */
type Tie = Anchored & { stays: boolean }

const tied = (anchored: Anchored, stays = false): Tie => ({ ...anchored, stays })
const GONE = tied(lost('orphaned'))

/** A quote that is looked for: the stretches it had, those where the edit left them if it did, and
 * all places after the edit where exactly its words stand. */
type Search = {
  wanted: Text
  edit: Edit
  old: Stretch[]
  left: Stretch[] | undefined
  exact: Stretch[][]
}

/** A place that can be the quote's: whether it is where the quote stood, and what its old context
 * lacks there. */
type Place = { now: Stretch[]; here: boolean; missing: number[] }

/** A place with something close to the quote, and that with all that was added to it. */
type Rival = Place & { whole: Stretch[]; alike: number }

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

function isLeft({ left }: Search, now: Stretch[]): boolean {
  return now[0]?.from === left?.[0]?.from
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

/** Every place after the edit where exactly these words stand. `left` is where the edit left them:
 * it counts although no search finds an attribution between commas. */
function placesOf(wanted: Text, { before, after }: Edit, old: Stretch[], left?: Stretch[]) {
  const places = occurrences(wanted.text, after)
  const add = (place: Stretch[]) => {
    if (places.every((other) => other[0]?.from !== place[0]?.from)) places.push(place)
  }
  const [start] = old
  const end = old.at(-1)
  if (left && wordsOf(after, left) === wanted.text && isAsInterrupted(before, old, after, left)) {
    add(left)
  }
  if (start && end && old.length > 1 && wordsOf(before, old) === wanted.text) {
    // The whole passage, its attribution included, moved elsewhere.
    for (const [place] of inOneStretch(before.text.slice(start.from, end.to), after)) {
      const by = (place?.from ?? 0) - start.from
      add(old.map(({ from, to }) => ({ from: from + by, to: to + by })))
    }
  }
  return places
}

/** Whether the stretches are still interrupted by an attribution, and not by other quotations. */
function isAsInterrupted(before: Text, old: Stretch[], after: Text, now: Stretch[]): boolean {
  return now.slice(1).every((next, i) => {
    const gap = gapAfter(after, now[i], next)
    const was = gapAfter(before, old[i], old[i + 1])
    return isInterruption(gap) && marksIn(gap.text) <= Math.max(2, marksIn(was.text))
  })
}

function gapAfter(text: Text, one?: Stretch, two?: Stretch) {
  const gap = { from: one?.to ?? 0, to: two?.from ?? 0 }
  return fold(gap.from < gap.to ? cut(text.plain, spansOf(text, [gap])) : '')
}

function marksIn(text: string): number {
  return text.split('"').length - 1
}

/**
 * Those of the places that can be this quote's, and not those of the same words said elsewhere
 * before: a place belongs to the old one whose surroundings are more like its own.
 */
function ownPlaces(search: Search): Stretch[][] {
  const { wanted, edit, old, exact } = search
  const mine = tokensOf(edit.before, old)
  const homes = new Map<number | undefined, Stretch[]>()
  const homeless: Stretch[][] = []
  for (const other of occurrences(wanted.text, edit.before)) {
    const { first, last } = tokensOf(edit.before, other)
    if (first <= mine.last && last >= mine.first) continue
    const home = image(edit, other)
    if (home) homes.set(home[0]?.from, other)
    else homeless.push(other)
  }
  if (homeless.length * exact.length > MOST_PAIRS) return exact.filter((now) => isLeft(search, now))
  return exact.filter((now) => {
    const owner = homes.get(now[0]?.from)
    return (owner ? [...homeless, owner] : homeless).every((other) => {
      const its = { old: other, now }
      const ours = { old, now }
      if (fitsBetter(edit, its, ours)) {
        // What the edit left where ours was is another's only if that lost nothing, or gained.
        const claims = !isLeft(search, now) || total(contextLost(edit, other, now)) === 0
        if (claims || isBetterSurrounded(edit, its, ours)) return false
      }
      if (isLeft(search, now) || fitsBetter(edit, ours, its)) return true
      // One of two neighbours with the same words is gone, and nothing says which: the one that
      // is left has all of the old surroundings on one side, and is taken for either.
      const kept = Math.max(...surroundings(edit, ours))
      return total(contextLost(edit, old, now)) === 0 && kept === FAR
    })
  })
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

/** Whether a region is no more than what was said there, put in other words. */
function isNarrow(place: { first: number; end: number }, was: { first: number; last: number }) {
  return place.end - place.first <= 2 * (was.last - was.first + 1) + 40
}

/** Whether words that moved can be told to be the quote: by themselves or with their context. */
function isRecognised({ wanted, edit, old }: Search, missing: number[]): boolean {
  let words = 0
  for (let k = 0; k < wanted.id.length; k++) if (isLettered(word(wanted, k))) words++
  if (words >= OWN_WORDS) return true
  return total(missing) === 0 && words + contextWords(edit.before, old) >= WORDS_IN_CONTEXT
}

/**
 * What can be the quote in other words, best first: what stands where it stood, else what is new
 * in the text (of what stood there before, nothing is this quote). Exact lookalikes are left out.
 */
function* rivalsOf({ wanted, edit, old, left, exact }: Search): Generator<Rival> {
  const { before, after, back } = edit
  const was = tokensOf(before, old)
  const asRival = (now: Stretch[], here: boolean, alike: number): Rival => {
    const whole = widened(edit, old, now) ?? now
    return { now, whole, here, alike, missing: contextLost(edit, old, now) }
  }
  if (left && wordsOf(after, left) !== wanted.text) {
    yield asRival(left, true, 1)
    return
  }
  const rival = (near: Near, here: boolean) => {
    const now = old.length === 1 ? [stretchOf(after, near)] : withoutAttribution(after, near)
    return asRival(now, here, near.alike)
  }

  const taken = new Uint8Array(after.id.length)
  for (const place of exact) {
    const { first, last } = tokensOf(after, place)
    taken.fill(1, first, last + 1)
  }
  const isFree = (k: number) => taken[k] === 0
  // An interrupted quote is sought with its attribution, which tells it from others.
  const start = old[0]?.from ?? 0
  const passage = before.text.slice(start, old.at(-1)?.to)
  const sought = old.length === 1 ? wanted : read(passage, after.vocabulary)
  const place = region(edit, old)
  if (place.first < place.end && isNarrow(place, was)) {
    const near = closest(sought, after, { first: place.first, last: place.end - 1 }, isFree)
    if (near && near.alike >= (place.tight ? CLOSE_HERE : CLOSE)) yield rival(near, true)
  }
  const isNew = (k: number) => {
    const from = back[k] ?? -1
    return isFree(k) && (from === -1 || (from >= was.first && from <= was.last))
  }
  yield* finds(sought, after, isNew)
    .filter(({ alike }) => alike >= CLOSE_HERE)
    .map((near) => rival(near, false))
    .sort((a, b) => total(a.missing) - total(b.missing) || b.alike - a.alike)
}

/** Whether a rival is more likely to be the quote than a place with its very words. */
function outdoes(edit: Edit, old: Stretch[], rival: Rival, exact: Place): boolean {
  if (rival.here && !exact.here) return total(exact.missing) >= total(rival.missing)
  // It stands in the quote's old context, at least on one side, and the exact words do not.
  const better = exact.missing.some((missing, side) => {
    const its = rival.missing[side] ?? 0
    return its < missing && (its === 0 || rival.alike >= CLOSE)
  })
  if (better || rival.alike < CLOSE) return better
  const alike = total(rival.missing) === total(exact.missing)
  return alike && !fitsBetter(edit, { old, now: exact.now }, { old, now: rival.now })
}

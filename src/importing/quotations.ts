/**
 * One stretch of text between quotation marks, in UTF-16 units of its paragraph: `from` to `to`
 * with the marks, `start` to `end` without them, the white space and the comma at the end.
 */
export type Stretch = { block: number; from: number; to: number; start: number; end: number }

/** A passage in quotation marks: several stretches when it runs over several paragraphs. */
export type Passage = Stretch[]

type Opening = { mark: string; from: number }

const CLOSERS: Record<string, string> = {
  '“': '”',
  '„': '“”',
  '«': '»',
  '‹': '›',
  '「': '」',
  '『': '』',
  // These close in most languages; Swedish and Danish open with them too.
  '”': '”',
  '»': '«',
  '"': '"',
  '‘': '’',
  "'": "'",
}
/** Openers that are closing marks, apostrophes or signs of inches elsewhere. */
const DOUBTFUL = new Set(['”', '»', '"', '‘', "'"])
const SINGLE = new Set(['‘', "'"])

/** A word that begins with an apostrophe, though typeset with an opening mark. */
const CLIPPED = /^['‘](?:\d0s|em|tis|til|twas|cause|bout|round|n['’])(?![\p{L}\p{N}])/iu
const WORD = /[\p{L}\p{N}]/u
const BEFORE_OPENING = /[\s([{—–/\-“‘"«„]/u
const CLOSED = /[.,;:!?…—–)\]]/

/**
 * The passages in quotation marks in a story's paragraphs, in order. Marks within a passage belong
 * to it. Single marks count as outer ones only in a story that uses them more often than double
 * ones, as British papers do. A passage not closed in its paragraph goes on in the next when that
 * begins with the same mark; otherwise it is none. Linear in the length of the text.
 */
export function findPassages(paragraphs: (string | undefined)[]): Passage[] {
  const all = passagesOf(paragraphs, true)
  const single = all.filter(([first]) => SINGLE.has(markOf(paragraphs, first)))
  if (single.length === 0 || single.length > all.length - single.length) return all
  return passagesOf(paragraphs, false)
}

function markOf(paragraphs: (string | undefined)[], stretch: Stretch | undefined): string {
  return stretch ? (paragraphs[stretch.block]?.[stretch.from] ?? '') : ''
}

function passagesOf(paragraphs: (string | undefined)[], single: boolean): Passage[] {
  const passages: Passage[] = []
  let pending: Passage = []
  let pendingMark = ''
  for (const [block, text] of paragraphs.entries()) {
    if (text === undefined) {
      pending = []
      continue
    }
    const { closed, open } = scan(text, block, single)
    const goesOn = pending.length > 0 && text.startsWith(pendingMark)
    const before = goesOn ? pending : []
    pending = []
    for (const stretch of closed) {
      passages.push(stretch.from === 0 ? [...before, stretch] : [stretch])
    }
    if (open) {
      const stretch = within(text, block, open.from, text.length, 0)
      pending = open.from === 0 ? [...before, stretch] : [stretch]
      pendingMark = open.mark
    }
  }
  return passages.filter((passage) => passage.every(({ start, end }) => end > start))
}

function scan(text: string, block: number, single: boolean): { closed: Stretch[]; open?: Opening } {
  const closed: Stretch[] = []
  let open: Opening | undefined
  /** Where a single mark may have closed, unless a surer one comes. */
  let weak = -1
  const close = (at: number) => {
    if (open) closed.push(within(text, block, open.from, at + 1, 1))
    open = undefined
    weak = -1
  }
  for (let i = 0; i < text.length; i++) {
    const mark = text[i] ?? ''
    if (!(mark in CLOSERS) && !(open && CLOSERS[open.mark]?.includes(mark))) continue
    if (open && CLOSERS[open.mark]?.includes(mark)) {
      const sure = closes(text, i, open)
      if (sure === 'surely') {
        close(i)
        continue
      }
      if (sure === 'perhaps' && weak < 0) weak = i
      if (sure !== 'no') continue
    }
    if (!opens(text, i, single)) continue
    if (!open) open = { mark, from: i }
    else if (open.mark === mark) {
      // Opened again: the one before closed where it may have, or was never closed.
      if (weak >= 0) close(weak)
      open = { mark, from: i }
      weak = -1
    }
  }
  if (weak >= 0) close(weak)
  return open ? { closed, open } : { closed }
}

function opens(text: string, i: number, single: boolean): boolean {
  const mark = text[i] ?? ''
  if (!(mark in CLOSERS)) return false
  if (!DOUBTFUL.has(mark)) return true
  const before = text[i - 1]
  const after = text[i + 1]
  if (before !== undefined && !BEFORE_OPENING.test(before)) return false
  if (after === undefined || /\s/u.test(after)) return false
  if (!SINGLE.has(mark)) return true
  return single && !CLIPPED.test(text.slice(i, i + 8))
}

function closes(text: string, i: number, open: Opening): 'surely' | 'perhaps' | 'no' {
  const before = text[i - 1] ?? ''
  const after = text[i + 1] ?? ''
  if (open.mark === '"') {
    // "A 6" pipe": inches.
    const inches = /\d/.test(before) && /^ \p{Ll}/u.test(text.slice(i + 1, i + 3))
    if (inches && text.indexOf('"', i + 1) > 0) return 'perhaps'
    return /\s/u.test(before) && WORD.test(after) ? 'no' : 'surely'
  }
  if (!SINGLE.has(open.mark)) return 'surely'
  if (WORD.test(after) || /\s/u.test(before)) return 'no'
  if (CLOSED.test(before) || !/\s/u.test(after)) return 'surely'
  // `the workers’ union`, `doin’ well`: an apostrophe as likely as a mark.
  return /(?:s|in)$/.test(text.slice(Math.max(0, i - 2), i)) &&
    /^\s\p{Ll}/u.test(text.slice(i + 1, i + 3))
    ? 'perhaps'
    : 'surely'
}

/**
 * A comma before the closing mark stands for the sentence around the passage: nobody says it.
 */
function within(text: string, block: number, from: number, to: number, closing: 0 | 1): Stretch {
  let start = from + 1
  let end = to - closing
  const isSpace = (at: number) => /\s/u.test(text[at] ?? '')
  while (start < end && isSpace(start)) start++
  while (end > start && isSpace(end - 1)) end--
  if (closing && text[end - 1] === ',') end--
  while (end > start && isSpace(end - 1)) end--
  return { block, from, to, start, end }
}

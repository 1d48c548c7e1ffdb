import { takeRelated } from './related.ts'
import type { Story } from './story.ts'

/** A paragraph of the body, as it will be a block. */
export type Part = { style: 'normal' | 'h2'; text: string; bullet?: true }

/** A plain-text story in its parts. */
export type Layout = Pick<Story, 'byline' | 'summary' | 'dated' | 'categories'> & {
  headline: string
  parts: Part[]
}

const LINE_END = /\r\n|[\r\n\v\f\u0085\u2028\u2029]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what tells binary from text.
const CONTROL = /[\u0000-\u0008\u000e-\u001f]/
const BULLET = /^[-•*▪]\s+(?=\S)/u
/** No text is set wider than this with line ends in its paragraphs. */
const WIDEST_WRAP = 120
const NARROWEST_WRAP = 30
const LONGEST_HEADING = 90
const MOST_HEADING_WORDS = 14

/**
 * Takes a plain-text story apart: headline, by-line, date, summary when it is marked as such,
 * sub-headings, paragraphs and related links. The text comes out in NFC, otherwise as it stands;
 * lines that were wrapped within a paragraph are joined by a space. Throws an Error for what holds
 * no text, and for what is no text at all.
 */
export function layOut(source: string): Layout {
  checkText(source)
  const lines = source
    .replace(/^\ufeff/, '')
    .normalize()
    .split(LINE_END)
    .map((line) => line.replaceAll('\t', ' ').trim())
  const related = takeRelated(lines)
  const [headline, ...rest] = paragraphsOf(related.lines)
  if (headline === undefined) throw new Error('The file has no text in it.')
  const head = takeHead(rest)
  return { headline, ...head.found, categories: related.categories, parts: partsOf(head.rest) }
}

/** Throws an Error for what is binary, or not well-formed Unicode. */
export function checkText(source: string): void {
  if (source.includes('\u0000')) throw new Error('The file is not text: it has NUL bytes in it.')
  if (CONTROL.test(source))
    throw new Error('The file is not text: it has control characters in it.')
  if (!source.isWellFormed()) throw new Error('The file is not well-formed Unicode.')
  const unread = source.split('\ufffd').length - 1
  if (unread * 100 > source.length) throw new Error('The file is not text in UTF-8.')
}

/** Lines to paragraphs: each line is one, unless the text is wrapped to a width. */
function paragraphsOf(lines: string[]): string[] {
  const groups: string[][] = [[]]
  for (const line of lines) {
    if (line !== '') groups.at(-1)?.push(line)
    else if (groups.at(-1)?.length) groups.push([])
  }
  const filled = groups.filter((group) => group.length > 0)
  const width = wrapWidth(filled)
  return filled.flatMap((group) => (width > 0 ? unwrap(group, width, filled.length > 2) : group))
}

/** The width a text is wrapped to, in UTF-16 units, or 0 where each line is a paragraph. */
function wrapWidth(groups: string[][]): number {
  const wrapped = groups.filter((group) => group.length > 1)
  const width = wrapped.flat().reduce((most, line) => Math.max(most, line.length), 0)
  if (width < NARROWEST_WRAP || width > WIDEST_WRAP) return 0
  let full = 0
  let ended = 0
  let pairs = 0
  for (const group of wrapped) {
    for (let i = 1; i < group.length; i++) {
      pairs++
      if (isFull(group[i - 1], group[i], width)) full++
      if (/[.!?…:][”’"'»)]*$/u.test(group[i - 1] ?? '')) ended++
    }
  }
  // Paragraphs of one line each end their sentence; lines of a wrapped one seldom do.
  return full * 2 >= pairs && ended * 2 < pairs ? width : 0
}

/** Whether a line ended only because the next one's first word did not fit. */
function isFull(line = '', next = '', width: number): boolean {
  const word = next.split(' ', 1)[0] ?? ''
  // Some room: typists and editors wrap raggedly.
  return line.length + 1 + word.length > width - 8
}

/** With empty lines between paragraphs a group is one; else a short line ends a paragraph. */
function unwrap(group: string[], width: number, spaced: boolean): string[] {
  const paragraphs: string[] = []
  for (const [i, line] of group.entries()) {
    const joins = i > 0 && (spaced || isFull(group[i - 1], line, width)) && !BULLET.test(line)
    if (joins) paragraphs.push(`${paragraphs.pop()} ${line}`)
    else paragraphs.push(line)
  }
  return paragraphs
}

const BYLINE = /^by:?\s+(?=\p{Lu})([^.!?]{2,120}|(?:[^.!?]|\b\p{Lu}\.){2,120})$/iu
const SUMMARY = /^(?:summary|standfirst|abstract|in brief)\s*[:：]\s*(\S.*)$/i
const DATE = /^(?:(?:published|posted|updated|date)\s*(?:on)?\s*[:：]?\s*)?(.{6,40})$/i
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/** What stands between headline and text: at most one by-line, date and summary each. */
function takeHead(paragraphs: string[]) {
  const found: Pick<Layout, 'byline' | 'summary' | 'dated'> = {}
  const rest = [...paragraphs]
  for (let i = 0; i < 3; i++) {
    const line = rest[0] ?? ''
    const byline =
      line.length < 130 && line.split(' ').length <= 14 ? BYLINE.exec(line)?.[1] : undefined
    const summary = SUMMARY.exec(line.slice(0, 2000))?.[1]
    const dated = dateOf(line)
    if (byline && !found.byline) found.byline = byline.trim()
    else if (summary && !found.summary && line.length < 2000) found.summary = summary
    else if (dated && !found.dated) found.dated = dated
    else break
    rest.shift()
  }
  return { found, rest }
}

/** The day a line names when it says nothing else, as the start of that day in UTC. */
function dateOf(line: string): string | undefined {
  const date = line.length < 70 ? DATE.exec(line)?.[1] : undefined
  if (!date) return undefined
  const iso = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date)
  if (iso) return dayOf(Number(iso[1]), Number(iso[2]), Number(iso[3]))
  const bare = date.replace(
    /^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+/i,
    '',
  )
  const us = /^(\p{L}{3,9})\.? (\d{1,2}),? (\d{4})$/u.exec(bare)
  if (us) return dayOf(Number(us[3]), monthOf(us[1]), Number(us[2]))
  const uk = /^(\d{1,2})\.? (\p{L}{3,9})\.?,? (\d{4})$/u.exec(bare)
  return uk ? dayOf(Number(uk[3]), monthOf(uk[2]), Number(uk[1])) : undefined
}

function monthOf(name = ''): number {
  return MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1
}

function dayOf(year: number, month: number, day: number): string | undefined {
  const time = new Date(Date.UTC(year, month - 1, day))
  const real = time.getUTCMonth() === month - 1 && time.getUTCDate() === day
  return real && year > 1600 ? time.toISOString() : undefined
}

function partsOf(paragraphs: string[]): Part[] {
  const headings = paragraphs.map(isHeadingLike)
  return paragraphs.map((text, i) => {
    // A heading has text under it: of several short lines in a row none is one.
    if (
      headings[i] &&
      i + 1 < paragraphs.length &&
      !headings[i + 1] &&
      !(i > 0 && headings[i - 1])
    ) {
      return { style: 'h2', text }
    }
    const item = text.replace(BULLET, '')
    return item === text ? { style: 'normal', text } : { style: 'normal', text: item, bullet: true }
  })
}

function isHeadingLike(text: string): boolean {
  if (text.length > LONGEST_HEADING || BULLET.test(text)) return false
  const words = text.split(/\s+/)
  if (words.length > MOST_HEADING_WORDS || !/^[\p{Lu}\p{Lo}\p{N}‘“'"]/u.test(text)) return false
  if (/[.!;:,…”"»)]$/u.test(text) || /https?:|@|\s[–—]$/u.test(text)) return false
  const long = words.filter((word) => /^\p{L}{4}/u.test(word))
  const titled = long.filter((word) => /^\p{Lu}/u.test(word)).length > long.length / 2
  if (text.endsWith('?')) return titled && words.length > 2
  return titled || words.length <= 8
}

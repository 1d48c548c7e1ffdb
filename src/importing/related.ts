import { slugOf } from '../slug.ts'
import type { Story } from './story.ts'

const HEADING =
  /^(?:related(?: (?:coverage|stories|articles|links|news|topics|content|reading))?|read more|read also|see also|see more|more on this(?: story| topic)?|more (?:coverage|stories|from .{1,40}|in .{1,40})|further reading|also read|topics|tags|filed under)\s*[:：]?$/i
const BULLET = /^(?:[-–—•*·▪►>]|\d{1,2}[.)])\s*/u
const MARKDOWN_LINK = /^\[([^\]]{1,200})\]\((https?:\/\/\S{1,2000})\)$/i
const PLAIN_LINK = /^(.{0,300}?)\s*[-–—:|(<]*\s*(https?:\/\/[^\s<>)]{1,2000})[)>]?\.?$/i
const MOST_WORDS = 4

/**
 * Takes a closing block of related links off a story's lines: a heading such as "Related Coverage"
 * and the lines after it that each have a title and a URL. What follows them stays.
 *
 * A link to a section gives a category: its name is the link's text, its slug the last segment of
 * the URL's path. A link to a story gives none, and is dropped with the block: its text has more
 * than four words, its path has a date or a number of five digits and more, or its last segment
 * has more than four words.
 */
export function takeRelated(lines: string[]): { lines: string[]; categories: Story['categories'] } {
  // Only the last heading counts; a story is not searched for links beyond it.
  const at = lines.findLastIndex((line) => line.length < 60 && HEADING.test(line.trim()))
  if (at < 1) return { lines, categories: [] }
  const categories: Story['categories'] = []
  let next = at + 1
  let found = 0
  let title = ''
  for (; next < lines.length; next++) {
    const line = (lines[next] ?? '').trim().replace(BULLET, '')
    if (line === '') continue
    const link = linkOf(line)
    if (!link) {
      // A title may have its URL on the line below.
      if (title !== '' || !linkOf((lines[next + 1] ?? '').trim())) break
      title = line
      continue
    }
    found++
    addCategory(categories, link.name || title, link.url)
    title = ''
  }
  if (found === 0) return { lines, categories: [] }
  return { lines: [...lines.slice(0, at), ...lines.slice(next)], categories }
}

function linkOf(line: string): { name: string; url: string } | undefined {
  if (line.length > 2500) return undefined
  const match = MARKDOWN_LINK.exec(line) ?? PLAIN_LINK.exec(line)
  if (!match?.[2]) return undefined
  return { name: (match[1] ?? '').replace(/[\s–—:|(<-]+$/u, ''), url: match[2] }
}

function addCategory(categories: Story['categories'], name: string, url: string): void {
  const segments = URL.parse(url)?.pathname.split('/').filter(Boolean) ?? []
  const last = decoded(segments.at(-1) ?? '').replace(/\.[a-z]{3,5}$/i, '')
  if (name.split(/\s+/).length > MOST_WORDS || name.length > 100) return
  if (segments.some((part) => /^(?:19|20)\d\d$|\d{5}|^\d{4}-\d\d/.test(part))) return
  if (last.split(/[-_]/).length > MOST_WORDS) return
  const slug = slugOf(last) || slugOf(name)
  if (slug === '' || name === '' || categories.some((one) => one.slug === slug)) return
  categories.push({ name, slug })
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

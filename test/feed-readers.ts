import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import { parseFeed } from 'feedsmith'
import { SaxesParser } from 'saxes'

/* Readers of feeds that are not ours: a strict XML parser, feedsmith, and Python's feedparser. */

/** An element by its name with prefix, its own text (not that of its children), and what is in it. */
export type Element = {
  name: string
  attributes: Record<string, string>
  text: string
  children: Element[]
}

/** The root of a document that is well-formed, namespaces included; throws for any other. */
export function strictXml(text: string): Element {
  const top: Element = { name: '', attributes: {}, text: '', children: [] }
  const open = [top]
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const values = Object.entries(attributes).map(([key, { value }]) => [key, value])
    const element = { name, attributes: Object.fromEntries(values), text: '', children: [] }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  const add = (part: string) => {
    const element = open.at(-1)
    if (element) element.text += part
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => open.pop())
  parser.write(text).close()
  const [root] = top.children
  if (!root) throw new Error('There is no root.')
  return root
}

/** All elements of a name below another, in the order of the document. */
export function elements({ children }: Element, name: string): Element[] {
  return children.flatMap((one) => [...(one.name === name ? [one] : []), ...elements(one, name)])
}

/** The text of the first child of a name; undefined when there is none. */
export function textIn({ children }: Element, name: string): string | undefined {
  return children.find((one) => one.name === name)?.text
}

/** What feedsmith reads in a feed, whatever its format; throws when it is none to it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into feeds of every format
export function readFeed(text: string): { format: string; feed: any } {
  return parseFeed(text)
}

/** What feedparser says of a feed; `bozo` when it was not well-formed. */
export type Parsed = {
  bozo: boolean
  version: string
  title: string
  entries: { id: string; link: string; title: string; updated: number[] | null }[]
}

const SCRIPT = `
import json, sys, feedparser
def entry(e):
    return {'id': e.get('id'), 'link': e.get('link'), 'title': e.get('title'),
            'updated': list(e['updated_parsed']) if e.get('updated_parsed') else None}
def read(text):
    d = feedparser.parse(text.encode())
    return {'bozo': bool(d.bozo), 'version': d.version, 'title': d.feed.get('title'),
            'entries': [entry(e) for e in d.entries]}
json.dump([read(t) for t in json.load(sys.stdin)], sys.stdout)
`
// Debian's own, since that is where its package is.
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'

async function python(script: string, input: string): Promise<string | undefined> {
  const child = spawn(PYTHON, ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(-1))
    child.on('close', (code) => resolve(code ?? -1))
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const output = await readAll(child.stdout)
  return (await ended) === 0 ? output : undefined
}

/** Whether feedparser is here; .ci/run installs it. */
export async function hasFeedparser(): Promise<boolean> {
  return (await python('import feedparser', '')) !== undefined
}

/** What feedparser reads in XML feeds. */
export async function feedparser(texts: string[]): Promise<Parsed[]> {
  const output = await python(SCRIPT, JSON.stringify(texts))
  if (output === undefined) throw new Error('feedparser failed.')
  return JSON.parse(output)
}

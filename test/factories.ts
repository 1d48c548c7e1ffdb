import { type Call, callerOf, type Newsroom, type Reply } from './newsroom.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any

/** The answer of a call that must be a 2xx; otherwise throws an Error that shows it. */
export async function must(
  call: Call,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Reply> {
  const reply = await call(method, path, body, headers)
  if (reply.status >= 200 && reply.status < 300) return reply
  throw new Error(`${method} ${path} was answered ${reply.status}: ${reply.text}`)
}

/** A draft with a headline and a body, unless told otherwise. */
export async function draft(call: Call, input: object = {}): Promise<Made> {
  const whole = {
    headline: 'Ferry late again',
    body: { markdown: 'The 7.40 boat left at eight.' },
    ...input,
  }
  return (await must(call, 'POST', '/v1/articles', whole)).json
}

/** A published article, visible at once unless `publication` says otherwise. */
export async function story(
  call: Call,
  input: object = {},
  publication: object = {},
): Promise<Made> {
  const { id } = await draft(call, input)
  return publish(call, id, publication)
}

/** Publishes an article. */
export async function publish(call: Call, id: string, publication: object = {}): Promise<Made> {
  return (await must(call, 'POST', `/v1/articles/${id}/publish`, publication)).json
}

/** A person, unless told otherwise. */
export async function source(call: Call, input: object = {}): Promise<Made> {
  const whole = { kind: 'person', name: 'Petra Quill', ...input }
  return (await must(call, 'POST', '/v1/sources', whole)).json
}

/** A category, at the top unless told otherwise. */
export async function category(call: Call, input: object = {}): Promise<Made> {
  return (await must(call, 'POST', '/v1/categories', { name: 'Harbour', ...input })).json
}

/** A quote of an article. */
export async function quote(
  call: Call,
  input: { article: string; text: string; [member: string]: unknown },
): Promise<Made> {
  return (await must(call, 'POST', '/v1/quotes', input)).json
}

/** A partner, entitled to everything unless told otherwise, with a key of its own and calls as its holder. */
export async function partner(
  { app, editor }: Pick<Newsroom, 'app' | 'editor'>,
  input: object = {},
  scopes: string[] = ['read', 'syndication'],
): Promise<Made> {
  const made = (await must(editor, 'POST', '/v1/partners', { name: 'The Record', ...input })).json
  const key = await keyOf(editor, made.id, scopes)
  return { ...made, key, call: callerOf(app, `Bearer ${key}`) as Call }
}

/** Another key of a partner. */
export async function keyOf(editor: Call, partnerId: string, scopes: string[]): Promise<string> {
  const body = { name: 'theirs', scopes, partner: partnerId }
  return (await must(editor, 'POST', '/v1/keys', body)).json.key
}

/** A merge patch on whatever version is there. */
export async function patch(call: Call, path: string, change: object): Promise<Made> {
  return (await must(call, 'PATCH', path, change, { 'if-match': '*' })).json
}

/** What is there now. */
export async function get(call: Call, path: string): Promise<Made> {
  return (await must(call, 'GET', path)).json
}

/** All pages of a list, one after the other. */
export async function walk(call: Call, path: string): Promise<Made[]> {
  const rows: Made[] = []
  const joint = path.includes('?') ? '&' : '?'
  for (let next: string | null = ''; next !== null; ) {
    const page: Made = await get(call, next === '' ? path : `${path}${joint}cursor=${next}`)
    rows.push(...page.data)
    next = page.page.next
  }
  return rows
}

/** All rows of a change feed from a cursor on (or the beginning), and where it is then. */
export async function rest(call: Call, cursor?: string, path = '/v1/changes?limit=7') {
  const rows: Made[] = []
  for (let next = cursor; ; ) {
    const { data, page } = await get(call, next ? `${path}&cursor=${next}` : path)
    rows.push(...data)
    next = page.next
    if (data.length === 0) return { rows, next: page.next as string }
  }
}

/** An instant so many seconds from now, before it when negative; RFC 3339. */
export function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString()
}

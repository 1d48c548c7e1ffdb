import type { Call } from './newsroom.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Any = any

/** What is known of an article at some version: its text or word of it, or that it is to go. */
export type Known = { version: number; removed: boolean }
export type Degree = 'notified' | 'given' | 'acknowledged'
type Shelf = Partial<Record<Degree, Known>>
/** What a partner has, and how sure that is. */
export type Has = Known & { degree: Degree }
/** A row of the ledger, as a webhook tells it. */
export type Row = { id: string; op: 'upsert' | 'remove'; version: number; position: number }

/** Sections that a partner may have, or may not. */
type Entitled = { allowed?: string[]; excluded?: string[] }

/** How a partner behaves; the gone go in the middle, and were fast, pulling or failing before. */
export type Temper = 'fast' | 'slow' | 'failing' | 'pull' | 'gone'

/** A number from 0 up to `n`, without `n`. */
export type Chance = (n: number) => number

/** The same numbers for the same seed (mulberry32). */
export function chanceFrom(seed: number): Chance {
  let state = seed
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}

/**
 * A partner that writes down for itself what reached it, out of the bytes that it got: the truth that
 * reports are held against. Nothing here asks who has what.
 */
export class Partner {
  readonly id: string
  readonly name: string
  readonly temper: Temper
  readonly entitled: Entitled
  readonly shelf = new Map<string, Shelf>()
  /** It is no partner any more, or nobody is at home. */
  ended = false
  silent = false
  /** What its feed told since the cursor it last asked with. */
  readonly #untold: { article: string; known: Known }[] = []
  readonly #tags = new Map<string, { tag: string; version: number }>()
  #cursor: string | undefined
  readonly #call: Call
  readonly #chance: Chance
  readonly #goneIn: (article: string) => number

  /** `goneIn` is the version that ended an article, which an answer of 410 does not say. */
  constructor(
    made: { id: string; name: string; call: Call },
    character: { temper: Temper; entitled: Entitled; chance: Chance },
    goneIn: (article: string) => number,
  ) {
    this.id = made.id
    this.name = made.name
    this.temper = character.temper
    this.entitled = character.entitled
    this.#chance = character.chance
    this.#call = made.call
    this.#goneIn = goneIn
  }

  /** Whether it may have what stands in these sections. */
  mayHave(sections: readonly string[]): boolean {
    const { allowed, excluded = [] } = this.entitled
    const within = !allowed || sections.some((one) => allowed.includes(one))
    return !this.ended && within && !sections.some((one) => excluded.includes(one))
  }

  /** What it has of an article: a text that it was only told of counts where it has no other. */
  has(article: string): Has | undefined {
    const { notified, given, acknowledged } = this.shelf.get(article) ?? {}
    const sent: Has | undefined =
      acknowledged && acknowledged.version >= (given?.version ?? 0)
        ? { ...acknowledged, degree: 'acknowledged' }
        : given && { ...given, degree: 'given' }
    if (!notified) return sent
    const newer = !sent || notified.version > sent.version
    return newer && (!sent || notified.removed || sent.removed)
      ? { ...notified, degree: 'notified' }
      : sent
  }

  /** The latest version of which it was told in a degree; 0: of none. */
  knows(article: string, ...degrees: Degree[]): number {
    const shelf = this.shelf.get(article) ?? {}
    return Math.max(0, ...degrees.map((degree) => shelf[degree]?.version ?? 0))
  }

  /** What a webhook is answered: seldom, of a failing partner, 2xx. */
  receive({ id, op, version }: Row): number {
    if (this.silent) return 503
    if (this.temper === 'failing' && this.#chance(10) < 4)
      return [500, 429, 302][this.#chance(3)] ?? 0
    this.#learn('notified', id, { version, removed: op === 'remove' })
    return 204
  }

  /** What it does between one event and the next, among these articles. */
  async act(articles: readonly string[]): Promise<void> {
    if (this.ended || this.silent) return
    if (this.temper === 'fast') return this.#catchUp()
    if (this.temper === 'slow') return this.#readAPage()
    const article = articles[this.#chance(articles.length)] as string
    if (this.temper === 'failing') return this.#answerTo(article)
    if (this.temper === 'pull') return this.#pull(article)
    return this.#chance(2) === 0 ? this.#catchUp() : this.#pull(article)
  }

  #learn(degree: Degree, article: string, known: Known): void {
    const shelf = this.shelf.get(article) ?? {}
    if (known.version > (shelf[degree]?.version ?? 0)) shelf[degree] = known
    this.shelf.set(article, shelf)
  }

  /** A page of the feed, and its rows. Asking with a cursor says that all before it has come. */
  async #page(limit: number): Promise<{ rows: Any[]; next: string; moved: boolean }> {
    const cursor = this.#cursor
    const from = cursor === undefined ? 'snapshot=true' : `cursor=${cursor}`
    const { status, json, text } = await this.#call('GET', `/v1/changes?limit=${limit}&${from}`)
    if (status !== 200) throw new Error(`${this.name} was answered ${status}: ${text}`)
    if (cursor !== undefined)
      for (const { article, known } of this.#untold.splice(0))
        this.#learn('acknowledged', article, known)
    for (const { resource, op, id, version, article } of json.data as Any[]) {
      if (resource !== 'article' || (op === 'upsert' && !article)) continue
      const known = { version: article?.version ?? version, removed: op === 'remove' }
      this.#learn('given', id, known)
      this.#untold.push({ article: id, known })
    }
    return { rows: json.data, next: json.page.next, moved: json.page.next !== cursor }
  }

  /** Reads to the end, and asks once more. */
  async #catchUp(): Promise<void> {
    for (let more = true; more; ) {
      const { rows, next, moved } = await this.#page(50)
      this.#cursor = next
      more = rows.length > 0 || moved
    }
  }

  /** Reads three rows, when it comes to it, and at times forgets that it has. */
  async #readAPage(): Promise<void> {
    if (this.#chance(3) === 0) return
    const { next } = await this.#page(3)
    if (this.#chance(4) > 0) this.#cursor = next
    // It has them; it will not say so before it has been told again.
    else this.#untold.splice(0)
  }

  /** Fetches what it was told of, or says that it has applied it, or does nothing. */
  async #answerTo(article: string): Promise<void> {
    const has = this.has(article)
    if (!has) return
    const what = this.#chance(3)
    if (what === 0) return
    if (what === 1 && !has.removed) return this.#fetch(article)
    const ack = { id: article, ...(has.removed ? { removed: true } : { version: has.version }) }
    const { status, text } = await this.#call('POST', '/v1/changes/ack', { articles: [ack] })
    if (status !== 200) throw new Error(`${this.name} was answered ${status}: ${text}`)
    this.#learn('acknowledged', article, has)
  }

  /** Reads as a site without a copy does: items, with or without what it has, heads, lists, headlines. */
  async #pull(article: string): Promise<void> {
    const what = this.#chance(6)
    if (what < 3) return this.#fetch(article)
    if (what === 3) {
      await this.#call('HEAD', `/v1/articles/${article}`)
      return
    }
    const shown = what === 4 ? 'body=html' : 'fields=headline'
    const { json } = await this.#call('GET', `/v1/articles?limit=5&sort=-updatedAt&${shown}`)
    for (const { id, version } of json.data)
      this.#learn(what === 4 ? 'given' : 'notified', id, { version, removed: false })
  }

  async #fetch(article: string): Promise<void> {
    const known = this.#tags.get(article)
    const headers = known ? { 'if-none-match': known.tag } : undefined
    const { status, ...answer } = await this.#call(
      'GET',
      `/v1/articles/${article}`,
      undefined,
      headers,
    )
    if (status === 304 && known)
      return this.#learn('given', article, { version: known.version, removed: false })
    if (status === 200) {
      const { version } = answer.json
      this.#tags.set(article, { tag: String(answer.headers.etag), version })
      return this.#learn('given', article, { version, removed: false })
    }
    // To whom it never was there, that it is gone is nothing.
    if (status === 410 && this.shelf.has(article))
      this.#learn('given', article, { version: this.#goneIn(article), removed: true })
  }
}

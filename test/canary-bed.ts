import type { CanaryRoom } from './canary-room.ts'
import { canary } from './canary-words.ts'
import { category, draft, inSeconds, must, source } from './factories.ts'
import type { Call } from './newsroom.ts'

/** The collections of the API, as their paths begin. */
export const COLLECTIONS = ['articles', 'quotes', 'sources', 'categories', 'keys'] as const
export type Collection = (typeof COLLECTIONS)[number]

/** A thing readers must not see, and what they are told at its own address. */
export type Hidden = {
  collection: Collection
  id: string
  /** Present and past. */
  slugs: string[]
  /** The status; of keys none, since all who ask are refused before anything is looked at. */
  own: 404 | 410 | 451
}

/** What was planted. */
export type Plant = {
  hidden: Hidden[]
  /** Ids and slugs, past ones too, of what readers see. */
  visible: Record<Collection, string[]>
  /** Every canary. */
  words: Set<string>
}

/** The words that both hidden and visible people say, so that each is like the other. */
export const COMMON = 'The tide waits for nobody in this town'

/** What plants: it notes what it hides and shows, and makes things full of canaries. */
export type Bed = ReturnType<typeof bedIn>

/** A bed in a newsroom; `editor` is who writes. */
export function bedIn(room: CanaryRoom, editor: Call) {
  const hidden: Hidden[] = []
  const words = new Set<string>()
  const visible: Plant['visible'] = {
    articles: [],
    quotes: [],
    sources: [],
    categories: [],
    keys: [],
  }

  /** The canary of a thing's member, noted. */
  const wordsOf = (thing: string) => (member: string) => {
    const word = canary(thing, member)
    words.add(word)
    return word
  }
  const hide = (collection: Collection, id: string, own: Hidden['own']) => {
    hidden.push({ collection, id, own, slugs: [] })
  }
  const show = (collection: Collection, ...names: string[]) => visible[collection].push(...names)

  async function hiddenCategory(name: string, own: Hidden['own'], input: object = {}) {
    const word = wordsOf(name)
    const made = await category(editor, {
      name: `Beat ${word('categoryname')}`,
      slug: word('categoryslug'),
      description: `“${word('categorydescription')}” & more`,
      ...input,
    })
    hide('categories', made.id, own)
    return made
  }

  async function hiddenSource(thing: string, own: Hidden['own'], input: object = {}) {
    const word = wordsOf(thing)
    const made = await source(editor, {
      kind: 'person',
      name: `Vesna ${word('name')}`,
      slug: word('slug'),
      title: `Director, ${word('title')}`,
      description: `Knows <${word('description')}>`,
      url: `https://${word('url')}.example/?a=ö`,
      sameAs: [`https://www.example.org/${word('sameas')}`],
      ...input,
    })
    hide('sources', made.id, own)
    return made
  }

  /** An article full of canaries, with a category, sources and a quote that only it mentions. */
  async function hiddenArticle(thing: string, own: Hidden['own'], input: object = {}) {
    const word = wordsOf(thing)
    // What is seen with an article is 410 after it, never 451: it was not itself removed.
    const parts = own === 404 ? 404 : 410
    const beat = await hiddenCategory(thing, parts, { parent: 'harbour' })
    const firm = await hiddenSource(`${thing}firm`, 404, {
      kind: 'organization',
    })
    const speaker = await hiddenSource(`${thing}speaker`, parts, { organization: firm.id })
    const witness = await hiddenSource(`${thing}source`, parts)
    const said = `${COMMON}, ${word('quote')}`
    const made = await draft(editor, {
      headline: `Ferry “${word('headline')}” & <tide>`,
      slug: word('slug'),
      summary: `Ö ${word('summary')}`,
      byline: `By ${word('byline')}`,
      body: {
        markdown: `The boat, ${word('body')}, left.\n\n“${said}”, she said. [more](https://${word('link')}.example/)`,
      },
      leadImage: {
        url: `https://img.example/${word('image')}.jpg`,
        alt: word('alt'),
        caption: word('caption'),
        credit: word('credit'),
      },
      origin: {
        system: word('system'),
        id: word('originid'),
        url: `https://wire.example/${word('originurl')}`,
      },
      categories: [beat.id],
      sources: [{ source: witness.id, role: word('role'), note: word('note') }],
      quotes: [
        {
          text: said,
          speaker: speaker.id,
          cue: word('cue'),
          occasion: word('occasion'),
          original: { text: word('original'), language: 'cy' },
        },
      ],
      ...input,
    })
    hide('articles', made.id, own)
    const [{ id: quoteId }] = (await must(editor, 'GET', `/v1/articles/${made.id}?include=quotes`))
      .json.quotes
    hide('quotes', quoteId, parts)
    return { id: made.id as string, word, quoteId: quoteId as string }
  }
  return {
    room,
    editor,
    plant: { hidden, visible, words } satisfies Plant,
    wordsOf,
    hide,
    show,
    hiddenCategory,
    hiddenSource,
    hiddenArticle,
    /** A verb on an article. */
    verb: (id: string, name: string, body: object = {}) =>
      must(editor, 'POST', `/v1/articles/${id}/${name}`, body),
    /** An article's time is over, and nobody has noticed. */
    expireNow: (id: string) =>
      room.sql(
        `update articles set publish_at = now() - interval '2 h',
         published_at = now() - interval '2 h', expires_at = now() - interval '1 s' where id = $1`,
        [id],
      ),
    later: inSeconds(3600),
  }
}

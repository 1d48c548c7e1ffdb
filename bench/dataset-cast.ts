import { v7 as uuidv7 } from 'uuid'
import { capital, WORDS, words } from './dataset-words.ts'
import { between, oneOf, type Random, seeded, zipf } from './random.ts'

/** Everybody and every category was there before the first article. */
const FOUNDED = Date.UTC(2015, 0, 1)
const ROOTS = 8
const CATEGORIES = 80
const ORGANIZATIONS = 300
const SOURCES = 3000

export type Category = {
  id: string
  slug: string
  name: string
  description: string
  parentId: string | null
  position: number
  at: string
}

export type Source = {
  id: string
  slug: string
  kind: 'person' | 'organization'
  name: string
  title: string | null
  organizationId: string | null
  url: string | null
  description: string
  at: string
}

/** UUIDv7 of an instant, the same for the same random numbers. */
export function idAt(msecs: number, random: Random): string {
  const bytes = Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))
  return uuidv7({ msecs, random: bytes, seq: Math.floor(random() * 0x7fffffff) })
}

/** A tree: eight sections, the others below them or below one another, three levels deep. */
function makeCategories(): Category[] {
  const random = seeded(2)
  const made: Category[] = []
  for (let position = 0; position < CATEGORIES; position++) {
    const name = capital(`${WORDS[position]} ${WORDS[position + CATEGORIES]}`)
    const parent = position < ROOTS ? null : made[between(random, 0, position < 60 ? 7 : 59)]
    made.push({
      id: idAt(FOUNDED + position, random),
      slug: name.toLowerCase().replaceAll(' ', '-'),
      name,
      description: capital(words(random, 12)),
      parentId: parent?.id ?? null,
      position,
      at: new Date(FOUNDED + position).toISOString(),
    })
  }
  return made
}

/** The organisations first, then people, of whom two in three belong to one. */
function makeSources(): Source[] {
  const random = seeded(3)
  const made: Source[] = []
  for (let n = 0; n < SOURCES; n++) {
    const person = n >= ORGANIZATIONS
    const name = `${capital(WORDS[n % 2000] as string)} ${capital(WORDS[n + 2000] as string)}`
    const at = FOUNDED + 1000 + n
    made.push({
      id: idAt(at, random),
      slug: name.toLowerCase().replaceAll(' ', '-'),
      kind: person ? 'person' : 'organization',
      name,
      title: person ? capital(words(random, 3)) : null,
      organizationId: person && random() < 0.66 ? oneOf(random, made.slice(0, 300)).id : null,
      url: person ? null : `https://organization.example/${n}`,
      description: capital(words(random, 10)),
      at: new Date(at).toISOString(),
    })
  }
  return made
}

/** All categories; the sections come first. */
export const ALL_CATEGORIES: readonly Category[] = makeCategories()
/** All sources. */
export const ALL_SOURCES: readonly Source[] = makeSources()

const categoryRank = zipf(CATEGORIES, 0.8)
const sourceRank = zipf(SOURCES, 0.7)

function distinct<T>(random: Random, count: number, draw: (random: Random) => T): T[] {
  const drawn = new Set<T>()
  while (drawn.size < count) drawn.add(draw(random))
  return [...drawn]
}

// The rank is not the place in the list: a rare category may be a section, a busy one a leaf.
const categoryAt = (n: number) => ALL_CATEGORIES[(n * 37) % CATEGORIES] as Category
const sourceAt = (n: number) => ALL_SOURCES[(n * 1361) % SOURCES] as Source

/** Different categories, some of them named far more often than others. */
export function someCategories(random: Random, count: number): Category[] {
  return distinct(random, count, categoryRank).map(categoryAt)
}

/** Different sources, some of them named far more often than others. */
export function someSources(random: Random, count: number): Source[] {
  return distinct(random, count, sourceRank).map(sourceAt)
}

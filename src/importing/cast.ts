import { slugOf } from '../slug.ts'
import type { NamePhrase } from './names.ts'
import { type Naming, type Party, partyMeant, partyNamed, partyTitled } from './naming.ts'
import type { Phrase } from './phrases.ts'
import type { StorySource } from './story.ts'

/** Where a phrase stands, and whether a verb of saying stands right before a name. */
type Place = { block: number; isObject: (mention: NamePhrase) => boolean }

/** The sources of a story as they come up, each once. */
export type Cast = {
  naming: Naming
  members: Map<Party, StorySource>
  handles: Set<string>
  /** By label, and all of one head. */
  unnamed: Map<string, Party>
  unnamedHeads: Map<string, Party[]>
  /** By label, and the last of each head. */
  documents: Map<string, Party>
  documentHeads: Map<string, Party>
}

export function emptyCast(naming: Naming): Cast {
  return {
    naming,
    members: new Map(),
    handles: new Set(),
    unnamed: new Map(),
    unnamedHeads: new Map(),
    documents: new Map(),
    documentHeads: new Map(),
  }
}

/** Bodies that speak as one, under no other name. */
const BODIES = new Set(['police', 'authorities'])

/**
 * Whom a phrase means, or nobody. Those without a name count when they are hidden on purpose, or
 * when they are quoted: "officials said" alone makes no source.
 */
export function partyOf(
  cast: Cast,
  phrase: Phrase,
  place: Place,
  quoted: boolean,
): Party | undefined {
  const { naming } = cast
  switch (phrase.kind) {
    case 'name':
      return partyNamed(naming, phrase)
    case 'pronoun':
      return partyMeant(
        naming,
        phrase.pronoun,
        { block: place.block, token: phrase.from },
        place.isObject,
      )
    case 'definite':
      return partyTitled(naming, phrase.noun)
    case 'unnamed':
      return phrase.hidden || quoted ? unnamedParty(cast, phrase) : undefined
    case 'document':
      return documentParty(cast, phrase)
  }
}

function unnamedParty(cast: Cast, phrase: Phrase & { kind: 'unnamed' }): Party {
  const { label, head } = phrase
  const known = cast.unnamed.get(label)
  if (known) return known
  // "Sources said": those of before, when there was but one such.
  const same = cast.unnamedHeads.get(head) ?? []
  if (label === head && same.length === 1 && same[0]) return same[0]
  const party: Party = { kind: BODIES.has(head) ? 'organization' : 'anonymous', name: label }
  cast.unnamed.set(label, party)
  cast.unnamedHeads.set(head, same)
  same.push(party)
  return party
}

function documentParty(cast: Cast, phrase: Phrase & { kind: 'document' }): Party {
  const { label, head, definite } = phrase
  const known = cast.documents.get(label) ?? (definite ? cast.documentHeads.get(head) : undefined)
  if (known) return known
  const party: Party = { kind: 'document', name: label }
  cast.documents.set(label, party)
  cast.documentHeads.set(head, party)
  return party
}

/** Enters a party among the story's sources, or finds it there; gives its handle. */
export function enter(cast: Cast, party: Party, quoted: boolean): string {
  const known = cast.members.get(party)
  if (known) {
    if (quoted && party.kind !== 'document') known.role = 'quoted'
    return known.handle
  }
  const { kind, name, title } = party
  const base = slugOf(name) || 'source'
  let handle = base
  for (let n = 2; cast.handles.has(handle); n++) handle = `${base}-${n}`
  cast.handles.add(handle)
  const role = kind === 'document' ? 'document' : quoted ? 'quoted' : 'cited'
  cast.members.set(party, { handle, kind, name, ...(title && { title }), role })
  return handle
}

import { type Attribution, accordingTo } from './attribution.ts'
import { BASE_VERBS, DOCUMENT_VERBS } from './english.ts'
import { fits, isVerb, type Reading, subjectBefore } from './subjects.ts'

/** Verbs that tell what somebody said even without a quote. Others are as often about deeds. */
const TELLING = new Set(
  `said says told tells wrote writes added admitted announced argued claimed confirmed declared denied
   explained insisted noted recalled reported responded replied stated suggested testified warned
   acknowledged alleged say claim allege insist argue warn report tell`.split(/\s+/),
)

/**
 * Who is said to have said something, quoted or not, in the order of the text: `Smith said ...`,
 * `according to a report by ...`, `said in a statement`.
 */
export function citations(reading: Reading): Attribution[] {
  const { paragraph, phrases } = reading
  const { tokens } = paragraph
  const found: Attribution[] = []
  for (const sentence of paragraph.sentences) {
    for (let at = sentence.from; at < sentence.to; at++) {
      const token = tokens[at]
      const word = token?.text ?? ''
      const cited = accordingTo(reading, at, sentence)
      if (cited?.who) found.push(cited)
      const telling = TELLING.has(word) && (isVerb(token) || BASE_VERBS.has(word))
      if (!telling && !DOCUMENT_VERBS.has(word)) continue
      const who = subjectBefore(reading, at, sentence.from, sentence)
      const document = phrases.starting.get(at + 2)
      const written = tokens[at + 1]?.text === 'in' && document?.kind === 'document' && document
      const speaks = who && (who.kind === 'document' || (telling && fits(who, token)))
      if (!speaks && !(telling && written)) continue
      found.push({
        reading,
        ...(speaks && { who }),
        ...(written && { document: written }),
        cue: { from: at, to: at + 1 },
      })
    }
  }
  return found
}

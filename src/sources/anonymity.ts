// "2019-2024" and "2026-03-12" are years and a date, although they have eight digits.
const NO_DATE = String.raw`(?!(?:1[89]|20)\d\d[-–/](?:(?:1[89]|20)\d\d|\d\d[-/]\d\d)\b)`

/**
 * Forms of contact in text: an e-mail address, a URL, a handle, a telephone number. A label such as
 * "a nurse at the clinic" holds none; a label that does could lead to the person.
 */
const CONTACT: [RegExp, string][] = [
  [/[^\s@]@[^\s@]+\.[^\s@]/u, 'an e-mail address'],
  [/\bhttps?:\/\/|\bwww\./iu, 'a web address'],
  [/\S\s*[[(]\s*at\s*[\])]\s*\S/iu, 'an e-mail address'],
  [/[\p{L}\p{N}]\.\p{L}{2,}\/\S/u, 'a web address'],
  [/(?<![\p{L}\p{N}])@[\p{L}\p{N}_.]{2,}/u, 'a handle'],
  [new RegExp(String.raw`(?:\+|\b${NO_DATE})\d(?:[\s()./-]*\d){6,}`, 'u'), 'a telephone number'],
]

/** What in a text reads like contact details, in words for a message; undefined when nothing does. */
export function contactIn(text: string | null | undefined): string | undefined {
  return CONTACT.find(([form]) => form.test(text ?? ''))?.[1]
}

/** Text that stands beside a source: a note, a role, the cue of a quote. */
export type Beside = { source: string; text: string | null | undefined; pointer: string }

/** Those of the texts that read like contact details, with what they hold. Pure. */
export function contactsIn(texts: Beside[]): (Beside & { contact: string })[] {
  return texts.flatMap((one) => {
    const contact = contactIn(one.text)
    return contact ? [{ ...one, contact }] : []
  })
}

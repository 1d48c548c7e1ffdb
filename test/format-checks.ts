import { Parser } from 'htmlparser2'

/* What formats must be like, said a second time, by their specifications and not by our code. */

/** The text as XML 1.0 can hold it, and as a parser gives it (sections 2.2 and 2.11). */
export function inXml(text: string): string {
  return [...text.replace(/[\v\f]/g, '\n').replace(/\r\n?/g, '\n')]
    .filter((character) => {
      const code = character.codePointAt(0) ?? 0
      return (
        [0x9, 0xa, 0xd].includes(code) ||
        (code >= 0x20 && code <= 0xd7ff) ||
        (code >= 0xe000 && code <= 0xfffd) ||
        code >= 0x10000
      )
    })
    .join('')
}

/** RFC 3986, appendix A, as far as http and urn go. */
const CHAR = String.raw`(?:[\w\-.~!$&'()*+,;=:@]|%[\da-fA-F]{2})`
const URI = new RegExp(
  String.raw`^(?:urn:[a-z\d-]+:${CHAR}+|https?:\/\/(?:[\w\-.~]+|\[[\da-f:]+\])(?::\d+)?(?:\/${CHAR}*)*(?:\?(?:${CHAR}|[\/?])*)?(?:#(?:${CHAR}|[\/?])*)?)$`,
)

/** Is it an absolute URI, in ASCII? */
export function isUri(text: unknown): boolean {
  return typeof text === 'string' && URI.test(text)
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** An HTML document as its readers see it: its text, its addresses, its elements, its scripts. */
export function htmlParts(html: string) {
  const parts = {
    text: '',
    addresses: [] as string[],
    names: [] as string[],
    scripts: [] as string[],
  }
  const attributes: string[] = []
  let within = ''
  const parser = new Parser({
    onopentag(name, attribs) {
      parts.names.push(name)
      attributes.push(...Object.keys(attribs))
      if (name === 'script' || name === 'style' || name === 'title') within = name
      if (name === 'br') parts.text += '\n'
      for (const key of ['href', 'src'])
        if (attribs[key] !== undefined) parts.addresses.push(attribs[key])
    },
    ontext(text) {
      if (within === 'script') parts.scripts.push((parts.scripts.pop() ?? '') + text)
      else if (within === '') parts.text += text
    },
    onclosetag(name) {
      if (name === within) within = ''
    },
  })
  parser.write(html)
  parser.end()
  return { ...parts, attributes: [...new Set(attributes)] }
}

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape is looked at
type Json = any

const NINJS = {
  item: 'uri type representationType profile version firstCreated versionCreated contentCreated embargoedUntil pubStatus urgency copyrightHolder copyrightNotice usageTerms edNote language descriptions bodies headlines people organisations places subjects events eventDetails plannedCoverage objects infoSources title by slugline located renditions associations altIds trustIndicators standard genres expires rightsInfo digitalSourceType',
  descriptions: 'role contentType value',
  headlines: 'role contentType value',
  bodies: 'role contentType charCount wordCount value',
  people: 'name rel uri literal contactInfo',
  organisations: 'name rel uri literal symbols contactInfo',
  subjects: 'name rel uri literal creator relevance confidence',
  infoSources: 'name role uri literal contactInfo',
  altIds: 'role value',
  renditions:
    'name href contentType title width height sizeInBytes duration format aspectRatio videoCodec audioCodec',
  standard: 'name version schema',
}

/** What is wrong with a ninjs 3.1 document, as IPTC's schema would say. */
export function ninjsFaults(item: Json, path = '', also = ''): string[] {
  const faults: string[] = []
  const only = (object: object, names: string, at: string) => {
    for (const name of Object.keys(object)) {
      if (!names.split(' ').includes(name)) faults.push(`${at}/${name} is not known`)
    }
  }
  const uri = (value: unknown, at: string) => {
    if (value !== undefined && !isUri(value)) faults.push(`${at} is no URI: ${value}`)
  }
  only(item, `${NINJS.item} ${also}`, path)
  if (item.uri === undefined) faults.push(`${path}/uri is missing`)
  uri(item.uri, `${path}/uri`)
  const one = (name: string, values: string) => {
    if (item[name] !== undefined && !values.split(' ').includes(item[name])) {
      faults.push(`${path}/${name} is ${item[name]}`)
    }
  }
  one('type', 'text audio video picture graphic composite component event planning')
  one('representationType', 'full partial')
  one('pubStatus', 'usable withheld canceled')
  for (const name of ['contentCreated', 'versionCreated']) {
    if (item[name] !== undefined && !INSTANT.test(item[name]))
      faults.push(`${path}/${name} is no time`)
  }
  for (const name of ['version', 'language', 'by', 'slugline', 'edNote']) {
    if (item[name] !== undefined && typeof item[name] !== 'string') faults.push(`${path}/${name}`)
  }
  for (const [name, names] of Object.entries(NINJS)) {
    if (name === 'item' || item[name] === undefined) continue
    const list = name === 'standard' ? [item[name]] : item[name]
    for (const [i, part] of list.entries()) {
      const at = `${path}/${name}/${i}`
      only(part, names, at)
      for (const key of ['uri', 'href', 'schema']) uri(part[key], `${at}/${key}`)
      if (
        ['descriptions', 'headlines', 'bodies'].includes(name) &&
        typeof part.value !== 'string'
      ) {
        faults.push(`${at} has no value`)
      }
      if (name === 'renditions' && typeof part.name !== 'string') faults.push(`${at} has no name`)
      for (const key of ['width', 'height', 'charCount']) {
        if (part[key] !== undefined && !Number.isInteger(part[key])) faults.push(`${at}/${key}`)
      }
    }
  }
  for (const [i, part] of (item.associations ?? []).entries()) {
    if (typeof part.name !== 'string') faults.push(`${path}/associations/${i} has no name`)
    faults.push(...ninjsFaults(part, `${path}/associations/${i}`, 'name rel'))
  }
  return faults
}

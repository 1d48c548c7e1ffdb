import { escapeHtml } from '../body/html.ts'

/** All that RFC 3986 lets stand in a URI; a bracket only around an address of IPv6. */
const NO_URI = /[^\w\-.~:/?#@!$&'()*+,;=%]|%(?![\da-f]{2})/gi

/** An absolute URL as a URI in ASCII: what XML feeds, sitemaps and JSON schemas want. */
export function uriOf(url: string): string {
  const { origin, href } = new URL(url)
  const [path = '', ...fragment] = href.slice(origin.length).split('#')
  const encoded = (text: string) => text.replace(NO_URI, encodeURIComponent)
  const rest = fragment.length > 0 ? `#${encoded(fragment.join('%23'))}` : ''
  return origin + encoded(path) + rest
}

/** The identifier of an article or quote that stays, whatever becomes of its address (RFC 9562). */
export function urnOf(id: string): string {
  return `urn:uuid:${id}`
}

/**
 * HTML of ours with its relative addresses made absolute: a copy elsewhere has another base. Every
 * quotation mark in a text of ours is escaped, so that nothing but an attribute looks like one.
 */
export function absoluteHtml(html: string, base: string): string {
  return html.replace(/ (href|src)="([^"]*)"/g, (whole, name: string, value: string) => {
    const address = textOf(value)
    if (URL.canParse(address) || !URL.canParse(address, base)) return whole
    return ` ${name}="${escapeHtml(new URL(address, base).href)}"`
  })
}

const REFERENCES: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#10;': '\n',
}

/** The text of an attribute that our HTML writes. */
function textOf(attribute: string): string {
  return attribute.replace(/&#?\w+;/g, (reference) => REFERENCES[reference] ?? reference)
}

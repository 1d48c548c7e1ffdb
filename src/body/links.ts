/** An origin no page has (RFC 2606), against which relative references are resolved. */
const BASE = 'https://relative.invalid/'
const LINK_PROTOCOLS = ['http:', 'https:', 'mailto:']
const IMAGE_PROTOCOLS = ['http:', 'https:']

/** At most so many characters; beyond that, old proxies and feed readers cut URLs. */
export const LONGEST_URL = 2048

/**
 * Whether a link target may be published: http, https, mailto, or relative. Asked of the WHATWG
 * parser that browsers use too, so a spelling that a browser would read as `javascript:` (control
 * characters before it, tabs within it, any case) is seen as what it is.
 */
export function isSafeLink(href: string): boolean {
  return isSafe(href, LINK_PROTOCOLS)
}

/** The same for the address of an image: http, https, or relative. */
export function isSafeImage(url: string): boolean {
  return isSafe(url, IMAGE_PROTOCOLS)
}

/**
 * A URL as it stands in HTML, spelt so that no white space is left: the ends are trimmed and tabs
 * and line ends dropped (as browsers do), spaces percent-encoded.
 */
export function tidyUrl(url: string): string {
  return url
    .trim()
    .replace(/[\t\n\r]/g, '')
    .replace(/\s/gu, encodeURIComponent)
}

function isSafe(url: string, protocols: string[]): boolean {
  if (url === '' || url.length > LONGEST_URL || /\s/u.test(url)) return false
  const parsed = URL.parse(url, BASE)
  return parsed !== null && protocols.includes(parsed.protocol)
}

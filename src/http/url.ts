/**
 * A request's URL in two, at its first question mark: later ones are the query's own (RFC 3986
 * section 3.4). The query is empty when there is none.
 */
export function splitUrl(url: string): { path: string; query: string } {
  const at = url.indexOf('?')
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) }
}

/**
 * A request's target without the scheme and host that it may be written with, as proxies do (absolute
 * form: RFC 9112 section 3.2.2): which host was asked makes no difference, and is echoed nowhere.
 */
export function originForm(target: string): string {
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/is.exec(target) ?? []
  if (rest === undefined) return target
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Where content is: what lies below these is read, kept and told to caches by one rule. */
const CONTENT = /^\/(?:v1|feeds|sitemaps)(?![^/?])/

/** Whether a URL asks for content, or for a problem with it, and not for a page about the service. */
export function isContent(url: string): boolean {
  return CONTENT.test(url)
}

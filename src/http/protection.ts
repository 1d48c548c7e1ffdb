import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'

/** Headers that are the same on every answer, as helmet would set them, found out once. */
export function protectiveHeaders(): [name: string, value: string][] {
  const headers: [string, string][] = []
  const recorder = {
    setHeader: (name: string, value: string) => headers.push([name.toLowerCase(), value]),
    removeHeader: () => {},
  }
  helmet({
    // /docs has a policy of its own; nothing else is a page.
    contentSecurityPolicy: false,
    // Whether a host and its subdomains are https only is for whoever ends TLS there to say.
    strictTransportSecurity: false,
  })({} as IncomingMessage, recorder as unknown as ServerResponse, () => {})
  return headers
}

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** Any page of any site. */
const ANY = '*'
/** What a page may send: keys, and what operations heed. */
const SENT = ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Idempotency-Key']
/** What it may see besides what all may. */
const SEEN = ['ETag', 'Link', 'Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After']
const SHOWN = [...SEEN, 'X-Request-Id'].join(', ')
/** How long a browser need not ask again whether it may, in seconds: Chromium keeps it two hours at most. */
const ASK_AGAIN = 7200

/** Do answers depend on the page that asks? */
export function isByOrigin(origins: readonly string[]): boolean {
  return origins.length > 0 && !origins.includes(ANY)
}

/** What is the same on all answers, for whatever cache keeps them. */
export function openToAll(origins: readonly string[]): [name: string, value: string][] {
  return origins.includes(ANY)
    ? [
        ['access-control-allow-origin', ANY],
        ['access-control-expose-headers', SHOWN],
      ]
    : []
}

/** The same for the page that asks, where only some may; names and values in turn. */
export function openToPage(origins: readonly string[], { headers }: IncomingMessage): string[] {
  const { origin } = headers
  return origin !== undefined && origins.includes(origin)
    ? ['access-control-allow-origin', origin, 'access-control-expose-headers', SHOWN]
    : []
}

/**
 * Lets pages of these origins ask from a browser (CORS; `*` is any). Nobody is known by a cookie here, so
 * credentials are none of it. Register it before what gives out answers.
 */
export async function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
): Promise<void> {
  if (origins.length === 0) return
  const { default: cors } = await import('@fastify/cors')
  await app.register(cors, {
    origin: origins.includes(ANY) ? ANY : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [...SENT, 'Last-Event-ID'],
    exposedHeaders: SHOWN,
    maxAge: ASK_AGAIN,
    strictPreflight: false,
    hideOptionsRoute: true,
  })
}

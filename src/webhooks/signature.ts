import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** Within the 24 to 64 that the specification asks for; as long as SHA-256 can use. */
const SECRET_BYTES = 32

/** A new secret as the Standard Webhooks specification writes it: `whsec_` and 32 random bytes. */
export function makeSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
}

/** What is signed: `id` is the same at each attempt, `at` is the attempt's own time. */
export type Message = { id: string; at: Date; body: string }

/**
 * The three headers of the Standard Webhooks specification. While a secret is being rotated there
 * are two, and a signature by each, so the receiver may change over at any moment between. Throws
 * RangeError without a secret, or for an id with a full stop: the signed text is `id.time.body`.
 */
export function signedHeaders({ id, at, body }: Message, secrets: readonly string[]) {
  if (secrets.length === 0) throw new RangeError('a webhook needs a secret')
  if (!/^[\w-]+$/.test(id)) throw new RangeError('the id of a message is letters, digits, - and _')
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  }
}

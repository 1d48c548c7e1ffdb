import { hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

/*
 * A key reads `dl_<10 characters>_<32 characters><6 characters>`: a prefix by which secret scanners
 * know it, a public part by which it is found, 32 characters of base 62 (190 bits) that are the
 * secret, and a CRC-32 by which a typing error is told from a wrong key without asking the database.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^(dl_[0-9A-Za-z]{10})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/

function random(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = ALPHABET[rest % 62] + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** A key out of what stands before its checksum. */
export function withChecksum(body: string): string {
  return body + checksum(body)
}

/** 190 bits need no slow hash: there is nothing to guess. */
function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** A new key, to be shown once, and what is stored of it. */
export function makeKey(): { key: string; prefix: string; hash: Buffer } {
  const prefix = `dl_${random(10)}`
  const key = withChecksum(`${prefix}_${random(32)}`)
  return { key, prefix, hash: digest(key) }
}

/** How parameters are called in which secrets are sent to services that take them there; none is ours. */
const LIKE_A_SECRET = /key|token|secret|pass|auth|sign|session/i

/**
 * A URL for the log: of a key in it, where none belongs, only the public part, and of parameters that are
 * called like secrets only the names.
 */
export function withoutKeys(url: string): string {
  return url
    .replace(/(dl_[0-9A-Za-z]{10})_[0-9A-Za-z]+/g, '$1_...')
    .replace(/([?&][^?&=]*=)([^&]*)/g, (whole, name: string, value: string) =>
      LIKE_A_SECRET.test(name) && !value.startsWith('dl_') ? `${name}...` : whole,
    )
}

/** The part by which a key is found; undefined for what cannot be one of our keys. */
export function prefixOf(key: string): string | undefined {
  const [, prefix, , sum] = FORM.exec(key) ?? []
  return prefix && sum === checksum(key.slice(0, -6)) ? prefix : undefined
}

/** The hash of no key. */
const NOBODY = randomBytes(32)

/**
 * Is this the key whose hash is stored? In constant time, and in the same time where none is: nobody learns
 * which public parts there are.
 */
export function matches(key: string, stored: Buffer | undefined): boolean {
  return timingSafeEqual(digest(key), stored ?? NOBODY)
}

/** A number from 0 to 1, exclusive; the next one with every call. */
export type Random = () => number

/** The same numbers for the same seed, on every machine (mulberry32). */
export function seeded(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A whole number from `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1))
}

/** One of a list that is not empty. */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

/** The list in an order of chance. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const mixed = [...list]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T]
  }
  return mixed
}

/**
 * Draws ranks from 0 by Zipf's law: rank r with a weight of 1 / (r + 1) ** exponent. Walker's alias
 * method, so that a draw costs the same for 50,000 words as for 50.
 */
export function zipf(size: number, exponent: number): (random: Random) => number {
  const weights = Array.from({ length: size }, (_, rank) => (rank + 1) ** -exponent)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const share = Float64Array.from(weights, (weight) => (weight * size) / total)
  const alias = new Uint32Array(size)
  const small: number[] = []
  const large: number[] = []
  for (let rank = 0; rank < size; rank++) ((share[rank] ?? 0) < 1 ? small : large).push(rank)
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number
    const more = large.at(-1) as number
    alias[less] = more
    share[more] = (share[more] ?? 0) - (1 - (share[less] ?? 0))
    if ((share[more] ?? 0) < 1) small.push(large.pop() as number)
  }
  for (const rank of [...small, ...large]) share[rank] = 1
  return (random) => {
    const rank = Math.floor(random() * size)
    return random() < (share[rank] ?? 1) ? rank : (alias[rank] ?? rank)
  }
}

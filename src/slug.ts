import anyAscii from 'any-ascii'

/** at most 100 long. */
export const LONGEST_SLUG = 100

/**
 * A slug out of a headline or name: transliterated to ASCII, whole words as far as `longest` allows.
 * Empty where nothing is left, as of emoji alone.
 */
export function slugOf(name: string, longest = LONGEST_SLUG): string {
  const words =
    anyAscii(name.replaceAll(/\p{Extended_Pictographic}/gu, ' '))
      .toLowerCase()
      .replaceAll(/['’`]/g, '')
      .match(/[a-z0-9]+/g) ?? []
  let slug = ''
  for (const word of words) {
    const longer = slug === '' ? word.slice(0, longest) : `${slug}-${word}`
    if (longer.length > longest) break
    slug = longer
  }
  return slug
}

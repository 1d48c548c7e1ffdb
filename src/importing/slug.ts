import anyAscii from 'any-ascii'

const LONGEST = 100

/** A slug out of a name, as DESIGN 3 spells slugs; empty where nothing is left of it. */
export function slugOf(name: string): string {
  const words =
    anyAscii(name)
      .toLowerCase()
      .replace(/['’]/g, '')
      .match(/[a-z0-9]+/g) ?? []
  let slug = ''
  for (const word of words) {
    const longer = slug === '' ? word.slice(0, LONGEST) : `${slug}-${word}`
    if (longer.length > LONGEST) break
    slug = longer
  }
  return slug
}

import type { Facts } from './access.ts'
import type { Access } from './schema.ts'

const list = (names: readonly string[]) => names.join(', ')

/** Which rule allows or denies, each with its reason; the first that denies decides. Pure. */
export function presentAccess(facts: Facts): Access {
  const { status, language, languages, formats } = facts
  const published = status === 'published'
  const rules: Access['rules'] = [
    {
      rule: 'partner',
      passes: !facts.ended,
      detail: facts.ended ? 'The partner has ended.' : 'The partner is one.',
    },
    { rule: 'published', passes: published, detail: `The article is ${status}.` },
    {
      rule: 'schedule',
      passes: !facts.scheduled,
      detail: facts.scheduled ? 'Its schedule lies ahead.' : 'Its schedule does not keep it back.',
    },
    {
      rule: 'embargo',
      passes: !facts.embargoed || facts.early,
      detail: facts.embargoed
        ? facts.early
          ? 'It is under embargo; the partner has early access, with a key that has embargo:read.'
          : 'It is under embargo.'
        : 'It is under no embargo.',
    },
    {
      rule: 'expiry',
      passes: !facts.expired,
      detail: facts.expired ? 'It has expired.' : 'It has not expired.',
    },
    {
      rule: 'language',
      passes: facts.speaks,
      detail: languages
        ? `It is in ${language}; the partner has ${list(languages)}.`
        : 'The partner has all languages.',
    },
    {
      rule: 'allowedCategories',
      passes: facts.allowed,
      detail: facts.allowed
        ? facts.allowed_by.length > 0
          ? `It is in ${list(facts.allowed_by)}, which is allowed.`
          : 'All categories are allowed.'
        : 'It is in none of the categories that are allowed.',
    },
    {
      rule: 'excludedCategories',
      passes: !facts.excluded,
      detail: facts.excluded
        ? `It is in ${list(facts.excluded_by)}, which is excluded.`
        : 'It is in no category that is excluded.',
    },
    // Says how it may be had, never whether: everybody has JSON.
    {
      rule: 'formats',
      passes: true,
      detail: formats
        ? `The partner has it as ${list(['JSON', ...formats])}.`
        : 'The partner has all formats.',
    },
  ]
  const denied = rules.find(({ passes }) => !passes)
  return { access: denied === undefined, rule: denied?.rule ?? null, rules }
}

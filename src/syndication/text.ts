import type { Publication, Story } from './model.ts'
import { correctionHead } from './wording.ts'

/** An article as plain text: its own words as they stand, and around them only what says whose they are. */
export function plainText(story: Story, publication: Publication): string {
  const { headline, summary, byline, published, updated, corrections, sources } = story
  const credit = [byline, publication.name].filter((part) => part !== undefined).join(', ')
  const parts = [
    headline,
    summary,
    [credit, timesOf(published, updated), story.url].join('\n'),
    story.text,
    ...corrections.map((one) => `${correctionHead(one)}: ${one.text}`),
    sources.map(sourceLine).join('\n'),
  ]
  return `${parts.filter((part) => part).join('\n\n')}\n`
}

function timesOf(published: string, updated: string): string {
  return updated > published ? `${published} (${updated})` : published
}

function sourceLine({ name, title, role, note }: Story['sources'][number]): string {
  return `- ${[name, title, role, note].filter((part) => part).join(', ')}`
}

import { hash } from 'node:crypto'
import { escapeHtml, imageHtml } from '../body/html.ts'
import { jsonLd } from './json-ld.ts'
import type { Alternate, Publication, Story } from './model.ts'
import { correctionsHtml, linesHtml } from './wording.ts'

/** All the style there is: lines of a length that can be read, and images that fit. */
const STYLE =
  'body{max-width:42em;margin:0 auto;padding:1em;font:1.1em/1.5 Georgia,serif}img{max-width:100%;height:auto}figure{margin:1em 0}'

/** What the page may load: images from anywhere, and nothing else. */
export const POLICY = `default-src 'none'; img-src http: https:; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`

/** An article as a page that needs nothing else: no script, no style but its own. */
export function page(
  story: Story,
  publication: Publication,
  alternates: readonly Alternate[],
): string {
  // The text itself follows.
  const { articleBody: _, ...described } = jsonLd(story, publication)
  const { headline, summary, image, sources, language, url } = story
  return [
    '<!doctype html>',
    `<html lang="${escapeHtml(language)}" dir="${directionOf(language)}">`,
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escapeHtml(headline)} | ${escapeHtml(publication.name)}</title>`,
    ...metaTags(story, publication),
    `<link rel="canonical" href="${escapeHtml(url)}">`,
    ...alternates.map(alternateLink),
    `<style>${STYLE}</style>`,
    // Within a script element nothing but `<` could end it.
    `<script type="application/ld+json">${JSON.stringify(described).replaceAll('<', '\\u003c')}</script>`,
    '</head>',
    '<body>',
    '<article>',
    `<h1>${linesHtml(headline)}</h1>`,
    summary === undefined ? '' : `<p>${linesHtml(summary)}</p>`,
    `<p>${creditHtml(story, publication)}</p>`,
    image ? imageHtml({ _type: 'image', ...image }) : '',
    story.html,
    correctionsHtml(story.corrections),
    sources.length > 0 ? `<ul>${sources.map(sourceHtml).join('')}</ul>` : '',
    '</article>',
    '</body>',
    '</html>',
    '',
  ]
    .filter((line, i, lines) => line !== '' || i === lines.length - 1)
    .join('\n')
}

/** Who wrote it, who publishes it, and when. */
function creditHtml({ byline, published, updated }: Story, { name }: Publication): string {
  const who = byline === undefined ? [name] : [byline, name]
  const since = updated > published ? ` (${timeHtml(updated)})` : ''
  return `${escapeHtml(who.join(', '))}, ${timeHtml(published)}${since}`
}

function metaTags(story: Story, publication: Publication): string[] {
  const { headline, summary, byline, image, published, updated, url } = story
  const named = { description: summary, author: byline }
  const openGraph = {
    'og:type': 'article',
    'og:title': headline,
    'og:url': url,
    'og:site_name': publication.name,
    'og:description': summary,
    'og:image': image?.url,
    'og:image:alt': image?.alt,
    'article:published_time': published,
    'article:modified_time': updated,
    'article:section': story.categories[0]?.name,
  }
  const tag =
    (attribute: string) =>
    ([name, content]: [string, string | undefined]) =>
      content === undefined
        ? []
        : [`<meta ${attribute}="${name}" content="${escapeHtml(content)}">`]
  return [
    ...Object.entries(named).flatMap(tag('name')),
    ...Object.entries(openGraph).flatMap(tag('property')),
  ]
}

function alternateLink({ type, url, title }: Alternate): string {
  const named = title === undefined ? '' : ` title="${escapeHtml(title)}"`
  return `<link rel="alternate" type="${type}" href="${escapeHtml(url)}"${named}>`
}

function directionOf(language: string): string {
  return new Intl.Locale(language).getTextInfo().direction ?? 'auto'
}

function timeHtml(instant: string): string {
  return `<time datetime="${instant}">${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC</time>`
}

function sourceHtml({ name = '', title, role, note, url }: Story['sources'][number]): string {
  const shown = url ? `<a href="${escapeHtml(url)}">${escapeHtml(name)}</a>` : escapeHtml(name)
  const more = [title, role, note].filter((part) => part).map((part) => linesHtml(String(part)))
  return `<li>${[shown, ...more].join(', ')}</li>`
}

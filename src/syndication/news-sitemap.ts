import type { Article } from '../articles/schema.ts'
import { uriOf } from './address.ts'
import type { Publication } from './model.ts'
import { xml } from './xml.ts'

/** Google takes no more of them in one file. */
export const MOST_URLS = 1000
/** Google News wants what was published within so many days, and nothing older. */
export const DAYS = 2

const SITEMAP = 'http://www.sitemaps.org/schemas/sitemap/0.9'

/** A sitemap with Google's news extension, and the lead images. */
export function newsSitemap(articles: readonly Article[], { name }: Publication): string {
  return xml({
    urlset: {
      '@xmlns': SITEMAP,
      '@xmlns:news': 'http://www.google.com/schemas/sitemap-news/0.9',
      '@xmlns:image': 'http://www.google.com/schemas/sitemap-image/1.1',
      url: articles.map(({ url = '', language, publishedAt, updatedAt, headline, leadImage }) => ({
        loc: uriOf(url),
        lastmod: updatedAt,
        'news:news': {
          'news:publication': { 'news:name': name, 'news:language': newsLanguage(language) },
          'news:publication_date': publishedAt ?? undefined,
          'news:title': headline ?? undefined,
        },
        'image:image': leadImage ? { 'image:loc': uriOf(leadImage.url) } : undefined,
      })),
    },
  })
}

/** The sitemap of sitemaps. */
export function sitemapIndex(files: readonly { url: string; updated: string }[]): string {
  return xml({
    sitemapindex: {
      '@xmlns': SITEMAP,
      sitemap: files.map(({ url, updated }) => ({ loc: url, lastmod: updated })),
    },
  })
}

/** ISO 639; Chinese in its two scripts is the one exception that Google makes. */
function newsLanguage(tag = 'und'): string {
  const locale = new Intl.Locale(tag)
  if (locale.language !== 'zh') return locale.language
  return locale.maximize().script === 'Hant' ? 'zh-tw' : 'zh-cn'
}

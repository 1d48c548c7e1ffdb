import type { Reading } from '../db/client.ts'
import { countRows } from '../db/listing.ts'
import { addressOf } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { reassignment } from '../http/item.ts'
import { pagesOf } from '../http/paging.ts'
import {
  type ItemRead,
  isCounted,
  isFirst,
  sendItem,
  sendList,
  shownToWriter,
} from '../http/reading.ts'
import { resourceWrites } from '../http/resource.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { alternatesFor } from '../syndication/autodiscovery.ts'
import { createSource, deleteSource, updateSource } from './commands.ts'
import { countSourceFacets } from './facets.ts'
import {
  betterName,
  type Found,
  findSource,
  findSources,
  listSources,
  sourceMembers,
} from './queries.ts'
import {
  Source,
  SourceCreate,
  SourceListQuery,
  SourcePage,
  SourcePatch,
  SourceQuery,
} from './schema.ts'

const tags = ['Sources']
const params = addressOf('marlhythe-harbour-trust')

/** Reads of sources: whoever asks, in that audience's view. */
export function sourceReads(app: App, { config, db }: Services): void {
  const alternates = alternatesFor(config.publicUrl)
  app.get(
    '/sources',
    {
      schema: {
        operationId: 'listSources',
        tags,
        summary: 'List sources',
        description:
          'Sources that a visible article names or quotes; to an editor, all. A `q` that finds nothing may come with `meta.didYouMean`.',
        querystring: SourceListQuery,
        response: { 200: SourcePage },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const members = sourceMembers(reading, query)
      return sendList(request, reply, reading, {
        filters: { organization: ['source', query.organization] },
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: ({ named, lead }, page) => {
          const found = findSources(reading, query, named.organization, lead)
          return listSources(reading, found, query, page, members)
        },
        members: Object.keys(members),
        counted: isCounted(query)
          ? ({ organization }) =>
              countBeside(reading, query, findSources(reading, query, organization))
          : undefined,
        meant: isFirst(query)
          ? ({ organization }) => betterName(reading, query, organization)
          : undefined,
      })
    },
  )

  app.get(
    '/sources/:idOrSlug',
    {
      schema: {
        operationId: 'getSource',
        tags,
        summary: 'One source',
        description: 'By id or slug. A slug it once had leads to it with 301.',
        params,
        querystring: SourceQuery,
        response: { 200: Source },
      },
      config: { throws: ['not_found', 'gone', 'legally_removed'], redirects: true },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { params, query } = request
      return sendItem(request, reply, reading, {
        ...sourceItem(reading, params.idOrSlug, query),
        alternates: alternates(reading)?.source,
      })
    },
  )
}

/** What was asked for beside a list: how many there are on all pages, and by what. */
async function countBeside(reading: Reading, { count, facets }: SourceListQuery, found: Found) {
  const [counted, by] = await Promise.all([
    count && countRows(reading, found),
    facets && countSourceFacets(reading, found, facets, FACET_VALUES),
  ])
  return { count: counted, facets: by }
}

/** One source, by id or slug, in this audience's view. */
function sourceItem(reading: Pick<Reading, 'schema'>, name: string, query: SourceQuery): ItemRead {
  const members = sourceMembers(reading, query)
  return {
    ...{ kind: 'source', name },
    statement: (named, isId) => findSource(reading, named, isId, members),
    members: Object.keys(members),
  }
}

/** Writes of sources. */
export function sourceWrites(app: App, { db }: Services): void {
  resourceWrites(app, db, {
    kind: 'Source',
    tag: 'Sources',
    path: '/sources',
    params,
    shown: Source,
    query: SourceQuery,
    show: shownToWriter((id, query) => sourceItem({ schema: 'editor' }, id, query)),
    create: {
      summary: 'Create a source',
      description: 'An anonymous source has a public label and nothing that could identify it.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { kind: 'person', name: 'Ines Varga', title: 'Marine biologist' },
      body: SourceCreate,
      run: createSource,
    },
    update: {
      summary: 'Change a source',
      description: 'A JSON merge patch, with the ETag of what you read in If-Match.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { description: 'Looks after the port and its lights.' },
      body: SourcePatch,
      run: updateSource,
    },
    remove: {
      summary: 'Delete or merge a source',
      description:
        'Refused with 409 and the references while articles, quotes or sources refer to it, unless `reassignTo` names the source that takes its place everywhere.',
      throws: ['in_use', 'rule_broken'],
      params: addressOf('ropewalk-pupil-council'),
      query: reassignment('ropewalk-school'),
      run: (ctx, name, expected, { reassignTo }) => deleteSource(ctx, name, expected, reassignTo),
    },
  })
}

import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { may } from '../actor.ts'
import { articleIn, params as articleParams } from '../articles/shape.ts'
import { numberChanges } from '../changes/queries.ts'
import { countRows } from '../db/listing.ts'
import { Fault, missing } from '../errors.ts'
import { placeOf } from '../feed/place.ts'
import type { App, Services } from '../http/app.ts'
import { sendShown } from '../http/caching.ts'
import { openCursor } from '../http/cursor.ts'
import { pagesOf } from '../http/paging.ts'
import { isCounted, sendList } from '../http/reading.ts'
import { write } from '../http/writing.ts'
import { PartnerParams } from '../partners/schema.ts'
import { version } from '../revisions/schema.ts'
import { accessOf } from './access.ts'
import type { Holdings } from './buffer.ts'
import { acknowledgeArticles, acknowledgeFeed } from './commands.ts'
import { shownIn } from './given.ts'
import { csvOf, presentReport } from './present.ts'
import {
  countHoldings,
  findRecipients,
  findReported,
  isPartner,
  listHoldings,
  listOutcomes,
  listRecipients,
} from './queries.ts'
import {
  Acknowledged,
  Acknowledgement,
  HoldingPage,
  HoldingQuery,
  RecipientPage,
  RecipientQuery,
  Report,
  ReportQuery,
} from './schema.ts'

const tags = ['Holdings']
/** How long another process may take to write what it has given, in ms: its second, and the writing. */
const OTHERS = 1500

/** Notes what answers show of articles to the keys of partners, once they have gone out. */
export function noteAnswers(app: FastifyInstance, holdings: Holdings): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { actor, method, read, params, routeOptions } = request
    if (actor?.partnerId !== undefined) {
      const shown = shownIn({
        ...{ how: routeOptions.config.gives, method, status: reply.statusCode, read },
        known: request.headers['if-none-match'],
        name: (params as { idOrSlug?: string } | undefined)?.idOrSlug,
      })
      holdings.show(actor.partnerId, shown, performance.now() - reply.elapsedTime)
    }
    done()
  })
}

/** Who has what, for editors and administrators. */
export function holdingReads(app: App, { config, db }: Services, holdings: Holdings): void {
  const reading = { db: db.editor, schema: 'editor' } as const

  app.get(
    '/articles/:idOrSlug/recipients',
    {
      schema: {
        operationId: 'listRecipients',
        tags,
        summary: 'Who has an article',
        description:
          'Every partner that has it, had it or should have it, by name: which version, how sure that is, and whether that is the one it should have.',
        params: articleParams,
        querystring: RecipientQuery,
        response: { 200: RecipientPage },
      },
      config: { scope: 'drafts:read', throws: ['not_found'] },
    },
    async (request, reply) => {
      const { query } = request
      const id = await articleIn(db.editor, request.params.idOrSlug)
      await holdings.flush()
      return sendList(request, reply, reading, {
        filters: {},
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: (_, page) => listRecipients(id, query, page),
        members: [],
        counted: isCounted(query)
          ? async () => ({ count: await countRows(reading, findRecipients(id, query)) })
          : undefined,
      })
    },
  )

  app.get(
    '/partners/:id/holdings',
    {
      schema: {
        operationId: 'listHoldings',
        tags,
        summary: 'What a partner has',
        description:
          'Newest article first. Where few are in the states that are asked for, a page may hold fewer rows than `limit`, or none, and still have a next one. Those of a partner that has ended stay.',
        params: PartnerParams,
        querystring: HoldingQuery,
        response: { 200: HoldingPage },
      },
      config: { scope: 'admin', throws: ['not_found'] },
    },
    async (request, reply) => {
      const { query, params } = request
      if (!(await isPartner(db.editor, params.id))) throw missing('partner')
      await holdings.flush()
      const pages = pagesOf(request.url, config.publicUrl, query)
      const access = await accessOf(db.editor, params.id)
      const [{ data, next }, count] = await Promise.all([
        listHoldings(db.editor, params.id, access, query, pages),
        query.count && countHoldings(db.editor, params.id, access, query),
      ])
      const position = next === undefined ? undefined : { values: [next], id: next }
      return sendShown(request, reply, pages.body(data.join(','), position, { count }))
    },
  )

  const reportOf = async ({ params, query }: ReportRequest) => {
    const id = await articleIn(db.editor, params.idOrSlug)
    await holdings.flush()
    await numberChanges(db.editor)
    const change = await findReported(db.editor, id, params.version)
    if (!change) throw missing('version of the article that anybody was told of')
    return presentReport(change, await listOutcomes(db.editor, change, query), query)
  }
  const reportParams = articleParams.extend({
    version: version('The version that the change made: what it answered with.', 2),
  })
  const about = { tags, params: reportParams, querystring: ReportQuery }
  // It says when it was made, so that no two have the same bytes.
  const rights = { scope: 'drafts:read', throws: ['not_found'], untagged: true } as const

  app.get(
    '/articles/:idOrSlug/reports/:version',
    {
      schema: {
        ...about,
        operationId: 'getReport',
        summary: 'What became of a change',
        description:
          'Of a kill, a correction or any other version, partner by partner: who was told, who acknowledged it, who is overdue, who never had it. Of a version that nobody was told of it is the last that they were told before.',
        response: { 200: Report },
      },
      config: rights,
    },
    async (request, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(await reportOf(request))),
  )

  app.get(
    '/articles/:idOrSlug/reports/:version.csv',
    {
      schema: {
        ...about,
        operationId: 'getReportCsv',
        summary: 'The same as CSV',
        description:
          'One line for each partner. What a spreadsheet would take for a formula has an apostrophe in front.',
        produces: ['text/csv'],
        response: { 200: z.string().meta({ description: 'RFC 4180, with a header.' }) },
      },
      config: rights,
    },
    async (request, reply) => {
      const report = await reportOf(request)
      const name = `report-${report.article.slug}-${report.change.version}.csv`
      return reply
        .header('content-disposition', `attachment; filename="${name}"`)
        .type('text/csv; charset=utf-8')
        .send(csvOf(report))
    },
  )
}

type ReportRequest = {
  params: { idOrSlug: string; version: number }
  query: ReportQuery
}

/** What partners say that they have, or have taken out. */
export function acknowledgementWrites(app: App, { db }: Services, holdings: Holdings): void {
  app.post(
    '/changes/ack',
    {
      schema: {
        operationId: 'acknowledgeChanges',
        tags: ['Syndication'],
        summary: 'Say what you have applied',
        description:
          'With the key of a partner: everything before a `cursor` of its feed, everything up to a `position` of the feed of all events, or `articles` one by one. What was never sent cannot be acknowledged, and then nothing is. Asking the feed with a cursor says the same of all before it.',
        body: Acknowledgement,
        response: { 200: Acknowledged },
      },
      config: {
        scope: 'syndication',
        untagged: true,
        throws: ['invalid_cursor', 'never_given'],
        example: { position: 0 },
      },
    },
    async (request, reply) => {
      try {
        return await acknowledge(request, reply)
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'never_given') throw error
        // Another process may have given it within this second.
        await wait(OTHERS)
        return acknowledge(request, reply)
      }
    },
  )

  const acknowledge = async (request: FastifyRequest, reply: FastifyReply) => {
    const { actor } = request
    const partnerId = actor?.partnerId
    if (partnerId === undefined)
      throw new Fault('forbidden', 'Only the key of a partner can acknowledge anything.')
    const body = request.body as Acknowledgement
    await holdings.flush()
    const who = { partnerId, early: may(actor, 'embargo:read') }
    return write(db, request, reply, async ({ tx }) => {
      const { articles } = body
      if (articles) {
        const at = await acknowledgeArticles(tx, who, articles)
        return onRecord({ at, position: null, articles: articles.length })
      }
      const named = placeIn(body)
      const at = await acknowledgeFeed(tx, who, named)
      const position = 'after' in named.place ? named.place.after : named.place.base
      return onRecord({ at, position, articles: null })
    })
  }
}

const onRecord = (body: z.infer<typeof Acknowledged>) => ({
  ...{ status: 200 as const, path: '/v1/changes/ack' },
  shown: Promise.resolve({ body: JSON.stringify(body) }),
})

/** Which feed, and up to where. Throws `invalid_cursor`. */
function placeIn({ cursor, position }: Acknowledgement) {
  if (cursor === undefined)
    return { place: { after: position ?? 0 }, list: undefined, pointer: '/position' }
  const pointer = '/cursor'
  const { list, ...opened } = openCursor(cursor, pointer)
  return { place: placeOf(opened, pointer), list, pointer }
}

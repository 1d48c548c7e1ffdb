import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { may } from '../actor.ts'
import { finished } from '../articles/present.ts'
import { asked } from '../articles/shape.ts'
import { numberChanges } from '../changes/queries.ts'
import type { Reading } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import type { Holdings } from '../holdings/buffer.ts'
import type { App, Services } from '../http/app.ts'
import { badKey, feedReading } from '../http/auth.ts'
import { sendShown } from '../http/caching.ts'
import { cursorOf, fingerprint, readCursor } from '../http/cursor.ts'
import { eventStreams } from '../http/events.ts'
import { countOpenWaits } from '../http/open-waits.ts'
import { NO_ID, PHASES, type Place, placeOf, valuesOf } from './place.ts'
import { headOf, readFeed } from './queries.ts'
import { FeedPage, FeedQuery, StreamQuery } from './schema.ts'

const tags = ['Syndication']
const scope = 'syndication'
const PATH = '/v1/changes'
/** What comes with an article unless it is asked for otherwise: all that a mirror needs. */
const WHOLE = ['categories', 'sources', 'quotes', 'corrections'] as const
/** How long one wait for the bell takes at most, in ms; a second's silence of the database included. */
const LISTEN = 5000
/** JSON in one line: what PostgreSQL makes of lists has line breaks between, and none within a text. */
const oneLine = (json: string) => json.replaceAll('\n', '')
/** Rows in one statement of a stream. */
const BATCH = 50

/** Whether articles come with their text. */
const hasText = ({ formats }: { formats: readonly string[] }) => formats.length > 0

type Asked = z.output<typeof FeedQuery> | z.output<typeof StreamQuery>

/** What happened, for whoever keeps a copy: page by page, or as it happens. */
export function feedReads(app: App, { config, db }: Services, holdings: Holdings): void {
  const openStream = eventStreams(app)
  const waits = countOpenWaits()
  // Whoever waits is answered, with a page of nothing, so that the service can end.
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  const wanted = (reading: Reading, query: Asked) => {
    const shape = asked({ include: [...WHOLE], ...query }, config, reading.schema, ['html'])
    return { types: query.types, shape, finish: (article: string) => finished(article, shape) }
  }
  /** The cursors of this feed, for this audience. */
  const cursors = (request: FastifyRequest, { types }: Asked) => {
    const { actor } = request
    const partnerId = actor?.partnerId
    const early = may(actor, 'embargo:read')
    const audience = partnerId && `${partnerId} ${early}`
    const sorted = types && [...types].sort()
    const params = new URLSearchParams(sorted ? { types: sorted.join() } : {})
    // Cursors of a ledger that was set back since count what has not happened.
    const whose = [audience ?? 'readers', config.feedEpoch].filter(Boolean).join(' ')
    const list = fingerprint(PATH, params, whose)
    // Holdings are partners'; to a HEAD nothing is given.
    const feed =
      partnerId === undefined || request.method !== 'GET'
        ? undefined
        : { partnerId, list, early, types: sorted }
    return {
      feed,
      of: (place: Place) => cursorOf(valuesOf(place), list),
      read: (cursor: string): Place => placeOf(readCursor(list, cursor)),
      /** Who asks with a cursor, and is not refused, has all before it. */
      acknowledge(cursor: string | undefined, place: Place): void {
        if (feed && cursor !== undefined) holdings.acknowledge(feed, place)
      },
    }
  }
  const beginning = async (reading: Reading, snapshot: boolean | undefined): Promise<Place> =>
    snapshot ? { base: await headOf(reading), phase: PHASES[0], id: NO_ID } : { after: 0 }

  app.get(
    '/changes',
    {
      schema: {
        operationId: 'readChanges',
        tags,
        summary: 'What happened, in order',
        description:
          'For copies elsewhere: what a partner is entitled to, what readers see for any other key. The same cursor gives the same rows, now or in a year; what comes with them is as it is today.',
        querystring: FeedQuery,
        response: { 200: FeedPage },
      },
      config: { scope, throws: ['too_many_open'] },
    },
    async (request, reply) => {
      const { query } = request
      if (query.wait > 0) waits.enter(request, reply)
      const reading = feedReading(request, db)
      const known = cursors(request, query)
      const deadline = performance.now() + query.wait * 1000
      const gone = new AbortController()
      request.raw.once('close', () => gone.abort())
      const over = AbortSignal.any([gone.signal, closing.signal])
      const left = () => Math.max(0, deadline - performance.now())
      // Before each look: what rings while it is taken has come too late for it.
      const listen = () => (query.wait > 0 ? db.ledger.wait(Math.min(left(), LISTEN), over) : null)
      let rung = listen()
      await numberChanges(db.editor)
      const from =
        query.cursor === undefined
          ? await beginning(reading, query.snapshot)
          : known.read(query.cursor)
      const what = { ...wanted(reading, query), limit: query.limit }
      let began = performance.now()
      let read = await readFeed(reading, from, what)
      known.acknowledge(query.cursor, from)
      while (read.rows.length === 0 && left() > 0 && !over.aborted) {
        await rung
        if (!(await app.keyHolds(request))) throw badKey()
        rung = listen()
        await numberChanges(db.editor)
        began = performance.now()
        read = await readFeed(reading, read.next, what)
      }
      const { feed } = known
      if (feed) {
        const given = read.rows.flatMap((row) => row.given ?? [])
        const told = {
          how: 'changes',
          given,
          text: hasText(what.shape),
          next: read.next,
          began,
        } as const
        reply.raw.once('finish', () => holdings.tell(feed, told))
      }
      const next = known.of(read.next)
      const page = JSON.stringify({ limit: query.limit, next })
      return sendShown(request, reply, {
        body: `{"data":[${read.rows.map(({ json }) => json).join(',')}],"page":${page}}`,
      })
    },
  )

  app.get(
    '/changes/stream',
    {
      schema: {
        operationId: 'streamChanges',
        tags,
        summary: 'What happens, as it happens',
        description:
          'Server-sent events: the rows of the feed, each with a cursor as its id. A reader that is too slow is dropped; with `Last-Event-ID` it goes on where it was.',
        querystring: StreamQuery,
        response: { 200: z.string().meta({ description: 'Events (WHATWG HTML, section 9.2).' }) },
        produces: ['text/event-stream'],
      },
      config: { scope, throws: ['too_many_open'] },
    },
    async (request, reply) => {
      const { query } = request
      waits.enter(request, reply)
      const reading = feedReading(request, db)
      const known = cursors(request, query)
      // As above; what rang while there was more to send is heard once.
      let rung: Promise<void> | undefined = db.ledger.wait(LISTEN, closing.signal)
      await numberChanges(db.editor)
      const last = request.headers['last-event-id']
      const cursor = typeof last === 'string' && last !== '' ? last : query.cursor
      let from: Place =
        cursor !== undefined
          ? known.read(cursor)
          : query.snapshot
            ? await beginning(reading, true)
            : { after: await headOf(reading) }
      const what = { ...wanted(reading, query), limit: BATCH }
      // Read once before anything is sent: what is wrong is a problem like any other.
      let began = performance.now()
      let read = await readFeed(reading, from, what)
      known.acknowledge(cursor, from)
      const stream = openStream(reply)
      try {
        while (!stream.signal.aborted) {
          const sent = await stream.send(
            read.rows.map(({ json, event, place }) => ({
              id: known.of(place),
              event,
              data: oneLine(json),
            })),
          )
          const told = read.rows.slice(0, sent)
          const next = told.at(-1)?.place
          if (known.feed && next) {
            const given = told.flatMap((row) => row.given ?? [])
            const text = hasText(what.shape)
            holdings.tell(known.feed, { how: 'stream', given, text, next, began })
          }
          from = read.next
          if (read.rows.length === 0) {
            await rung
            rung = undefined
          }
          if (stream.signal.aborted || !(await app.keyHolds(request))) break
          rung ??= db.ledger.wait(LISTEN, stream.signal)
          await numberChanges(db.editor)
          began = performance.now()
          read = await readFeed(reading, from, what)
        }
      } catch (error) {
        request.log.error({ err: loggable(error) }, 'a stream was broken off')
      } finally {
        stream.close()
      }
    },
  )
}

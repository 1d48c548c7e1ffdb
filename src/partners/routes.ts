import type { z } from 'zod'
import { articleIn, params as articleParams } from '../articles/shape.ts'
import { countRows } from '../db/listing.ts'
import { missing } from '../errors.ts'
import type { App, Services } from '../http/app.ts'
import { sendRead } from '../http/caching.ts'
import { pagesOf } from '../http/paging.ts'
import { type ItemRead, isCounted, sendItem, sendList, shownToWriter } from '../http/reading.ts'
import { resourceWrites } from '../http/resource.ts'
import { accessFacts } from './access.ts'
import { createPartner, endPartner, updatePartner } from './commands.ts'
import { presentAccess } from './present.ts'
import { findPartner, findPartners, listPartners, partnerMembers } from './queries.ts'
import {
  Access,
  AccessQuery,
  Partner,
  PartnerCreate,
  PartnerListQuery,
  PartnerPage,
  PartnerParams,
  PartnerPatch,
  PartnerQuery,
} from './schema.ts'

const tags = ['Partners']
const scope = 'admin'

/** Partners as administrators read them, and why one has an article or not. */
export function partnerReads(app: App, { config, db }: Services): void {
  const reading = { db: db.editor, schema: 'editor' } as const

  app.get(
    '/partners',
    {
      schema: {
        operationId: 'listPartners',
        tags,
        summary: 'List partners',
        description: 'Those that have ended too.',
        querystring: PartnerListQuery,
        response: { 200: PartnerPage },
      },
      config: { scope },
    },
    async (request, reply) => {
      const { query } = request
      const members = partnerMembers(query.fields)
      return sendList(request, reply, reading, {
        filters: {},
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: (_, page) => listPartners(query, page, members),
        members: Object.keys(members),
        counted: isCounted(query)
          ? async () => ({ count: await countRows(reading, findPartners(query)) })
          : undefined,
      })
    },
  )

  app.get(
    '/partners/:id',
    {
      schema: {
        operationId: 'getPartner',
        tags,
        summary: 'One partner',
        description: 'By id.',
        params: PartnerParams,
        querystring: PartnerQuery,
        response: { 200: Partner },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) =>
      sendItem(request, reply, reading, partnerItem(request.params.id, request.query)),
  )

  app.get(
    '/articles/:idOrSlug/access',
    {
      schema: {
        operationId: 'explainAccess',
        tags,
        summary: 'Whether a partner has an article, and why',
        description: 'Each rule by itself, as things are now; the first that denies decides.',
        params: articleParams,
        querystring: AccessQuery,
        response: { 200: Access },
      },
      config: { scope: 'drafts:read', throws: ['not_found'] },
    },
    async (request, reply) => {
      const id = await articleIn(db.editor, request.params.idOrSlug)
      const facts = await accessFacts(db.editor, id, request.query.partner)
      if (!facts) throw missing('partner')
      return sendRead(request, reply, presentAccess(facts))
    },
  )
}

/** One partner, by id. */
function partnerItem(name: string, { fields }: z.output<typeof PartnerQuery>): ItemRead {
  const members = partnerMembers(fields)
  return {
    ...{ kind: 'partner', name },
    statement: (id) => findPartner(id, members),
    members: Object.keys(members),
  }
}

/** Writes of partners. */
export function partnerWrites(app: App, { db }: Services): void {
  resourceWrites(app, db, {
    kind: 'Partner',
    tag: 'Partners',
    path: '/partners',
    scope,
    params: PartnerParams,
    shown: Partner,
    query: PartnerQuery,
    show: shownToWriter(partnerItem),
    create: {
      summary: 'Make a partner',
      description: 'Entitled to all that is public, unless it is said otherwise.',
      throws: ['unknown_reference'],
      example: {
        name: 'The Isle Record',
        languages: ['en'],
        categories: { allowed: ['harbour'], excluded: ['ferry'] },
      },
      body: PartnerCreate,
      run: createPartner,
    },
    update: {
      summary: 'Change a partner',
      description:
        'A JSON merge patch. When what it may have changes, its mirrors are told to read their snapshot again.',
      throws: ['unknown_reference', 'wrong_state'],
      example: { contact: 'Syndication desk, +44 20 7946 0018' },
      body: PartnerPatch,
      run: updatePartner,
    },
    remove: {
      summary: 'End a partner',
      description:
        'Its keys are revoked and its webhooks disabled, at once. It stays in the list, and what it had stays known.',
      query: PartnerQuery.omit({ fields: true }),
      run: (ctx, id, expected) => endPartner(ctx, id, expected),
    },
  })
}

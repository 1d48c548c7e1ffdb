import type { z } from 'zod'
import { correctArticle } from '../corrections/commands.ts'
import type { App, Services } from '../http/app.ts'
import { Nothing } from '../http/item.ts'
import { ARTICLE_LIMIT } from '../http/json.ts'
import { resourceVerb, type Verb } from '../http/resource.ts'
import { purgeRevisions, restoreRevision } from '../revisions/commands.ts'
import { Purge, RevisionNumber } from '../revisions/schema.ts'
import { killArticle, publishArticle, reviveArticle, unpublishArticle } from './lifecycle.ts'
import { ArticleWriteQuery } from './parameters.ts'
import { CorrectionCreate, Kill, Publication, Unpublication } from './schema.ts'
import { articleResource } from './shape.ts'

/** The verbs of an article: its lifecycle, corrections, and what is done to its revisions. */
export function articleVerbs(app: App, { config, db }: Services): void {
  const resource = articleResource(config)
  const verb = <Body extends z.ZodType>(said: Verb<Body>) => resourceVerb(app, db, resource, said)

  verb({
    name: 'publish',
    scope: 'content:publish',
    summary: 'Publish an article',
    description:
      'Now or later; on a published one, sets its times. Needs a headline and a body, nothing else.',
    throws: ['wrong_state'],
    body: Publication,
    run: publishArticle,
  })

  verb({
    name: 'unpublish',
    scope: 'content:publish',
    summary: 'Take an article back',
    description: 'Readers get 410; publishing again brings it back.',
    throws: ['wrong_state'],
    example: { reason: 'The figures are being checked.' },
    body: Unpublication,
    run: unpublishArticle,
  })
  verb({
    name: 'kill',
    scope: 'content:publish',
    summary: 'Kill an article',
    description:
      'Its text and that of its revisions is out of every reader’s reach at once; readers get 410 with the notice, or 451 after a legal kill.',
    throws: ['wrong_state'],
    example: { reason: 'The source withdrew.', notice: 'This article has been withdrawn.' },
    body: Kill,
    run: killArticle,
  })
  verb({
    name: 'revive',
    scope: 'content:publish',
    summary: 'Make a killed article a draft again',
    description: 'Readers go on being told that it is gone, until it is published.',
    throws: ['wrong_state'],
    example: { reason: 'Killed by mistake.' },
    body: Unpublication,
    run: reviveArticle,
  })
  verb({
    name: 'correct',
    suffix: 'corrections',
    scope: 'content:write',
    summary: 'Correct an article',
    description:
      'The note that readers see and, in the same version, the changes that it describes. With `changes`, `If-Match` is required.',
    throws: ['version_required', 'wrong_state', 'slug_taken', 'unknown_reference', 'quote_altered'],
    bodyLimit: ARTICLE_LIMIT,
    example: { kind: 'clarification', text: 'The levy is due once a year.' },
    body: CorrectionCreate,
    query: ArticleWriteQuery,
    needsVersion: (input) => input.changes !== undefined,
    run: (ctx, name, input, expected, { query }) =>
      correctArticle(ctx, name, input, expected, query),
  })
  verb({
    name: 'restore',
    suffix: 'revisions/:n/restore',
    params: { n: RevisionNumber },
    scope: 'content:write',
    summary: 'Restore a revision',
    description:
      'That content as the next version: text, quotes, sources and categories. Slug, status and times stay.',
    throws: ['wrong_state', 'revision_purged', 'unknown_reference', 'quote_altered'],
    body: Nothing,
    query: ArticleWriteQuery,
    run: (ctx, name, _input, expected, { query, params }) =>
      restoreRevision(ctx, name, params.n, expected, query),
  })
  verb({
    name: 'purge',
    scope: 'admin',
    summary: 'Purge text from all revisions',
    description:
      'For legal reasons: removes the text from every earlier version, for ever, and leaves a marker. Refused while the article still says it.',
    example: { text: 'a name that must not be kept', reason: 'Court order' },
    body: Purge,
    run: purgeRevisions,
  })
}

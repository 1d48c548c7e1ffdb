import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Block } from '../body/schema.ts'

/*
 * The tables, as drizzle-kit turns them into migrations. Only commands touch them; reads go through
 * the views of the schemas `reader` and `editor` (migrations/0002_views.sql).
 *
 * Constraints are named <table>_<column>_<kind>, from which http/problem.ts derives the pointer of
 * an error that only the database can find.
 */

/** Milliseconds, so that a JavaScript Date holds the exact value and a cursor loses nothing. */
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
/** Slugs are ASCII; the C collation lets a range find `harbour-2`, `harbour-3`, ... on any server. */
const slugText = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' })
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const created = {
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
}

/** slugs are [a-z0-9]+(-[a-z0-9]+)*, at most 100 long. */
const slugCheck = (table: string, column: AnyPgColumn) =>
  check(
    `${table}_slug_check`,
    sql`${column} ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(${column}) <= 100`,
  )

/**
 * Every slug ever used, by kind, and whose it is. A row is never taken over by another resource,
 * so an old slug leads to its article for ever (301). No foreign key: a slug outlives its resource.
 */
export const slugs = pgTable(
  'slugs',
  {
    kind: text('kind').notNull(),
    slug: slugText('slug').notNull(),
    resourceId: uuid('resource_id').notNull(),
    // Whether readers saw the resource under it: the working slug of a draft leads nobody anywhere.
    seen: boolean('seen').notNull().default(false),
  },
  (t) => [
    primaryKey({ name: 'slugs_pkey', columns: [t.kind, t.slug] }),
    index('slugs_resource_id_idx').on(t.resourceId),
    check('slugs_kind_check', sql`${t.kind} in ('article', 'source', 'category')`),
  ],
)

export const categories = pgTable(
  'categories',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    slug: slugText('slug').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    parentId: uuid('parent_id'),
    /** Among its siblings, from 0. Unique per parent only at commit, while siblings move up. */
    position: integer('position').notNull(),
    ...created,
  },
  (t) => [
    unique('categories_slug_key').on(t.slug),
    foreignKey({
      name: 'categories_parent_id_fkey',
      columns: [t.parentId],
      foreignColumns: [t.id],
    }),
    index('categories_parent_id_position_idx').on(t.parentId, t.position),
    index('categories_name_id_idx').on(t.name, t.id),
    slugCheck('categories', t.slug),
    check('categories_name_check', sql`${t.name} <> ''`),
    check('categories_parent_id_check', sql`${t.parentId} <> ${t.id}`),
  ],
)

export const sources = pgTable(
  'sources',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    slug: slugText('slug').notNull(),
    kind: text('kind').notNull(),
    name: text('name').notNull(),
    title: text('title'),
    organizationId: uuid('organization_id'),
    url: text('url'),
    description: text('description'),
    sameAs: text('same_as').array().notNull().default(sql`'{}'`),
    ...created,
  },
  (t) => [
    unique('sources_slug_key').on(t.slug),
    foreignKey({
      name: 'sources_organization_id_fkey',
      columns: [t.organizationId],
      foreignColumns: [t.id],
    }),
    index('sources_organization_id_idx').on(t.organizationId),
    index('sources_name_id_idx').on(t.name, t.id),
    index('sources_created_at_id_idx').on(t.createdAt, t.id),
    index('sources_name_trgm_idx')
      .using('gin', sql`name public.gin_trgm_ops`)
      .with({ fastupdate: false }),
    index('sources_slug_trgm_idx')
      .using('gin', sql`slug public.gin_trgm_ops`)
      .with({ fastupdate: false }),
    index('sources_name_words_idx')
      .using('gin', sql`to_tsvector('pg_catalog.simple', name)`)
      .with({ fastupdate: false }),
    slugCheck('sources', t.slug),
    check('sources_name_check', sql`${t.name} <> ''`),
    check(
      'sources_kind_check',
      sql`${t.kind} in ('person', 'organization', 'publication', 'document', 'anonymous')`,
    ),
    // An anonymous source has no field that could hold an identity.
    check(
      'sources_anonymous_check',
      sql`${t.kind} <> 'anonymous' or (${t.title} is null and ${t.organizationId} is null and ${t.url} is null and ${t.sameAs} = '{}')`,
    ),
    check('sources_organization_id_check', sql`${t.organizationId} <> ${t.id}`),
  ],
)

export const articles = pgTable(
  'articles',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    slug: slugText('slug').notNull(),
    status: text('status').notNull().default('draft'),
    headline: text('headline'),
    summary: text('summary'),
    byline: text('byline'),
    language: text('language').notNull(),
    body: jsonb('body').$type<Block[]>().notNull().default(sql`'[]'`),
    /** Rendered once, when written: reads are a thousand times as many. */
    bodyHtml: text('body_html').notNull().default(''),
    plainText: text('plain_text').notNull().default(''),
    leadImage: jsonb('lead_image'),
    originSystem: text('origin_system'),
    originId: text('origin_id'),
    originUrl: text('origin_url'),
    publishAt: instant('publish_at'),
    embargoUntil: instant('embargo_until'),
    expiresAt: instant('expires_at'),
    publishedAt: instant('published_at'),
    /** The first instant of visibility, once it is past; what has one cannot be deleted. */
    firstVisibleAt: instant('first_visible_at'),
    /** Since when it is gone, of what was visible and is unpublished or killed. */
    goneAt: instant('gone_at'),
    /** What the public is told of a kill. */
    notice: text('notice'),
    /** Killed for legal reasons: 451 instead of 410. */
    legal: boolean('legal').notNull().default(false),
    /** Whether readers were last told that it is visible: the sweep compares. */
    announced: boolean('announced').notNull().default(false),
    /** The same for partners who may read before an embargo ends. */
    announcedEarly: boolean('announced_early').notNull().default(false),
    /** publishedAt as a sort key without nulls: what has no date yet comes as newest. */
    listedAt: instant('listed_at')
      .notNull()
      .generatedAlwaysAs(sql`coalesce(published_at, 'infinity'::timestamptz(3))`),
    search: tsvector('search')
      .notNull()
      .generatedAlwaysAs(sql`public.search_vector(language, headline, summary, plain_text)`),
    ...created,
  },
  (t) => [
    unique('articles_slug_key').on(t.slug),
    unique('articles_origin_id_key').on(t.originSystem, t.originId),
    slugCheck('articles', t.slug),
    check(
      'articles_status_check',
      sql`${t.status} in ('draft', 'published', 'unpublished', 'killed')`,
    ),
    check(
      'articles_published_check',
      sql`${t.status} <> 'published' or (${t.headline} <> '' and ${t.body} <> '[]' and ${t.publishAt} is not null and ${t.publishedAt} is not null)`,
    ),
    check(
      'articles_expires_at_check',
      sql`${t.expiresAt} > ${t.publishAt} and ${t.expiresAt} > coalesce(${t.embargoUntil}, '-infinity')`,
    ),
    check('articles_notice_check', sql`${t.status} <> 'killed' or ${t.notice} <> ''`),
    check('articles_origin_check', sql`(${t.originSystem} is null) = (${t.originId} is null)`),
    // NULLS FIRST, as ORDER BY ... DESC means it: otherwise no sort is served by them.
    // What readers list: only published rows, in the order of the list.
    index('articles_listed_at_id_idx')
      .on(t.listedAt.desc().nullsFirst(), t.id.desc().nullsFirst())
      .where(sql`status = 'published'`),
    index('articles_all_listed_at_id_idx').on(
      t.listedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index('articles_updated_at_id_idx').on(
      t.updatedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index('articles_headline_id_idx').on(sql`coalesce(headline, '')`, t.id),
    // fastupdate off: a pending list of 940 inserts turned one search from 8 ms into 114 ms.
    index('articles_search_idx').using('gin', t.search).with({ fastupdate: false }),
  ],
)

export const articleCategories = pgTable(
  'article_categories',
  {
    articleId: uuid('article_id').notNull(),
    categoryId: uuid('category_id').notNull(),
    /** From 0; the first is the primary category. */
    position: integer('position').notNull(),
  },
  (t) => [
    primaryKey({ name: 'article_categories_pkey', columns: [t.articleId, t.categoryId] }),
    foreignKey({
      name: 'article_categories_article_id_fkey',
      columns: [t.articleId],
      foreignColumns: [articles.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'article_categories_category_id_fkey',
      columns: [t.categoryId],
      foreignColumns: [categories.id],
    }),
    unique('article_categories_position_key').on(t.articleId, t.position),
    index('article_categories_category_id_idx').on(t.categoryId, t.articleId),
  ],
)

export const articleSources = pgTable(
  'article_sources',
  {
    articleId: uuid('article_id').notNull(),
    sourceId: uuid('source_id').notNull(),
    position: integer('position').notNull(),
    role: text('role'),
    note: text('note'),
  },
  (t) => [
    primaryKey({ name: 'article_sources_pkey', columns: [t.articleId, t.sourceId] }),
    foreignKey({
      name: 'article_sources_article_id_fkey',
      columns: [t.articleId],
      foreignColumns: [articles.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'article_sources_source_id_fkey',
      columns: [t.sourceId],
      foreignColumns: [sources.id],
    }),
    unique('article_sources_position_key').on(t.articleId, t.position),
    index('article_sources_source_id_idx').on(t.sourceId, t.articleId),
  ],
)

export const quotes = pgTable(
  'quotes',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    articleId: uuid('article_id').notNull(),
    position: integer('position').notNull(),
    kind: text('kind').notNull(),
    text: text('text').notNull(),
    language: text('language'),
    originalText: text('original_text'),
    originalLanguage: text('original_language'),
    speakerId: uuid('speaker_id'),
    cue: text('cue'),
    saidAt: instant('said_at'),
    occasion: text('occasion'),
    /** Null of a confirmed paraphrase: there are no words to verify. */
    state: text('state'),
    spans: jsonb('spans').$type<{ start: number; end: number }[]>().notNull().default(sql`'[]'`),
    /** saidAt, or else the article's listedAt: when it was said as far as is known. */
    datedAt: instant('dated_at').notNull(),
    /** The quote's language, or else the article's; kept by triggers (migrations/0006_lists.sql). */
    searchLanguage: text('search_language').notNull().default(''),
    search: tsvector('search')
      .notNull()
      .generatedAlwaysAs(sql`public.search_vector(search_language, text, null, null)`),
    ...created,
  },
  (t) => [
    foreignKey({
      name: 'quotes_article_id_fkey',
      columns: [t.articleId],
      foreignColumns: [articles.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'quotes_speaker_id_fkey',
      columns: [t.speakerId],
      foreignColumns: [sources.id],
    }),
    index('quotes_article_id_position_idx').on(t.articleId, t.position),
    index('quotes_speaker_id_dated_at_idx').on(
      t.speakerId,
      t.datedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index('quotes_dated_at_id_idx').on(t.datedAt.desc().nullsFirst(), t.id.desc().nullsFirst()),
    index('quotes_created_at_id_idx').on(t.createdAt, t.id),
    index('quotes_search_idx').using('gin', t.search).with({ fastupdate: false }),
    index('quotes_search_language_dated_at_id_idx').on(
      sql`search_language collate "C"`,
      t.datedAt.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    // Of the kinds and states that are seldom; most quotes are direct, and verified.
    index('quotes_kind_dated_at_id_idx')
      .on(t.kind, t.datedAt.desc().nullsFirst(), t.id.desc().nullsFirst())
      .where(sql`kind <> 'direct'`),
    index('quotes_state_dated_at_id_idx')
      .on(t.state, t.datedAt.desc().nullsFirst(), t.id.desc().nullsFirst())
      .where(sql`state <> 'verified'`),
    check('quotes_text_check', sql`${t.text} <> ''`),
    check('quotes_kind_check', sql`${t.kind} in ('direct', 'partial', 'paraphrase')`),
    check(
      'quotes_state_check',
      sql`case when ${t.kind} = 'paraphrase' then ${t.state} is null or ${t.state} = 'suggested'
        else ${t.state} is not null and ${t.state} in ('suggested', 'verified', 'altered', 'ambiguous', 'orphaned') end`,
    ),
    check('quotes_spans_check', sql`${t.kind} <> 'paraphrase' or ${t.spans} = '[]'`),
    check(
      'quotes_original_check',
      sql`(${t.originalText} is null) = (${t.originalLanguage} is null)`,
    ),
  ],
)

/**
 * How many quotes each source is the speaker of: the count, and what has come since, which is added to it
 * from time to time. A source that is much quoted would else make its writers wait for each other. Nobody
 * writes here but the triggers (migrations/0017_quote_counts.sql) and src/quotes/counts.ts.
 */
export const quoteCounts = pgTable(
  'quote_counts',
  {
    sourceId: uuid('source_id').primaryKey(),
    /** All of them. */
    quotes: integer('quotes').notNull().default(0),
    /** Those that readers may see, of articles that were announced. */
    announced: integer('announced').notNull().default(0),
  },
  (t) => [
    foreignKey({
      name: 'quote_counts_source_id_fkey',
      columns: [t.sourceId],
      foreignColumns: [sources.id],
    }).onDelete('cascade'),
    index('quote_counts_quotes_source_id_idx').on(t.quotes, t.sourceId),
    index('quote_counts_announced_source_id_idx').on(t.announced, t.sourceId),
  ],
)

export const quoteCountChanges = pgTable(
  'quote_count_changes',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity(),
    sourceId: uuid('source_id').notNull(),
    quotes: integer('quotes').notNull(),
    announced: integer('announced').notNull(),
  },
  (t) => [
    primaryKey({ name: 'quote_count_changes_pkey', columns: [t.id] }),
    index('quote_count_changes_source_id_idx').on(t.sourceId),
  ],
)

/**
 * Which articles a category (or one below it), a source or a speaker lists, and in which order: the
 * latest of one is a walk along one index, whatever the number of articles. Nobody writes here but
 * the triggers on the tables it is made of (migrations/0006_lists.sql).
 */
export const articleListings = pgTable(
  'article_listings',
  {
    kind: text('kind').notNull(),
    resourceId: uuid('resource_id').notNull(),
    articleId: uuid('article_id').notNull(),
    listedAt: instant('listed_at').notNull(),
    /** Published, and for a speaker: with a quote that is not merely suggested. */
    forReaders: boolean('for_readers').notNull(),
  },
  (t) => [
    primaryKey({
      name: 'article_listings_pkey',
      columns: [t.articleId, t.kind, t.resourceId],
    }),
    index('article_listings_listed_at_idx')
      .on(t.kind, t.resourceId, t.listedAt.desc().nullsFirst(), t.articleId.desc().nullsFirst())
      .where(sql`for_readers`),
    // Drafts have no date and would all stand before what readers see; so editors have their own.
    index('article_listings_all_listed_at_idx').on(
      t.kind,
      t.resourceId,
      t.listedAt.desc().nullsFirst(),
      t.articleId.desc().nullsFirst(),
    ),
    check('article_listings_kind_check', sql`${t.kind} in ('category', 'source', 'speaker')`),
  ],
)

export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    /** The public part of the key, by which it is found; the secret part is only hashed. */
    prefix: text('prefix').notNull(),
    hash: bytea('hash').notNull(),
    scopes: text('scopes').array().notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
    lastUsedAt: instant('last_used_at'),
    /** Whose key it is; null: nobody's who has entitlements. */
    partnerId: uuid('partner_id'),
  },
  (t) => [
    unique('api_keys_prefix_key').on(t.prefix),
    foreignKey({
      name: 'api_keys_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    index('api_keys_partner_id_idx').on(t.partnerId).where(sql`partner_id is not null`),
    check('api_keys_name_check', sql`${t.name} <> ''`),
    check('api_keys_hash_check', sql`length(${t.hash}) = 32`),
  ],
)

/** The answers of POSTs that named an Idempotency-Key, for 24 h. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    apiKeyId: uuid('api_key_id').notNull(),
    path: text('path').notNull(),
    key: text('key').notNull(),
    requestHash: bytea('request_hash').notNull(),
    /** Null only inside the transaction that is doing the work. */
    status: integer('status'),
    headers: jsonb('headers').$type<Record<string, string>>(),
    body: text('body'),
    createdAt: instant('created_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [t.apiKeyId, t.path, t.key] }),
    foreignKey({
      name: 'idempotency_keys_api_key_id_fkey',
      columns: [t.apiKeyId],
      foreignColumns: [apiKeys.id],
    }),
    index('idempotency_keys_created_at_idx').on(t.createdAt),
  ],
)

/** What an article was at a version, with its quotes, sources, categories and corrections. */
export const revisions = pgTable(
  'revisions',
  {
    articleId: uuid('article_id').notNull(),
    version: integer('version').notNull(),
    /** The row of the load query at that version, all included; without what the blocks give again. */
    content: jsonb('content').notNull(),
    at: instant('at').notNull(),
    keyId: uuid('key_id'),
    keyName: text('key_name').notNull(),
    event: text('event').notNull(),
    reason: text('reason'),
    requestId: text('request_id'),
    /** When text was purged from it; what is purged is gone from `content`. */
    purgedAt: instant('purged_at'),
  },
  (t) => [
    primaryKey({ name: 'revisions_pkey', columns: [t.articleId, t.version] }),
    foreignKey({
      name: 'revisions_article_id_fkey',
      columns: [t.articleId],
      foreignColumns: [articles.id],
    }).onDelete('cascade'),
    index('revisions_article_id_at_idx').on(t.articleId, t.at),
    check('revisions_version_check', sql`${t.version} > 0`),
  ],
)

/** Who syndicates. What a partner may have is in `entitlements`; what it has, in the holdings. */
export const partners = pgTable(
  'partners',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    name: text('name').notNull(),
    contact: text('contact'),
    /** Requests a minute of all its keys together; null: as for everybody. */
    rateLimit: integer('rate_limit'),
    /** When it ceased to be one; its holdings stay. */
    endedAt: instant('ended_at'),
    ...created,
  },
  (t) => [
    check('partners_name_check', sql`${t.name} <> ''`),
    check('partners_rate_limit_check', sql`${t.rateLimit} > 0`),
    index('partners_name_id_idx').on(t.name, t.id),
  ],
)

/** The categories that a partner's entitlement names today, so that none can be deleted unseen. */
export const partnerCategories = pgTable(
  'partner_categories',
  {
    partnerId: uuid('partner_id').notNull(),
    categoryId: uuid('category_id').notNull(),
    excluded: boolean('excluded').notNull(),
  },
  (t) => [
    primaryKey({
      name: 'partner_categories_pkey',
      columns: [t.partnerId, t.categoryId, t.excluded],
    }),
    foreignKey({
      name: 'partner_categories_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    foreignKey({
      name: 'partner_categories_category_id_fkey',
      columns: [t.categoryId],
      foreignColumns: [categories.id],
    }),
    index('partner_categories_category_id_idx').on(t.categoryId),
  ],
)

/**
 * What a partner may have, at each time: the last row is that of today, an earlier one was in force from
 * the position of its change on. Never changed, so that the ledger tells the same whenever it is read.
 */
export const entitlements = pgTable(
  'entitlements',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    partnerId: uuid('partner_id').notNull(),
    changeId: bigint('change_id', { mode: 'number' }).notNull(),
    /** Ranges of BCP 47 (`en` is any English); null: all. */
    languages: text('languages').array(),
    /** With all below them; null: all. */
    allowed: uuid('allowed').array(),
    excluded: uuid('excluded').array().notNull().default(sql`'{}'`),
    /** Null: all. */
    formats: text('formats').array(),
    /** Whether embargoed text may be read before the embargo ends, with a key that has the scope. */
    early: boolean('early').notNull().default(false),
  },
  (t) => [
    foreignKey({
      name: 'entitlements_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    foreignKey({
      name: 'entitlements_change_id_fkey',
      columns: [t.changeId],
      foreignColumns: [changes.id],
    }),
    index('entitlements_partner_id_id_idx').on(t.partnerId, t.id),
    check('entitlements_languages_check', sql`${t.languages} <> '{}'`),
    check('entitlements_allowed_check', sql`${t.allowed} <> '{}'`),
    check('entitlements_formats_check', sql`${t.formats} <> '{}'`),
  ],
)

/**
 * The ledger: one row for each thing that happened, written in the transaction that did it while
 * the resource's row is locked. `position` is given after commit, by public.number_changes().
 */
export const changes = pgTable(
  'changes',
  {
    /** The order of insertion; not of commit, so nobody pages by it. */
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    position: bigint('position', { mode: 'number' }),
    kind: text('kind').notNull(),
    resourceId: uuid('resource_id').notNull(),
    /** The part it happened to: a quote or a correction of the article. */
    partKind: text('part_kind'),
    partId: uuid('part_id'),
    operation: text('operation').notNull(),
    event: text('event').notNull(),
    fromVersion: integer('from_version'),
    toVersion: integer('to_version'),
    keyId: uuid('key_id'),
    keyName: text('key_name').notNull(),
    reason: text('reason'),
    requestId: text('request_id'),
    at: instant('at').notNull(),
    /*
     * What it was and is to whom, from which follows who is told, today and whenever it is read again.
     * Of an article: visible to readers; early, which is visible but for an embargo; its language; its
     * categories with all above them. `was` is what the row before said, so that nobody is told of the
     * end of what was never told. Of a source or category: whether readers see it; which partners; and
     * which see it with early access alone.
     */
    wasVisible: boolean('was_visible').notNull().default(false),
    isVisible: boolean('is_visible').notNull().default(false),
    wasEarly: boolean('was_early').notNull().default(false),
    isEarly: boolean('is_early').notNull().default(false),
    wasLanguage: text('was_language'),
    isLanguage: text('is_language'),
    wasCategories: uuid('was_categories').array(),
    isCategories: uuid('is_categories').array(),
    /** Why an article is not there. */
    absence: text('absence'),
    seenBy: uuid('seen_by').array(),
    seenEarlyBy: uuid('seen_early_by').array(),
  },
  (t) => [
    unique('changes_position_key').on(t.position),
    // Who reads the ledger as a partner or reader passes over what happened unseen: drafts, mostly.
    index('changes_told_position_idx')
      .on(t.position)
      .where(
        sql`was_visible or is_visible or was_early or is_early or event = 'entitlement.changed'`,
      ),
    check(
      'changes_absence_check',
      sql`${t.absence} in ('unpublished', 'killed', 'legal', 'embargoed', 'expired')`,
    ),
    index('changes_unnumbered_idx').on(t.id).where(sql`position is null`),
    // Whether a partner's counts are still those of its entitlement, asked each second and with each answer.
    index('changes_entitlement_idx')
      .on(t.position)
      .where(sql`event = 'entitlement.changed'`)
      .concurrently(),
    index('changes_resource_id_idx').on(t.resourceId, t.id),
    check('changes_operation_check', sql`${t.operation} in ('create', 'update', 'delete', 'time')`),
  ],
)

/** What was told of an article to a partner in one degree: all four, or none of it. */
const told = (degree: string) => ({
  step: bigint(`${degree}_step`, { mode: 'number' }),
  version: integer(`${degree}_version`),
  at: instant(`${degree}_at`),
  how: text(`${degree}_how`),
})
const [notified, given, acknowledged] = [told('notified'), told('given'), told('acknowledged')]

/** The step of what a partner has, out of the last of each degree (public.held_step). */
const HELD = sql`public.held_step(notified_step, given_step, acknowledged_step)`

/**
 * Which version of which article a partner has, was told to remove, or has removed, in three degrees. A
 * step orders what was told of one article: twice the position in the ledger, and one more where it was
 * something to keep, so that what is given again counts after a removal at the same position. Steps only
 * grow. No foreign key to articles: what was given outlives the article.
 */
export const holdings = pgTable(
  'holdings',
  {
    partnerId: uuid('partner_id').notNull(),
    articleId: uuid('article_id').notNull(),
    ...{ notifiedStep: notified.step, notifiedVersion: notified.version },
    ...{ notifiedAt: notified.at, notifiedHow: notified.how },
    ...{ givenStep: given.step, givenVersion: given.version },
    ...{ givenAt: given.at, givenHow: given.how },
    ...{ acknowledgedStep: acknowledged.step, acknowledgedVersion: acknowledged.version },
    ...{ acknowledgedAt: acknowledged.at, acknowledgedHow: acknowledged.how },
    /** What it has: an even step is a removal. */
    step: bigint('step', { mode: 'number' }).notNull().generatedAlwaysAs(HELD),
    version: integer('version')
      .notNull()
      .generatedAlwaysAs(
        sql`case ${HELD} when acknowledged_step then acknowledged_version when given_step then given_version else notified_version end`,
      ),
    degree: text('degree')
      .notNull()
      .generatedAlwaysAs(
        sql`case ${HELD} when acknowledged_step then 'acknowledged' when given_step then 'given' else 'notified' end`,
      ),
  },
  (t) => [
    primaryKey({ name: 'holdings_pkey', columns: [t.partnerId, t.articleId] }),
    foreignKey({
      name: 'holdings_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    index('holdings_article_id_partner_id_idx').on(t.articleId, t.partnerId),
    // What a partner has, from which follows what of it is stale or must go; and what it has removed.
    index('holdings_kept_idx').on(t.partnerId, t.articleId, t.version).where(sql`step % 2 = 1`),
    index('holdings_removed_idx').on(t.partnerId, t.articleId).where(sql`step % 2 = 0`),
    check(
      'holdings_notified_check',
      sql`num_nonnulls(notified_step, notified_version, notified_at, notified_how) in (0, 4)`,
    ),
    check(
      'holdings_given_check',
      sql`num_nonnulls(given_step, given_version, given_at, given_how) in (0, 4)`,
    ),
    check(
      'holdings_acknowledged_check',
      sql`num_nonnulls(acknowledged_step, acknowledged_version, acknowledged_at, acknowledged_how) in (0, 4)`,
    ),
    check(
      'holdings_notified_how_check',
      sql`${t.notifiedHow} in ('webhook', 'changes', 'stream', 'item', 'list', 'format', 'feed', 'sitemap')`,
    ),
    check(
      'holdings_given_how_check',
      sql`${t.givenHow} in ('changes', 'stream', 'item', 'list', 'format', 'feed')`,
    ),
    check('holdings_acknowledged_how_check', sql`${t.acknowledgedHow} in ('cursor', 'ack')`),
    // Nobody acknowledges a text that was never sent; to have taken one out needs no telling.
    check(
      'holdings_acknowledged_step_check',
      sql`${t.acknowledgedStep} % 2 = 0 or ${t.acknowledgedStep} <= coalesce(greatest(${t.notifiedStep}, ${t.givenStep}), -1)`,
    ),
  ],
)

/**
 * The change feeds that a partner reads: what its keys may see, and of which events, is each a feed of
 * its own. How far it was told, and how far it has said that it has all.
 */
export const partnerFeeds = pgTable(
  'partner_feeds',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    partnerId: uuid('partner_id').notNull(),
    /** What its cursors belong to (http/cursor.ts). */
    list: text('list').notNull(),
    early: boolean('early').notNull(),
    /** Null: all events. */
    types: text('types').array(),
    /** The furthest cursor that was handed out. */
    toldPosition: bigint('told_position', { mode: 'number' }).notNull().default(0),
    /** The latest snapshot, and the article that it had come to. */
    snapshotBase: bigint('snapshot_base', { mode: 'number' }),
    snapshotArticle: uuid('snapshot_article'),
    /** The latest cursor that was asked with. */
    acknowledgedPosition: bigint('acknowledged_position', { mode: 'number' }),
    acknowledgedAt: instant('acknowledged_at'),
    acknowledgedHow: text('acknowledged_how'),
    /** Whether that covers more than one statement settles; the rest is worked off. */
    behind: boolean('behind').notNull().default(false),
  },
  (t) => [
    unique('partner_feeds_list_key').on(t.partnerId, t.list),
    foreignKey({
      name: 'partner_feeds_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    index('partner_feeds_behind_idx').on(t.id).where(sql`behind`),
    check('partner_feeds_types_check', sql`${t.types} <> '{}'`),
    check(
      'partner_feeds_acknowledged_check',
      sql`num_nonnulls(acknowledged_position, acknowledged_at, acknowledged_how) in (0, 3)`,
    ),
  ],
)

/** What a feed has told of an article and nobody has acknowledged yet, with its place in that feed. */
export const feedTellings = pgTable(
  'feed_tellings',
  {
    feedId: bigint('feed_id', { mode: 'number' }).notNull(),
    articleId: uuid('article_id').notNull(),
    /** The position of the row, or where the snapshot began. */
    place: bigint('place', { mode: 'number' }).notNull(),
    snapshot: boolean('snapshot').notNull(),
    step: bigint('step', { mode: 'number' }).notNull(),
    version: integer('version').notNull(),
    toldAt: instant('told_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'feed_tellings_pkey', columns: [t.feedId, t.articleId] }),
    foreignKey({
      name: 'feed_tellings_feed_id_fkey',
      columns: [t.feedId],
      foreignColumns: [partnerFeeds.id],
    }),
    index('feed_tellings_feed_id_place_idx').on(t.feedId, t.place),
  ],
)

/**
 * Who is called when something happens. What concerns it is what the feed tells its partner, or readers:
 * `position` is how far it was told.
 */
export const webhooks = pgTable(
  'webhooks',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().default(1),
    url: text('url').notNull(),
    /** Of the URL, with its port unless that is the usual one: webhooks of one host share its room. */
    host: text('host').notNull(),
    /** Null: all. */
    events: text('events').array(),
    /** Null: what readers see. */
    partnerId: uuid('partner_id'),
    description: text('description'),
    /** Whether it is told of what is under embargo, if its partner is entitled to that. */
    early: boolean('early').notNull().default(false),
    /** In clear, since it signs; only the editors' role can read it. */
    secret: text('secret').notNull(),
    previousSecret: text('previous_secret'),
    previousSecretUntil: instant('previous_secret_until'),
    position: bigint('position', { mode: 'number' }).notNull(),
    disabledAt: instant('disabled_at'),
    disabledReason: text('disabled_reason'),
    /** The first failure since the last success. */
    failingSince: instant('failing_since'),
    /** Until when it asked not to be called (429, 503). */
    pausedUntil: instant('paused_until'),
    ...created,
  },
  (t) => [
    foreignKey({
      name: 'webhooks_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
    index('webhooks_partner_id_idx').on(t.partnerId).where(sql`partner_id is not null`),
    index('webhooks_created_at_id_idx').on(t.createdAt, t.id),
    check('webhooks_events_check', sql`${t.events} <> '{}'`),
    check('webhooks_early_check', sql`not ${t.early} or ${t.partnerId} is not null`),
    check(
      'webhooks_previous_secret_check',
      sql`(${t.previousSecret} is null) = (${t.previousSecretUntil} is null)`,
    ),
    check(
      'webhooks_disabled_reason_check',
      sql`case when ${t.disabledAt} is null then ${t.disabledReason} is null
        else ${t.disabledReason} in ('failing', 'gone', 'partner') end`,
    ),
  ],
)

/**
 * What a webhook is to be told, one row of the ledger each. Of those about one resource only the first
 * that is pending has a `due_at`: the others wait for it. While an attempt is under way both times
 * are when it is taken to be lost.
 */
export const deliveries = pgTable(
  'deliveries',
  {
    /** `webhook-id`, the same at each attempt. */
    id: uuid('id').primaryKey(),
    webhookId: uuid('webhook_id').notNull(),
    /** Of the row in the ledger; the columns that follow are what the feed tells of it. */
    position: bigint('position', { mode: 'number' }).notNull(),
    op: text('op').notNull(),
    resource: text('resource').notNull(),
    event: text('event').notNull(),
    resourceId: uuid('resource_id').notNull(),
    resourceVersion: integer('resource_version'),
    reason: text('reason'),
    state: text('state').notNull().default('pending'),
    /** How many attempts of the schedule were made. */
    step: integer('step').notNull().default(0),
    /** When the schedule wants the next one; `due_at` can be earlier. */
    plannedAt: instant('planned_at'),
    dueAt: instant('due_at'),
    leasedUntil: instant('leased_until'),
    createdAt: instant('created_at').notNull(),
    finishedAt: instant('finished_at'),
  },
  (t) => [
    foreignKey({
      name: 'deliveries_webhook_id_fkey',
      columns: [t.webhookId],
      foreignColumns: [webhooks.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'deliveries_position_fkey',
      columns: [t.position],
      foreignColumns: [changes.position],
    }),
    unique('deliveries_position_key').on(t.webhookId, t.position),
    // What is due of one webhook, removals by themselves: they have room of their own.
    index('deliveries_due_at_idx')
      .on(t.webhookId, sql`(op = 'remove')`, t.dueAt)
      .where(sql`state = 'pending' and due_at is not null`),
    index('deliveries_resource_id_idx')
      .on(t.webhookId, t.resourceId, t.position)
      .where(sql`state = 'pending'`),
    index('deliveries_finished_at_idx').on(t.finishedAt).where(sql`finished_at is not null`),
    check('deliveries_op_check', sql`${t.op} in ('upsert', 'remove', 'reset')`),
    check(
      'deliveries_state_check',
      sql`${t.state} in ('pending', 'delivered', 'failed', 'superseded')`,
    ),
    check(
      'deliveries_finished_at_check',
      sql`case when ${t.state} = 'pending' then ${t.finishedAt} is null
        else ${t.finishedAt} is not null and ${t.dueAt} is null and ${t.leasedUntil} is null end`,
    ),
  ],
)

/** Each time a delivery was tried, and what came of it. */
export const deliveryAttempts = pgTable(
  'delivery_attempts',
  {
    deliveryId: uuid('delivery_id').notNull(),
    number: integer('number').notNull(),
    /** When it began. */
    at: instant('at').notNull(),
    ms: integer('ms').notNull(),
    /** Of the answer, if one came. */
    status: integer('status'),
    /** Null: delivered. */
    error: text('error'),
    detail: text('detail'),
    excerpt: text('excerpt'),
  },
  (t) => [
    primaryKey({ name: 'delivery_attempts_pkey', columns: [t.deliveryId, t.number] }),
    foreignKey({
      name: 'delivery_attempts_delivery_id_fkey',
      columns: [t.deliveryId],
      foreignColumns: [deliveries.id],
    }).onDelete('cascade'),
  ],
)

/** What was wrong and is set right, or what is added: told with the article for ever. */
export const corrections = pgTable(
  'corrections',
  {
    id: uuid('id').primaryKey(),
    articleId: uuid('article_id').notNull(),
    kind: text('kind').notNull(),
    text: text('text').notNull(),
    at: instant('at').notNull(),
    fromVersion: integer('from_version').notNull(),
    toVersion: integer('to_version').notNull(),
    block: text('block'),
    quoteId: uuid('quote_id'),
  },
  (t) => [
    foreignKey({
      name: 'corrections_article_id_fkey',
      columns: [t.articleId],
      foreignColumns: [articles.id],
    }).onDelete('cascade'),
    index('corrections_article_id_at_idx').on(t.articleId, t.at, t.id),
    index('corrections_quote_id_idx').on(t.quoteId),
    check('corrections_text_check', sql`${t.text} <> ''`),
    check(
      'corrections_kind_check',
      sql`${t.kind} in ('correction', 'clarification', 'update', 'retraction')`,
    ),
  ],
)

/** How far the ledger has been followed (public.follow_changes(), which alone writes here). */
export const membersTold = pgTable(
  'members_told',
  {
    id: integer('id').primaryKey(),
    position: bigint('position', { mode: 'number' }).notNull(),
  },
  (t) => [check('members_told_id_check', sql`${t.id} = 1`)],
)

/**
 * What readers have seen besides articles: quotes, sources and categories, and since when they are
 * gone, so that what was visible answers 410 for ever and what never was 404.
 */
export const sightings = pgTable(
  'sightings',
  {
    kind: text('kind').notNull(),
    resourceId: uuid('resource_id').notNull(),
    goneAt: instant('gone_at'),
  },
  (t) => [
    primaryKey({ name: 'sightings_pkey', columns: [t.kind, t.resourceId] }),
    check('sightings_kind_check', sql`${t.kind} in ('quote', 'source', 'category')`),
  ],
)

/**
 * How many articles each category lists, those below it included: the count, and what has come since, as
 * `quoteCounts`. Nobody writes here but triggers and src/categories/counts.ts.
 */
export const categoryCounts = pgTable(
  'category_counts',
  {
    categoryId: uuid('category_id').primaryKey(),
    /** All of them. */
    articles: integer('articles').notNull().default(0),
    /** Those that are published, whether or not their time has come. */
    published: integer('published').notNull().default(0),
  },
  (t) => [
    foreignKey({
      name: 'category_counts_category_id_fkey',
      columns: [t.categoryId],
      foreignColumns: [categories.id],
    }).onDelete('cascade'),
  ],
)

export const categoryCountChanges = pgTable(
  'category_count_changes',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity(),
    categoryId: uuid('category_id').notNull(),
    articles: integer('articles').notNull(),
    published: integer('published').notNull(),
  },
  (t) => [
    primaryKey({ name: 'category_count_changes_pkey', columns: [t.id] }),
    index('category_count_changes_category_id_idx').on(t.categoryId),
  ],
)

/**
 * How many quotes of each source a partner sees, without early access and with it, as the ledger has it up to a
 * position. Nobody writes here but src/quotes/partner-counts.ts and what it calls.
 */
export const partnerCounts = pgTable(
  'partner_counts',
  {
    partnerId: uuid('partner_id').notNull(),
    early: boolean('early').notNull(),
    position: bigint('position', { mode: 'number' }).notNull(),
  },
  (t) => [
    primaryKey({ name: 'partner_counts_pkey', columns: [t.partnerId, t.early] }),
    foreignKey({
      name: 'partner_counts_partner_id_fkey',
      columns: [t.partnerId],
      foreignColumns: [partners.id],
    }),
  ],
)

export const partnerQuoteCounts = pgTable(
  'partner_quote_counts',
  {
    partnerId: uuid('partner_id').notNull(),
    early: boolean('early').notNull(),
    sourceId: uuid('source_id').notNull(),
    quotes: integer('quotes').notNull(),
  },
  (t) => [
    primaryKey({ name: 'partner_quote_counts_pkey', columns: [t.partnerId, t.early, t.sourceId] }),
    index('partner_quote_counts_quotes_source_id_idx').on(
      t.partnerId,
      t.early,
      t.quotes,
      t.sourceId,
    ),
    // What a trigger asks when a source is deleted. Foreign keys would have whoever edits one wait for its count.
    index('partner_quote_counts_source_id_idx').on(t.sourceId),
  ],
)

import { sql } from 'drizzle-orm'
import type pg from 'pg'
import type { Database, Executor } from './client.ts'

/** The schemas of views, one for each audience. */
export type ReaderSchema = 'reader' | 'partner' | 'editor'

/**
 * What each role may do, whole: `applyRights` makes the database agree. Readers select from views
 * and have no right to any table.
 */
const CONTENT = [
  'articles',
  'categories',
  'sources',
  'quotes',
  'corrections',
  'article_categories',
  'article_sources',
  'article_listings',
  'quote_counts',
  'quote_count_changes',
  'category_counts',
  'category_count_changes',
  'partner_counts',
  'partner_quote_counts',
]

/** All tables of ours; what else stands in `public` is not ours to touch. */
const TABLES = [
  ...CONTENT,
  'slugs',
  'api_keys',
  'idempotency_keys',
  'revisions',
  'changes',
  'sightings',
  'members_told',
  'partners',
  'partner_categories',
  'entitlements',
  'holdings',
  'partner_feeds',
  'feed_tellings',
  'webhooks',
  'deliveries',
  'delivery_attempts',
]

const ROLES = ['dateline_reader', 'dateline_partner', 'dateline_editor']
const ALL_ROLES = ROLES.join(', ')

/** Roles are the whole server's, advisory locks one database's: creating them tolerates a race. */
const CREATE_ROLES = ROLES.map(
  (role) => `
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
        CREATE ROLE ${role} NOLOGIN;
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$`,
)

// SET ROLE needs membership. From PostgreSQL 16 on, whoever creates a role is its admin but may not
// enter it; a superuser needs neither. Granting what is granted is a notice, not an error.
const ENTER_ROLES = `
  DO $$ DECLARE target text; BEGIN
    FOREACH target IN ARRAY ARRAY['${ROLES.join("', '")}'] LOOP
      BEGIN
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
          NULL;
        ELSIF current_setting('server_version_num')::int >= 160000 THEN
          IF NOT pg_has_role(current_user, target, 'SET') THEN
            EXECUTE format('GRANT %I TO %I WITH SET TRUE, INHERIT FALSE', target, current_user);
          END IF;
        ELSIF NOT pg_has_role(current_user, target, 'MEMBER') THEN
          EXECUTE format('GRANT %I TO %I', target, current_user);
        END IF;
      -- Another database's migration is granting the same at this moment.
      EXCEPTION WHEN unique_violation OR internal_error THEN NULL;
      END;
    END LOOP;
  END $$`

/** Functions with the owner's rights, each for one thing that editors' rights do not allow. */
const EDITORS_CALL = [
  'public.number_changes()',
  'public.partners_seeing(text, uuid)',
  'public.wake_webhooks(timestamptz)',
  'public.follow_changes(integer)',
  // By the version before.
  'public.tell_members()',
].join(', ')

const RIGHTS = [
  `REVOKE ALL ON ${TABLES.join(', ')} FROM PUBLIC, ${ALL_ROLES}`,
  `REVOKE ALL ON SCHEMA reader, partner, editor FROM PUBLIC, ${ALL_ROLES}`,
  // The functions of a search; not a table in it may be read by readers.
  `GRANT USAGE ON SCHEMA public TO ${ALL_ROLES}`,
  'GRANT USAGE ON SCHEMA editor TO dateline_editor',
  'GRANT USAGE ON SCHEMA partner TO dateline_partner',
  'GRANT USAGE ON SCHEMA reader TO dateline_reader, dateline_editor',
  // Editors' writes note what readers see.
  'GRANT SELECT ON ALL TABLES IN SCHEMA reader TO dateline_reader, dateline_editor',
  'GRANT SELECT ON ALL TABLES IN SCHEMA partner TO dateline_partner',
  'GRANT SELECT ON ALL TABLES IN SCHEMA editor TO dateline_editor',
  `GRANT SELECT, INSERT, UPDATE, DELETE ON ${CONTENT.join(', ')}, slugs, idempotency_keys, partner_categories TO dateline_editor`,
  'GRANT SELECT, INSERT, UPDATE ON api_keys, sightings, partners TO dateline_editor',
  // A purge takes text out of revisions; who and when stay.
  'GRANT SELECT, INSERT, UPDATE (content, reason, purged_at) ON revisions TO dateline_editor',
  // What a partner has had is never forgotten.
  'GRANT SELECT, INSERT, UPDATE ON holdings, partner_feeds TO dateline_editor',
  'GRANT SELECT, INSERT, UPDATE, DELETE ON feed_tellings TO dateline_editor',
  // Written by follow_changes() alone.
  'GRANT SELECT ON members_told TO dateline_editor',
  // Append-only: what happened, and who might have it, is neither changed nor forgotten.
  'GRANT SELECT, INSERT ON changes, entitlements TO dateline_editor',
  'GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, deliveries, delivery_attempts TO dateline_editor',
  // The migrations say so too; a dump that was restored without privileges has forgotten it.
  `REVOKE ALL ON FUNCTION ${EDITORS_CALL}, public.rebuild_article_listings(), public.rebuild_quote_counts(), public.rebuild_category_counts(), public.partners_seeing(text, uuid, boolean, uuid[]) FROM PUBLIC`,
  `GRANT EXECUTE ON FUNCTION ${EDITORS_CALL} TO dateline_editor`,
  // What runs in the background works as an editor; nobody else sees the queue.
  `REVOKE ALL ON ALL TABLES IN SCHEMA pgboss FROM PUBLIC, ${ALL_ROLES}`,
  `REVOKE ALL ON SCHEMA pgboss FROM PUBLIC, ${ALL_ROLES}`,
  'GRANT USAGE ON SCHEMA pgboss TO dateline_editor',
  'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO dateline_editor',
]

/** Creates the roles and lets the owner enter them. Run as the owner, before the migrations. */
export async function createRoles(client: pg.ClientBase): Promise<void> {
  await client.query([...CREATE_ROLES, ENTER_ROLES].join(';'))
}

/** Makes the rights of all roles what this file says, all at once: one message is one transaction. */
export async function applyRights(client: pg.ClientBase): Promise<void> {
  await client.query(RIGHTS.join(';'))
}

/**
 * What is wrong with who the pools are: readers and partners must be able to select from their views and
 * from no table, nor from each other's views. Empty when all is well. Rejects when the database cannot be
 * reached.
 */
export async function roleFaults(db: Database): Promise<string[]> {
  const faults = await Promise.all([
    readerFaults(db.reader),
    check('partners', db.partner, 'partner', ['editor', 'reader']),
    check('editors', db.editor, 'editor', []),
  ])
  return faults.flat()
}

/** The same of one connection of readers. */
export function readerFaults(db: Pick<Executor, 'execute'>): Promise<string[]> {
  return check('readers', db, 'reader', ['editor', 'partner'])
}

async function check(
  who: string,
  pool: Pick<Executor, 'execute'>,
  schema: string,
  others: string[],
): Promise<string[]> {
  const rights = (schema: string) => sql`
    select current_user as "user",
      coalesce(bool_and(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')), false) as sees
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relkind = 'v'`
  const beyond = (schemas: string[]) => sql`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where has_any_column_privilege(c.oid, 'select')
      and ((n.nspname = 'public' and c.relname in (${names(TABLES)})) or n.nspname in (${names(schemas)}))
    order by 1`
  const [own] = (await pool.execute<Rights>(rights(schema))).rows
  const said = `${who} (${own?.user})`
  const faults = own?.sees ? [] : [`${said} cannot read their views`]
  if (others.length === 0) return faults
  const { rows } = await pool.execute<{ name: string }>(beyond(others))
  const list = rows.map((row) => row.name).join(', ')
  return rows.length === 0 ? faults : [...faults, `${said} can read ${list}, which they must not`]
}

type Rights = { user: string; sees: boolean }

function names(tables: string[]) {
  return sql.join(
    tables.map((table) => sql`${table}`),
    sql`, `,
  )
}

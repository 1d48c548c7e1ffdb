import { sql } from 'drizzle-orm'
import type pg from 'pg'
import type { Database } from './client.ts'

/** The schemas of views, one for each audience. */
export type ReaderSchema = 'reader' | 'editor'

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
]

/** Roles are the whole server's, advisory locks one database's: creating them tolerates a race. */
const CREATE_ROLES = ['dateline_reader', 'dateline_editor'].map(
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
    FOREACH target IN ARRAY ARRAY['dateline_reader', 'dateline_editor'] LOOP
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

const RIGHTS = [
  `REVOKE ALL ON ${TABLES.join(', ')} FROM PUBLIC, dateline_reader, dateline_editor`,
  'REVOKE ALL ON SCHEMA reader, editor FROM PUBLIC, dateline_reader, dateline_editor',
  // The functions of a search; not a table in it may be read by readers.
  'GRANT USAGE ON SCHEMA public TO dateline_reader, dateline_editor',
  'GRANT USAGE ON SCHEMA editor TO dateline_editor',
  'GRANT USAGE ON SCHEMA reader TO dateline_reader, dateline_editor',
  // Editors' writes note what readers see.
  'GRANT SELECT ON ALL TABLES IN SCHEMA reader TO dateline_reader, dateline_editor',
  'GRANT SELECT ON ALL TABLES IN SCHEMA editor TO dateline_editor',
  `GRANT SELECT, INSERT, UPDATE, DELETE ON ${CONTENT.join(', ')}, slugs, idempotency_keys TO dateline_editor`,
  'GRANT SELECT, INSERT, UPDATE ON api_keys, sightings TO dateline_editor',
  // A purge takes text out of revisions; who and when stay.
  'GRANT SELECT, INSERT, UPDATE (content, reason, purged_at) ON revisions TO dateline_editor',
  // Append-only: what happened is neither changed nor forgotten.
  'GRANT SELECT, INSERT ON changes TO dateline_editor',
  'GRANT EXECUTE ON FUNCTION public.number_changes() TO dateline_editor',
]

/** Creates the roles and lets the owner enter them. Run as the owner, before the migrations. */
export async function createRoles(client: pg.ClientBase): Promise<void> {
  for (const statement of [...CREATE_ROLES, ENTER_ROLES]) await client.query(statement)
}

/** Makes the rights of both roles what this file says, in the client's transaction. */
export async function applyRights(client: pg.ClientBase): Promise<void> {
  for (const statement of RIGHTS) await client.query(statement)
}

/**
 * What is wrong with who the pools are: readers must be able to select from the views and from no
 * table. Empty when all is well. Rejects when the database cannot be reached.
 */
export async function roleFaults(db: Database): Promise<string[]> {
  const faults: string[] = []
  const rights = (schema: string) => sql`
    select current_user as "user",
      coalesce(bool_and(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')), false) as sees
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relkind = 'v'`
  const readable = sql`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where has_any_column_privilege(c.oid, 'select')
      and ((n.nspname = 'public' and c.relname in (${names(TABLES)})) or n.nspname = 'editor')
    order by 1`
  const [reader] = (await db.reader.execute<Rights>(rights('reader'))).rows
  if (!reader?.sees) faults.push(`readers (${reader?.user}) cannot read their views`)
  const { rows } = await db.reader.execute<{ name: string }>(readable)
  if (rows.length > 0) {
    const list = rows.map((row) => row.name).join(', ')
    faults.push(`readers (${reader?.user}) can read ${list}, which they must not`)
  }
  const [editor] = (await db.editor.execute<Rights>(rights('editor'))).rows
  if (!editor?.sees) faults.push(`editors (${editor?.user}) cannot read their views`)
  return faults
}

type Rights = { user: string; sees: boolean }

function names(tables: string[]) {
  return sql.join(
    tables.map((table) => sql`${table}`),
    sql`, `,
  )
}

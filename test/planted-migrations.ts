import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))

type Entry = { idx: number; version: string; when: number; tag: string; breakpoints: boolean }
type Journal = { version: string; dialect: string; entries: Entry[] }

/** What drizzle-kit keeps of the migrations in a folder, in order. */
export function journalOf(folder: string): Journal {
  return JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'))
}

/** A folder of our migrations, and behind them these, by name; of the test's own. */
export function plantMigrations(t: Test, planted: Record<string, string>): string {
  const folder = t.testdir()
  cpSync(MIGRATIONS, folder, { recursive: true })
  const journal = journalOf(folder)
  const entries = [...journal.entries]
  const newest = entries.at(-1)
  if (!newest) throw new Error('There are no migrations.')
  for (const [name, text] of Object.entries(planted)) {
    const idx = entries.length
    const tag = `${String(idx).padStart(4, '0')}_${name}`
    entries.push({ ...newest, idx, tag, when: newest.when + idx })
    writeFileSync(join(folder, `${tag}.sql`), text)
  }
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }))
  return folder
}

/**
 * How a schema grows under a running service, each way of docs/operating.md once: a new column and the
 * views that show it, NOT NULL in two steps, a foreign key in two, a table, indexes, a column filled.
 */
export const EXPANSION: Record<string, string> = {
  dek_column: `
ALTER TABLE articles ADD COLUMN dek text;
--> statement-breakpoint
ALTER TABLE articles ADD COLUMN rank integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
ALTER TABLE articles ADD COLUMN desk_id uuid;
`,
  desks: `
CREATE TABLE desks (id uuid PRIMARY KEY NOT NULL, name text NOT NULL, article_id uuid);
--> statement-breakpoint
CREATE INDEX desks_name_idx ON desks (name);
--> statement-breakpoint
ALTER TABLE desks ADD CONSTRAINT desks_article_id_fkey FOREIGN KEY (article_id) REFERENCES articles (id);
`,
  // Before the check: the version before writes articles without one until then.
  dek_trigger: `
CREATE FUNCTION articles_have_a_dek() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.dek := coalesce(NEW.dek, ''); RETURN NEW; END $$;
--> statement-breakpoint
CREATE TRIGGER articles_have_a_dek BEFORE INSERT OR UPDATE ON articles
  FOR EACH ROW EXECUTE FUNCTION articles_have_a_dek();
`,
  desk_of_an_article: `
ALTER TABLE articles ADD CONSTRAINT articles_desk_id_fkey FOREIGN KEY (desk_id) REFERENCES desks (id) NOT VALID;
--> statement-breakpoint
ALTER TABLE articles ADD CONSTRAINT articles_dek_check CHECK (dek IS NOT NULL) NOT VALID;
`,
  deks_filled: `-- no transaction
DO $$
DECLARE last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  LOOP
    WITH batch AS (SELECT id FROM articles WHERE id > last ORDER BY id LIMIT 500),
      filled AS (UPDATE articles SET dek = '' WHERE id IN (SELECT id FROM batch) AND dek IS NULL)
    SELECT max(id::text)::uuid INTO last FROM batch;
    EXIT WHEN last IS NULL;
    COMMIT;
  END LOOP;
END $$;
`,
  deks_checked: `
ALTER TABLE articles VALIDATE CONSTRAINT articles_dek_check;
--> statement-breakpoint
ALTER TABLE articles VALIDATE CONSTRAINT articles_desk_id_fkey;
`,
  dek_not_null: `
-- squawk-ignore adding-not-nullable-field
ALTER TABLE articles ALTER COLUMN dek SET NOT NULL;
--> statement-breakpoint
ALTER TABLE articles DROP CONSTRAINT articles_dek_check;
`,
  indexes: `-- no transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS articles_dek_idx ON articles (dek, id);
--> statement-breakpoint
CREATE INDEX CONCURRENTLY IF NOT EXISTS articles_desk_id_idx ON articles (desk_id) WHERE desk_id IS NOT NULL;
`,
}

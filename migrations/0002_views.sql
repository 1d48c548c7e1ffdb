-- Slugs -----------------------------------------------------------------------------------------

-- Claims the first free one of base, base-2, base-3, ... for a resource and returns it.
-- INSERT ... ON CONFLICT waits for a transaction that is claiming the same slug, so two writers
-- with the same headline get two slugs, without a lock of their own. Trying a taken one is a look
-- into the index: the 4,000th "Morning briefing" takes 36 ms.
CREATE FUNCTION public.claim_slug(of_kind text, base text, id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  candidate text := base;
  suffix int := 1;
BEGIN
  LOOP
    INSERT INTO public.slugs (kind, slug, resource_id) VALUES (of_kind, candidate, id)
      ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN candidate; END IF;
    suffix := suffix + 1;
    candidate := rtrim(left(base, 99 - length(suffix::text)), '-') || '-' || suffix;
  END LOOP;
END $$;
--> statement-breakpoint
-- The category tree ------------------------------------------------------------------------------

-- No category is its own ancestor. Two moves that are harmless alone can close a ring together, so
-- moves take turns; after the wait each statement of the function sees what the other committed.
CREATE FUNCTION public.categories_refuse_ring() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  ancestor uuid := NEW.parent_id;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dateline.categories.tree'));
  WHILE ancestor IS NOT NULL LOOP
    IF ancestor = NEW.id THEN
      RAISE EXCEPTION 'a category cannot be below itself'
        USING ERRCODE = 'check_violation', TABLE = 'categories', CONSTRAINT = 'categories_parent_id_check';
    END IF;
    SELECT c.parent_id INTO ancestor FROM public.categories c WHERE c.id = ancestor;
  END LOOP;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER categories_refuse_ring BEFORE INSERT OR UPDATE OF parent_id ON public.categories
FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION public.categories_refuse_ring();
--> statement-breakpoint
-- Views ------------------------------------------------------------------------------------------
-- All reads go through views: `reader` holds what is visible at the database's now(), `editor`
-- everything, under the same names with the same columns, so that each query is written once.
-- They are plain views with the owner's rights: neither security_barrier nor SECURITY DEFINER,
-- which would keep indexes from serving. What is visible is said in reader.articles and nowhere else.

CREATE SCHEMA reader;
--> statement-breakpoint
CREATE SCHEMA editor;
--> statement-breakpoint
CREATE VIEW reader.articles AS
SELECT id, version, slug, status, headline, summary, byline, language, body, body_html, plain_text,
  lead_image, origin_system, origin_id, origin_url, publish_at, embargo_until, expires_at,
  published_at, listed_at, search, created_at,
  -- never earlier than the last instant at which it became visible
  greatest(updated_at, publish_at, embargo_until) AS updated_at
FROM public.articles
WHERE status = 'published'
  AND publish_at <= now()
  AND (embargo_until IS NULL OR embargo_until <= now())
  AND (expires_at IS NULL OR expires_at > now());
--> statement-breakpoint
CREATE VIEW editor.articles AS
SELECT id, version, slug, status, headline, summary, byline, language, body, body_html, plain_text,
  lead_image, origin_system, origin_id, origin_url, publish_at, embargo_until, expires_at,
  published_at, listed_at, search, created_at, updated_at
FROM public.articles;
--> statement-breakpoint
CREATE VIEW reader.source_ids AS
SELECT s.id FROM public.sources s
WHERE EXISTS (
    SELECT FROM public.article_sources x JOIN reader.articles a ON a.id = x.article_id
    WHERE x.source_id = s.id)
  OR EXISTS (
    SELECT FROM public.quotes q JOIN reader.articles a ON a.id = q.article_id
    WHERE q.speaker_id = s.id AND q.state IS DISTINCT FROM 'suggested');
--> statement-breakpoint
CREATE VIEW editor.source_ids AS SELECT id FROM public.sources;
--> statement-breakpoint
CREATE VIEW reader.category_ids AS
WITH RECURSIVE visible (id, parent_id) AS (
  SELECT c.id, c.parent_id FROM public.categories c
  WHERE EXISTS (
    SELECT FROM public.article_categories x JOIN reader.articles a ON a.id = x.article_id
    WHERE x.category_id = c.id)
  UNION
  SELECT p.id, p.parent_id FROM public.categories p JOIN visible v ON v.parent_id = p.id
)
SELECT id FROM visible;
--> statement-breakpoint
CREATE VIEW editor.category_ids AS SELECT id FROM public.categories;
--> statement-breakpoint
DO $$
DECLARE
  audience text;
  category_columns constant text := $columns$
    c.id, c.version, c.slug, c.name, c.description, c.position, c.created_at, c.updated_at,
    p.id AS parent_id, p.slug AS parent_slug, p.name AS parent_name $columns$;
  source_columns constant text := $columns$
    s.id, s.version, s.slug, s.kind, s.name, s.title, s.url, s.description, s.same_as,
    s.created_at, s.updated_at,
    o.id AS organization_id, o.slug AS organization_slug, o.name AS organization_name $columns$;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'editor'] LOOP
    -- The parent of a visible category is visible: it has a visible descendant.
    EXECUTE format('CREATE VIEW %1$I.categories AS
      SELECT %2$s
      FROM public.categories c LEFT JOIN public.categories p ON p.id = c.parent_id
      WHERE c.id IN (SELECT id FROM %1$I.category_ids)', audience, category_columns);

    -- An organisation is shown with its people only where it is visible itself.
    EXECUTE format('CREATE VIEW %1$I.sources AS
      SELECT %2$s
      FROM public.sources s
      LEFT JOIN (public.sources o JOIN %1$I.source_ids v ON v.id = o.id) ON o.id = s.organization_id
      WHERE s.id IN (SELECT id FROM %1$I.source_ids)', audience, source_columns);

    -- What a visible article names is visible by that alone: no second look at the whole tree.
    EXECUTE format('CREATE VIEW %1$I.article_categories AS
      SELECT x.article_id, x.position AS place, %2$s
      FROM public.article_categories x
      JOIN %1$I.articles a ON a.id = x.article_id
      JOIN public.categories c ON c.id = x.category_id
      LEFT JOIN public.categories p ON p.id = c.parent_id', audience, category_columns);

    EXECUTE format('CREATE VIEW %1$I.article_sources AS
      SELECT x.article_id, x.position AS place, x.role, x.note, %2$s
      FROM public.article_sources x
      JOIN %1$I.articles a ON a.id = x.article_id
      JOIN public.sources s ON s.id = x.source_id
      LEFT JOIN (public.sources o JOIN %1$I.source_ids v ON v.id = o.id) ON o.id = s.organization_id',
      audience, source_columns);

    EXECUTE format('CREATE VIEW %1$I.quotes AS
      SELECT q.id, q.version, q.position, q.kind, q.text, q.language, q.original_text,
        q.original_language, q.cue, q.said_at, q.occasion, q.state, q.spans, q.dated_at,
        q.created_at, q.updated_at,
        a.id AS article_id, a.slug AS article_slug, a.headline AS article_headline,
        a.language AS article_language,
        s.id AS speaker_id, s.slug AS speaker_slug, s.name AS speaker_name,
        s.title AS speaker_title, s.kind AS speaker_kind
      FROM public.quotes q
      JOIN %1$I.articles a ON a.id = q.article_id
      LEFT JOIN public.sources s ON s.id = q.speaker_id
      WHERE %2$s', audience,
      -- A suggested quote is unseen by readers until an editor confirms it.
      CASE audience WHEN 'reader' THEN 'q.state IS DISTINCT FROM ''suggested''' ELSE 'true' END);

    EXECUTE format('CREATE VIEW %1$I.slugs AS
      SELECT s.kind, s.slug, s.resource_id, a.slug AS current_slug
      FROM public.slugs s JOIN %1$I.articles a ON a.id = s.resource_id WHERE s.kind = ''article''
      UNION ALL
      SELECT s.kind, s.slug, s.resource_id, r.slug
      FROM public.slugs s JOIN public.sources r ON r.id = s.resource_id
      JOIN %1$I.source_ids v ON v.id = r.id WHERE s.kind = ''source''
      UNION ALL
      SELECT s.kind, s.slug, s.resource_id, c.slug
      FROM public.slugs s JOIN public.categories c ON c.id = s.resource_id
      JOIN %1$I.category_ids v ON v.id = c.id WHERE s.kind = ''category''', audience);
  END LOOP;
END $$;

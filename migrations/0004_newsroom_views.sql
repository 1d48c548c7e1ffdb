-- Trusted since PostgreSQL 13: an owner of the database who is no superuser may make it too.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
--> statement-breakpoint
CREATE INDEX quotes_text_trgm_idx ON public.quotes USING gin (text public.gin_trgm_ops);
--> statement-breakpoint
-- What the sweep looks for: published articles that readers were not yet told of, and announced ones
-- that will expire or were put back under embargo.
CREATE INDEX articles_unannounced_idx ON public.articles (publish_at)
  WHERE status = 'published' AND NOT announced;
--> statement-breakpoint
CREATE INDEX articles_announced_expires_at_idx ON public.articles (expires_at)
  WHERE announced AND expires_at IS NOT NULL;
--> statement-breakpoint
-- Articles that are visible already count as announced, and what readers see by now as seen.
UPDATE public.articles SET announced = true WHERE id IN (SELECT id FROM reader.articles);
--> statement-breakpoint
INSERT INTO public.sightings (kind, resource_id)
SELECT 'quote', id FROM reader.quotes
UNION ALL SELECT 'source', id FROM reader.source_ids
UNION ALL SELECT 'category', id FROM reader.category_ids;
--> statement-breakpoint
UPDATE public.slugs SET seen = true WHERE (kind, slug) IN (SELECT kind, slug FROM reader.slugs);
--> statement-breakpoint
-- Slugs ------------------------------------------------------------------------------------------

-- A slug that readers could see an article under goes on leading to it; one that it had only while
-- hidden does not, since it may tell a headline that was never published.
CREATE FUNCTION public.articles_keep_seen_slug() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.slugs SET seen = true WHERE kind = 'article' AND slug = OLD.slug AND NOT seen;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER articles_keep_seen_slug AFTER UPDATE ON public.articles
FOR EACH ROW WHEN (
  (OLD.slug <> NEW.slug OR OLD.status <> NEW.status OR OLD.announced <> NEW.announced)
  AND (OLD.announced OR (OLD.status = 'published'
    AND greatest(OLD.publish_at, OLD.embargo_until) <= clock_timestamp())))
EXECUTE FUNCTION public.articles_keep_seen_slug();
--> statement-breakpoint
-- The same for sources and categories, which a visible article shows.
CREATE FUNCTION public.keep_seen_slug() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.slugs s SET seen = true
  WHERE s.kind = TG_ARGV[0] AND s.slug = OLD.slug AND NOT s.seen
    AND EXISTS (SELECT FROM public.sightings g WHERE g.kind = s.kind AND g.resource_id = OLD.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER sources_keep_seen_slug AFTER UPDATE OF slug ON public.sources
FOR EACH ROW WHEN (OLD.slug <> NEW.slug) EXECUTE FUNCTION public.keep_seen_slug('source');
--> statement-breakpoint
CREATE TRIGGER categories_keep_seen_slug AFTER UPDATE OF slug ON public.categories
FOR EACH ROW WHEN (OLD.slug <> NEW.slug) EXECUTE FUNCTION public.keep_seen_slug('category');
--> statement-breakpoint
CREATE TRIGGER sources_keep_last_slug AFTER DELETE ON public.sources
FOR EACH ROW EXECUTE FUNCTION public.keep_seen_slug('source');
--> statement-breakpoint
CREATE TRIGGER categories_keep_last_slug AFTER DELETE ON public.categories
FOR EACH ROW EXECUTE FUNCTION public.keep_seen_slug('category');
--> statement-breakpoint
-- The ledger -------------------------------------------------------------------------------------

-- Gives the committed rows that have none their positions, in the order of insertion, under one lock;
-- at most 10,000 at a time (300,000 at once took 9 s), the rest with the next call. Whoever reads the
-- ledger calls it first, and the sweep each second. A number taken inside the writing transaction would skip
-- (who took it first may commit last); xmin order would invert two versions of one article and wait
-- for every long transaction of the server. SECURITY DEFINER because nobody else may update a row:
-- the ledger is append-only for the roles of the service.
CREATE FUNCTION public.number_changes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.changes WHERE position IS NULL) THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('dateline.changes.numbering'));
  UPDATE public.changes c SET position = n.position
  FROM (
    SELECT u.id, coalesce((SELECT max(m.position) FROM public.changes m), 0)
      + row_number() OVER (ORDER BY u.id) AS position
    FROM (SELECT id FROM public.changes WHERE position IS NULL ORDER BY id LIMIT 10000) u
  ) n WHERE n.id = c.id;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.number_changes() FROM PUBLIC;
--> statement-breakpoint
-- Views ------------------------------------------------------------------------------------------

-- Readers do not learn that a quote was suggested, not even its id, and not after it was dismissed.
CREATE VIEW reader.corrections AS
SELECT c.id, c.article_id, c.kind, c.text, c.at, c.from_version, c.to_version, c.block,
  CASE WHEN EXISTS (
    SELECT FROM public.quotes q WHERE q.id = c.quote_id AND q.state IS DISTINCT FROM 'suggested'
    UNION ALL
    SELECT FROM public.sightings g WHERE g.kind = 'quote' AND g.resource_id = c.quote_id
  ) THEN c.quote_id END AS quote_id
FROM public.corrections c JOIN reader.articles a ON a.id = c.article_id;
--> statement-breakpoint
CREATE VIEW editor.corrections AS
SELECT c.id, c.article_id, c.kind, c.text, c.at, c.from_version, c.to_version, c.block, c.quote_id
FROM public.corrections c;
--> statement-breakpoint
DO $$
DECLARE
  audience text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'editor'] LOOP
    -- The columns of 0002 and, new at the end, the corrections of the quote.
    EXECUTE format('CREATE OR REPLACE VIEW %1$I.quotes AS
      SELECT q.id, q.version, q.position, q.kind, q.text, q.language, q.original_text,
        q.original_language, q.cue, q.said_at, q.occasion, q.state, q.spans, q.dated_at,
        q.created_at, q.updated_at,
        a.id AS article_id, a.slug AS article_slug, a.headline AS article_headline,
        a.language AS article_language,
        s.id AS speaker_id, s.slug AS speaker_slug, s.name AS speaker_name,
        s.title AS speaker_title, s.kind AS speaker_kind,
        (SELECT coalesce(json_agg(c ORDER BY c.at, c.id), ''[]'') FROM %1$I.corrections c
         WHERE c.quote_id = q.id) AS corrections
      FROM public.quotes q
      JOIN %1$I.articles a ON a.id = q.article_id
      LEFT JOIN public.sources s ON s.id = q.speaker_id
      WHERE %2$s', audience,
      CASE audience WHEN 'reader' THEN 'q.state IS DISTINCT FROM ''suggested''' ELSE 'true' END);
  END LOOP;
END $$;
--> statement-breakpoint
-- What was visible and is not: its notice and since when, and not a word of its text. For ever.
CREATE VIEW reader.gone AS
-- The notice of a kill stays when the article is revived, until it is published again.
SELECT 'article' AS kind, a.id AS resource_id, a.notice, a.legal,
  CASE WHEN a.status = 'published' AND a.expires_at <= now() THEN a.expires_at
    ELSE coalesce(a.gone_at, a.updated_at) END AS since
FROM public.articles a
WHERE (a.first_visible_at IS NOT NULL
    OR (a.status = 'published' AND greatest(a.publish_at, a.embargo_until) <= now()))
  AND NOT EXISTS (SELECT FROM reader.articles v WHERE v.id = a.id)
UNION ALL
SELECT s.kind, s.resource_id, NULL, false, coalesce(s.gone_at, date_trunc('second', now()))
FROM public.sightings s
WHERE CASE s.kind
  WHEN 'quote' THEN NOT EXISTS (SELECT FROM reader.quotes q WHERE q.id = s.resource_id)
  WHEN 'source' THEN NOT EXISTS (SELECT FROM reader.source_ids v WHERE v.id = s.resource_id)
  ELSE NOT EXISTS (SELECT FROM reader.category_ids v WHERE v.id = s.resource_id) END;
--> statement-breakpoint
-- The slugs that readers knew it under.
CREATE VIEW reader.gone_slugs AS
SELECT s.kind, s.slug, s.resource_id
FROM public.slugs s JOIN reader.gone g ON g.kind = s.kind AND g.resource_id = s.resource_id
WHERE s.seen
  -- What time alone has hidden, and nobody has changed since.
  OR EXISTS (SELECT FROM public.articles a
    WHERE a.id = s.resource_id AND a.slug = s.slug AND (a.announced OR a.status = 'published'))
  OR (s.kind <> 'article' AND EXISTS (
    SELECT FROM public.sources r WHERE r.id = s.resource_id AND r.slug = s.slug
    UNION ALL
    SELECT FROM public.categories c WHERE c.id = s.resource_id AND c.slug = s.slug));
--> statement-breakpoint
CREATE OR REPLACE VIEW reader.slugs AS
SELECT s.kind, s.slug, s.resource_id, a.slug AS current_slug
FROM public.slugs s JOIN reader.articles a ON a.id = s.resource_id
WHERE s.kind = 'article' AND (s.seen OR s.slug = a.slug)
UNION ALL
SELECT s.kind, s.slug, s.resource_id, r.slug
FROM public.slugs s JOIN public.sources r ON r.id = s.resource_id
JOIN reader.source_ids v ON v.id = r.id
WHERE s.kind = 'source' AND (s.seen OR s.slug = r.slug)
UNION ALL
SELECT s.kind, s.slug, s.resource_id, c.slug
FROM public.slugs s JOIN public.categories c ON c.id = s.resource_id
JOIN reader.category_ids v ON v.id = c.id
WHERE s.kind = 'category' AND (s.seen OR s.slug = c.slug);
--> statement-breakpoint
CREATE VIEW editor.revisions AS
SELECT r.article_id AS id, r.article_id, r.version, r.content, r.at, r.key_id, r.key_name, r.event,
  r.reason, r.request_id, r.purged_at
FROM public.revisions r;
--> statement-breakpoint
CREATE VIEW editor.changes AS
SELECT c.position, c.kind, c.resource_id, c.part_kind, c.part_id, c.operation, c.event,
  c.from_version, c.to_version, c.key_id, c.key_name, c.reason, c.request_id, c.at
FROM public.changes c WHERE c.position IS NOT NULL;
--> statement-breakpoint
-- Every article that was there before revisions were kept begins with the one it is at.
INSERT INTO public.revisions (article_id, version, content, at, key_name, event)
SELECT a.id, a.version,
  to_jsonb(a) - 'search' - 'listed_at' - 'body_html' - 'plain_text' || jsonb_build_object(
    'category_slug', (SELECT x.slug FROM editor.article_categories x
      WHERE x.article_id = a.id ORDER BY x.place LIMIT 1),
    'categories', (SELECT coalesce(jsonb_agg(x ORDER BY x.place), '[]')
      FROM editor.article_categories x WHERE x.article_id = a.id),
    'sources', (SELECT coalesce(jsonb_agg(x ORDER BY x.place), '[]')
      FROM editor.article_sources x WHERE x.article_id = a.id),
    'quotes', (SELECT coalesce(jsonb_agg(x ORDER BY x.position), '[]')
      FROM editor.quotes x WHERE x.article_id = a.id),
    'corrections', '[]'::jsonb),
  a.updated_at, 'migration', 'article.updated'
FROM editor.articles a;

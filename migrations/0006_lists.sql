CREATE TABLE "article_listings" (
	"kind" text NOT NULL,
	"resource_id" uuid NOT NULL,
	"article_id" uuid NOT NULL,
	"listed_at" timestamp (3) with time zone NOT NULL,
	"for_readers" boolean NOT NULL,
	CONSTRAINT "article_listings_pkey" PRIMARY KEY("article_id","kind","resource_id"),
	CONSTRAINT "article_listings_kind_check" CHECK ("article_listings"."kind" in ('category', 'source', 'speaker'))
);
--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "search_language" text DEFAULT '' NOT NULL;--> statement-breakpoint
-- Before the column that is made of it, so that the vectors are made once.
UPDATE public.quotes q SET search_language = coalesce(q.language, a.language)
FROM public.articles a WHERE a.id = q.article_id;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (public.search_vector(search_language, text, null, null)) STORED NOT NULL;--> statement-breakpoint
CREATE INDEX "article_listings_listed_at_idx" ON "article_listings" USING btree ("kind","resource_id","listed_at" DESC NULLS FIRST,"article_id" DESC NULLS FIRST) WHERE for_readers;--> statement-breakpoint
CREATE INDEX "article_listings_all_listed_at_idx" ON "article_listings" USING btree ("kind","resource_id","listed_at" DESC NULLS FIRST,"article_id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "quotes_created_at_id_idx" ON "quotes" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "quotes_search_idx" ON "quotes" USING gin ("search") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "sources_created_at_id_idx" ON "sources" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "sources_name_trgm_idx" ON "sources" USING gin (name public.gin_trgm_ops) WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "sources_name_words_idx" ON "sources" USING gin (to_tsvector('pg_catalog.simple', name)) WITH (fastupdate=false);--> statement-breakpoint
-- Entries that are still in the pending list stay there until they are cleaned out.
ALTER INDEX public.quotes_text_trgm_idx SET (fastupdate = off);--> statement-breakpoint
SELECT gin_clean_pending_list('public.quotes_text_trgm_idx');
--> statement-breakpoint
-- The language a quote is searched in ---------------------------------------------------------------

CREATE FUNCTION public.quotes_set_search_language() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_language := coalesce(NEW.language,
    (SELECT a.language FROM public.articles a WHERE a.id = NEW.article_id), '');
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER quotes_set_search_language BEFORE INSERT OR UPDATE OF language ON public.quotes
FOR EACH ROW EXECUTE FUNCTION public.quotes_set_search_language();
--> statement-breakpoint
CREATE FUNCTION public.articles_pass_on_language() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.quotes SET search_language = NEW.language
  WHERE article_id = NEW.id AND language IS NULL;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER articles_pass_on_language AFTER UPDATE OF language ON public.articles
FOR EACH ROW WHEN (OLD.language IS DISTINCT FROM NEW.language)
EXECUTE FUNCTION public.articles_pass_on_language();
--> statement-breakpoint
-- Listings ---------------------------------------------------------------------------------------
-- article_listings is what these tables say, kept by triggers in the transaction of each write, so
-- that no command, import or merge can forget it. They rely on two locks that every write takes
-- first: of the article's row (src/articles/lock.ts), and of the category tree, which whoever files
-- an article shares and whoever moves a category has alone: without it a move and a filing at the
-- same time would each miss the other.

-- A category and all above it.
CREATE FUNCTION public.categories_above(category uuid) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  WITH RECURSIVE up (id, parent_id) AS (
    SELECT c.id, c.parent_id FROM public.categories c WHERE c.id = category
    UNION ALL SELECT c.id, c.parent_id FROM public.categories c JOIN up u ON c.id = u.parent_id
  ) SELECT u.id FROM up u
$$;
--> statement-breakpoint
-- The same for all categories at once: some thousand rows, for statements about many articles.
CREATE VIEW editor.category_paths AS
WITH RECURSIVE up (category_id, ancestor_id, parent_id) AS (
  SELECT c.id, c.id, c.parent_id FROM public.categories c
  UNION ALL SELECT u.category_id, c.id, c.parent_id FROM up u JOIN public.categories c ON c.id = u.parent_id
) SELECT category_id, ancestor_id FROM up;
--> statement-breakpoint
CREATE FUNCTION public.share_category_tree() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('dateline.categories.tree'));
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Before the rows: their foreign keys hold the category, for which a merge would wait in turn.
CREATE TRIGGER article_categories_share_tree BEFORE INSERT OR UPDATE OR DELETE
ON public.article_categories FOR EACH STATEMENT EXECUTE FUNCTION public.share_category_tree();
--> statement-breakpoint
CREATE FUNCTION public.list_under_categories() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM public.article_listings l
    WHERE l.kind = 'category' AND l.article_id IN (SELECT t.article_id FROM touched t)
      AND NOT EXISTS (
        SELECT FROM public.article_categories x, public.categories_above(x.category_id) up
        WHERE x.article_id = l.article_id AND up.id = l.resource_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public.article_listings (kind, resource_id, article_id, listed_at, for_readers)
    SELECT DISTINCT 'category', up.id, a.id, a.listed_at, a.status = 'published'
    FROM touched t
    JOIN public.articles a ON a.id = t.article_id,
      public.categories_above(t.category_id) up
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION public.list_under_sources() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM public.article_listings l
    WHERE l.kind = 'source' AND l.article_id IN (SELECT t.article_id FROM touched t)
      AND NOT EXISTS (
        SELECT FROM public.article_sources x
        WHERE x.article_id = l.article_id AND x.source_id = l.resource_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public.article_listings (kind, resource_id, article_id, listed_at, for_readers)
    SELECT 'source', t.source_id, a.id, a.listed_at, a.status = 'published'
    FROM touched t JOIN public.articles a ON a.id = t.article_id
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Quotes are rewritten whenever their place in the text moves; what is listed seldom changes by it.
CREATE FUNCTION public.list_under_speakers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM FROM was w JOIN touched t USING (id)
    WHERE w.speaker_id IS DISTINCT FROM t.speaker_id
      OR coalesce(w.state = 'suggested', false) <> coalesce(t.state = 'suggested', false);
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM public.article_listings l
    WHERE l.kind = 'speaker' AND l.article_id IN (SELECT t.article_id FROM touched t)
      AND NOT EXISTS (
        SELECT FROM public.quotes q
        WHERE q.article_id = l.article_id AND q.speaker_id = l.resource_id);
  END IF;
  INSERT INTO public.article_listings AS l (kind, resource_id, article_id, listed_at, for_readers)
  SELECT 'speaker', q.speaker_id, a.id, a.listed_at,
    a.status = 'published' AND bool_or(q.state IS DISTINCT FROM 'suggested')
  FROM public.articles a JOIN public.quotes q ON q.article_id = a.id
  WHERE a.id IN (SELECT t.article_id FROM touched t) AND q.speaker_id IS NOT NULL
  GROUP BY q.speaker_id, a.id
  ON CONFLICT (article_id, kind, resource_id) DO UPDATE SET for_readers = excluded.for_readers
    WHERE l.for_readers <> excluded.for_readers;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A transition table is of one event, so there is a trigger for each; the article of a row in these
-- tables never changes.
DO $$
DECLARE
  base text;
  listing text;
BEGIN
  FOR base, listing IN VALUES ('article_categories', 'list_under_categories'),
    ('article_sources', 'list_under_sources'), ('quotes', 'list_under_speakers')
  LOOP
    EXECUTE format('CREATE TRIGGER %1$s_list_inserted AFTER INSERT ON public.%1$I
      REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.%2$I()', base, listing);
    EXECUTE format('CREATE TRIGGER %1$s_list_updated AFTER UPDATE ON public.%1$I
      REFERENCING OLD TABLE AS was NEW TABLE AS touched
      FOR EACH STATEMENT EXECUTE FUNCTION public.%2$I()', base, listing);
    EXECUTE format('CREATE TRIGGER %1$s_list_deleted AFTER DELETE ON public.%1$I
      REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.%2$I()', base, listing);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE FUNCTION public.list_article_anew() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.article_listings l SET listed_at = NEW.listed_at,
    for_readers = NEW.status = 'published' AND (l.kind <> 'speaker' OR EXISTS (
      SELECT FROM public.quotes q
      WHERE q.article_id = NEW.id AND q.speaker_id = l.resource_id
        AND q.state IS DISTINCT FROM 'suggested'))
  WHERE l.article_id = NEW.id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER articles_share_tree BEFORE UPDATE OF status, published_at
ON public.articles FOR EACH STATEMENT EXECUTE FUNCTION public.share_category_tree();
--> statement-breakpoint
CREATE TRIGGER articles_list_anew AFTER UPDATE OF status, published_at ON public.articles
FOR EACH ROW WHEN (OLD.listed_at <> NEW.listed_at
  OR (OLD.status = 'published') <> (NEW.status = 'published'))
EXECUTE FUNCTION public.list_article_anew();
--> statement-breakpoint
-- A category that moves takes its articles along: out of the lists above where it was, into those
-- above where it is.
CREATE FUNCTION public.list_moved_category() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dateline.categories.tree'));
  WITH paths AS MATERIALIZED (SELECT category_id, ancestor_id FROM editor.category_paths)
  DELETE FROM public.article_listings l
  WHERE l.kind = 'category'
    AND l.article_id IN (
      SELECT m.article_id FROM public.article_listings m
      WHERE m.kind = 'category' AND m.resource_id = NEW.id)
    AND NOT EXISTS (
      SELECT FROM public.article_categories x JOIN paths p ON p.category_id = x.category_id
      WHERE x.article_id = l.article_id AND p.ancestor_id = l.resource_id);
  INSERT INTO public.article_listings (kind, resource_id, article_id, listed_at, for_readers)
  SELECT 'category', up.id, m.article_id, m.listed_at, m.for_readers
  FROM public.article_listings m, public.categories_above(NEW.parent_id) up
  WHERE m.kind = 'category' AND m.resource_id = NEW.id
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER categories_list_moved AFTER UPDATE OF parent_id ON public.categories
FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id)
EXECUTE FUNCTION public.list_moved_category();
--> statement-breakpoint
-- All listings, made from nothing: for this migration, and for whoever loads tables with their
-- triggers off.
CREATE FUNCTION public.rebuild_article_listings() RETURNS void
LANGUAGE sql AS $$
  DELETE FROM public.article_listings;
  INSERT INTO public.article_listings (kind, resource_id, article_id, listed_at, for_readers)
  SELECT DISTINCT 'category', p.ancestor_id, a.id, a.listed_at, a.status = 'published'
  FROM public.articles a
  JOIN public.article_categories x ON x.article_id = a.id
  JOIN editor.category_paths p ON p.category_id = x.category_id
  UNION ALL
  SELECT 'source', x.source_id, a.id, a.listed_at, a.status = 'published'
  FROM public.articles a JOIN public.article_sources x ON x.article_id = a.id
  UNION ALL
  SELECT 'speaker', q.speaker_id, a.id, a.listed_at,
    a.status = 'published' AND bool_or(q.state IS DISTINCT FROM 'suggested')
  FROM public.articles a JOIN public.quotes q ON q.article_id = a.id
  WHERE q.speaker_id IS NOT NULL
  GROUP BY q.speaker_id, a.id
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.rebuild_article_listings() FROM PUBLIC;
--> statement-breakpoint
SELECT public.rebuild_article_listings();
--> statement-breakpoint
-- Without these the planner takes "in English" for one article in two hundred, and sorts all of a
-- category rather than walk its list.
CREATE STATISTICS public.articles_language_stat ON (lower(language)) FROM public.articles;
--> statement-breakpoint
-- Views ------------------------------------------------------------------------------------------

-- A source or category is visible when a visible article lists it: one look into the index, where
-- the tree had to be climbed from every article before.
-- A sub-select with LIMIT, because EXISTS would be turned into a join, which for a large category is
-- planned over all its articles.
CREATE OR REPLACE VIEW reader.source_ids AS
SELECT s.id FROM public.sources s
WHERE (SELECT true FROM public.article_listings l JOIN reader.articles a ON a.id = l.article_id
    WHERE l.kind = 'source' AND l.resource_id = s.id AND l.for_readers LIMIT 1)
  OR (SELECT true FROM public.article_listings l JOIN reader.articles a ON a.id = l.article_id
    WHERE l.kind = 'speaker' AND l.resource_id = s.id AND l.for_readers LIMIT 1);
--> statement-breakpoint
CREATE OR REPLACE VIEW reader.category_ids AS
SELECT c.id FROM public.categories c
WHERE (SELECT true FROM public.article_listings l JOIN reader.articles a ON a.id = l.article_id
  WHERE l.kind = 'category' AND l.resource_id = c.id AND l.for_readers LIMIT 1);
--> statement-breakpoint
DO $$
DECLARE
  audience text;
  article_columns text;
  quote_columns constant text := $columns$
    q.id, q.version, q.position, q.kind, q.text, q.language, q.original_text,
    q.original_language, q.cue, q.said_at, q.occasion, q.state, q.spans, q.dated_at,
    q.created_at, q.updated_at,
    q.article_id, a.slug AS article_slug, a.headline AS article_headline,
    a.language AS article_language,
    q.speaker_id, s.slug AS speaker_slug, s.name AS speaker_name,
    s.title AS speaker_title, s.kind AS speaker_kind $columns$;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'editor'] LOOP
    EXECUTE format('CREATE VIEW %1$I.article_listings AS
      SELECT l.kind, l.resource_id, l.article_id, l.listed_at
      FROM public.article_listings l JOIN %1$I.articles a ON a.id = l.article_id
      WHERE %2$s', audience,
      CASE audience WHEN 'reader' THEN 'l.for_readers' ELSE 'true' END);

    -- Articles as what lists them has them: date and id are the listing's own, so that one index
    -- gives both which articles and in which order.
    SELECT string_agg('a.' || quote_ident(column_name), ', ' ORDER BY ordinal_position)
      INTO article_columns
      FROM information_schema.columns
      WHERE table_schema = audience AND table_name = 'articles'
        AND column_name NOT IN ('id', 'listed_at');
    EXECUTE format('CREATE VIEW %1$I.listed_articles AS
      SELECT l.kind AS listing_kind, l.resource_id AS listing_id, l.article_id AS id, l.listed_at, %2$s
      FROM public.article_listings l JOIN %1$I.articles a ON a.id = l.article_id
      WHERE %3$s', audience, article_columns,
      CASE audience WHEN 'reader' THEN 'l.for_readers' ELSE 'true' END);

    -- As in 0004, but the ids are the quote's own columns, which its indexes hold, and the corrections
    -- come from their table: a quote that is seen hides none, and the view's CASE keeps the index idle.
    EXECUTE format('CREATE OR REPLACE VIEW %1$I.quotes AS
      SELECT %3$s,
        (SELECT coalesce(json_agg(c ORDER BY c.at, c.id), ''[]'') FROM (
          SELECT k.id, k.article_id, k.kind, k.text, k.at, k.from_version, k.to_version, k.block,
            k.quote_id
          FROM public.corrections k WHERE k.quote_id = q.id) c) AS corrections
      FROM public.quotes q
      JOIN %1$I.articles a ON a.id = q.article_id
      LEFT JOIN public.sources s ON s.id = q.speaker_id
      WHERE %2$s', audience,
      CASE audience WHEN 'reader' THEN 'q.state IS DISTINCT FROM ''suggested''' ELSE 'true' END,
      quote_columns);

    -- The same with what is searched, which would be a burden wherever whole rows are made JSON.
    EXECUTE format('CREATE VIEW %1$I.searched_quotes AS
      SELECT %3$s,
        (SELECT coalesce(json_agg(c ORDER BY c.at, c.id), ''[]'') FROM (
          SELECT k.id, k.article_id, k.kind, k.text, k.at, k.from_version, k.to_version, k.block,
            k.quote_id
          FROM public.corrections k WHERE k.quote_id = q.id) c) AS corrections,
        q.search, q.search_language
      FROM public.quotes q
      JOIN %1$I.articles a ON a.id = q.article_id
      LEFT JOIN public.sources s ON s.id = q.speaker_id
      WHERE %2$s', audience,
      CASE audience WHEN 'reader' THEN 'q.state IS DISTINCT FROM ''suggested''' ELSE 'true' END,
      quote_columns);
  END LOOP;
END $$;

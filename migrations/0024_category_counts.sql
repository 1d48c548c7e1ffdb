CREATE TABLE "category_count_changes" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "category_count_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"category_id" uuid NOT NULL,
	"articles" integer NOT NULL,
	"published" integer NOT NULL,
	CONSTRAINT "category_count_changes_pkey" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "category_counts" (
	"category_id" uuid PRIMARY KEY NOT NULL,
	"articles" integer DEFAULT 0 NOT NULL,
	"published" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "category_counts" ADD CONSTRAINT "category_counts_category_id_fkey" FOREIGN KEY ("category_id") REFERENCES "public"."categories"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "category_count_changes_category_id_idx" ON "category_count_changes" USING btree ("category_id");
--> statement-breakpoint
-- A menu with counts passed over all that is listed: at a million articles 10 s, longer than a statement may take.
-- Counts of categories are now kept as those of quotes are (0017_quote_counts): each write notes by how much it
-- moves one, which is added a second later; an answer adds what is not.

CREATE FUNCTION public.count_listed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO public.category_count_changes (category_id, articles, published)
    SELECT c.resource_id, count(*), count(*) FILTER (WHERE c.for_readers)
    FROM came c WHERE c.kind = 'category' GROUP BY c.resource_id;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO public.category_count_changes (category_id, articles, published)
    SELECT w.resource_id, -count(*), -count(*) FILTER (WHERE w.for_readers)
    FROM went w WHERE w.kind = 'category' GROUP BY w.resource_id;
  ELSE
    -- Listings are written anew whenever their date moves; no count moves by it.
    INSERT INTO public.category_count_changes (category_id, articles, published)
    SELECT m.resource_id, 0, sum(m.sign) FROM (
      SELECT c.resource_id, 1 AS sign FROM came c WHERE c.kind = 'category' AND c.for_readers
      UNION ALL SELECT w.resource_id, -1 FROM went w WHERE w.kind = 'category' AND w.for_readers
    ) m GROUP BY m.resource_id HAVING sum(m.sign) <> 0;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A transition table is of one event, so there is a trigger for each.
CREATE TRIGGER article_listings_count_inserted AFTER INSERT ON public.article_listings
  REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION public.count_listed();
--> statement-breakpoint
CREATE TRIGGER article_listings_count_updated AFTER UPDATE ON public.article_listings
  REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION public.count_listed();
--> statement-breakpoint
CREATE TRIGGER article_listings_count_deleted AFTER DELETE ON public.article_listings
  REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION public.count_listed();
--> statement-breakpoint
CREATE FUNCTION public.begin_category_count() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.category_counts (category_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER categories_begin_count AFTER INSERT ON public.categories
  FOR EACH ROW EXECUTE FUNCTION public.begin_category_count();
--> statement-breakpoint
-- Adds what has come first to the counts; of several who do so at a time, one.
CREATE FUNCTION public.add_category_counts() RETURNS void
LANGUAGE sql AS $$
  WITH came AS (
    DELETE FROM public.category_count_changes
    WHERE id < (SELECT min(id) + 10000 FROM public.category_count_changes)
      AND (SELECT pg_try_advisory_xact_lock(hashtext('dateline.categories.counts')))
    RETURNING category_id, articles, published
  ), sums AS (
    SELECT category_id, sum(articles)::integer AS articles, sum(published)::integer AS published
    FROM came GROUP BY category_id
  )
  UPDATE public.category_counts c
  SET articles = c.articles + s.articles, published = c.published + s.published
  FROM sums s WHERE s.category_id = c.category_id
$$;
--> statement-breakpoint
-- All counts, made from nothing: for the migration, and for whoever loads tables with their triggers off.
-- What has come and is not added yet is left out, for it will be.
CREATE FUNCTION public.rebuild_category_counts() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dateline.categories.counts'));
  -- Locked, for one that is deleted meanwhile would fail the foreign key.
  INSERT INTO public.category_counts (category_id)
  SELECT c.id FROM public.categories c
  WHERE NOT EXISTS (SELECT FROM public.category_counts k WHERE k.category_id = c.id) FOR KEY SHARE
  ON CONFLICT DO NOTHING;
  UPDATE public.category_counts k SET articles = n.articles, published = n.published
  FROM (
    SELECT k.category_id, coalesce(l.articles, 0) - coalesce(d.articles, 0) AS articles,
      coalesce(l.published, 0) - coalesce(d.published, 0) AS published
    FROM public.category_counts k
    LEFT JOIN (
      SELECT l.resource_id, count(*) AS articles, count(*) FILTER (WHERE l.for_readers) AS published
      FROM public.article_listings l WHERE l.kind = 'category'
      GROUP BY l.resource_id) l ON l.resource_id = k.category_id
    LEFT JOIN (
      SELECT c.category_id, sum(c.articles) AS articles, sum(c.published) AS published
      FROM public.category_count_changes c GROUP BY c.category_id) d ON d.category_id = k.category_id
  ) n WHERE n.category_id = k.category_id AND (k.articles, k.published) <> (n.articles, n.published);
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.rebuild_category_counts() FROM PUBLIC;
--> statement-breakpoint
-- The version before writes while the migrations after this one are applied; only then are all rights set
-- (src/db/roles.ts).
GRANT SELECT, INSERT, UPDATE, DELETE ON public.category_counts, public.category_count_changes TO dateline_editor;

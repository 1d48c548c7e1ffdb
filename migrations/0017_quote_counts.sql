CREATE TABLE "quote_count_changes" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "quote_count_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source_id" uuid NOT NULL,
	"quotes" integer NOT NULL,
	"announced" integer NOT NULL,
	CONSTRAINT "quote_count_changes_pkey" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "quote_counts" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"quotes" integer DEFAULT 0 NOT NULL,
	"announced" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "quote_counts" ADD CONSTRAINT "quote_counts_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "public"."sources"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "quote_count_changes_source_id_idx" ON "quote_count_changes" USING btree ("source_id");--> statement-breakpoint
CREATE INDEX "quote_counts_quotes_source_id_idx" ON "quote_counts" USING btree ("quotes","source_id");--> statement-breakpoint
CREATE INDEX "quote_counts_announced_source_id_idx" ON "quote_counts" USING btree ("announced","source_id");
--> statement-breakpoint
-- What comes ------------------------------------------------------------------------------------
-- By how much each write moves the count of a speaker, noted in its transaction: nobody waits for who
-- else quotes the same. A write that touches quotes or the announcement has the lock of the article's row
-- (src/articles/lock.ts), so what is read of it here stays so.

CREATE FUNCTION public.count_quotes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  -- Quotes are rewritten whenever their place in the text moves; no count moves by it.
  IF TG_OP = 'UPDATE' THEN
    PERFORM FROM went w JOIN came c USING (id)
    WHERE w.speaker_id IS DISTINCT FROM c.speaker_id
      OR coalesce(w.state = 'suggested', false) <> coalesce(c.state = 'suggested', false);
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO public.quote_count_changes (source_id, quotes, announced)
    SELECT q.speaker_id, -count(*),
      -count(*) FILTER (WHERE a.announced AND q.state IS DISTINCT FROM 'suggested')
    FROM went q LEFT JOIN public.articles a ON a.id = q.article_id
    WHERE q.speaker_id IS NOT NULL GROUP BY q.speaker_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public.quote_count_changes (source_id, quotes, announced)
    SELECT q.speaker_id, count(*),
      count(*) FILTER (WHERE a.announced AND q.state IS DISTINCT FROM 'suggested')
    FROM came q JOIN public.articles a ON a.id = q.article_id
    WHERE q.speaker_id IS NOT NULL GROUP BY q.speaker_id;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A transition table is of one event, so there is a trigger for each.
CREATE TRIGGER quotes_count_inserted AFTER INSERT ON public.quotes
  REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION public.count_quotes();
--> statement-breakpoint
CREATE TRIGGER quotes_count_updated AFTER UPDATE ON public.quotes
  REFERENCING OLD TABLE AS went NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION public.count_quotes();
--> statement-breakpoint
CREATE TRIGGER quotes_count_deleted AFTER DELETE ON public.quotes
  REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION public.count_quotes();
--> statement-breakpoint
-- An article that is announced, or no longer, with all its quotes; one that is deleted, while it has them.
CREATE FUNCTION public.count_quotes_announced() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  sign constant integer := CASE WHEN OLD.announced THEN -1 ELSE 1 END;
BEGIN
  INSERT INTO public.quote_count_changes (source_id, quotes, announced)
  SELECT q.speaker_id, 0, sign * count(*) FROM public.quotes q
  WHERE q.article_id = OLD.id AND q.speaker_id IS NOT NULL AND q.state IS DISTINCT FROM 'suggested'
  GROUP BY q.speaker_id;
  RETURN OLD;
END $$;
--> statement-breakpoint
CREATE TRIGGER articles_count_quotes_announced AFTER UPDATE OF announced ON public.articles
  FOR EACH ROW WHEN (OLD.announced <> NEW.announced) EXECUTE FUNCTION public.count_quotes_announced();
--> statement-breakpoint
CREATE TRIGGER articles_count_quotes_deleted BEFORE DELETE ON public.articles
  FOR EACH ROW WHEN (OLD.announced) EXECUTE FUNCTION public.count_quotes_announced();
--> statement-breakpoint
CREATE FUNCTION public.begin_quote_count() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.quote_counts (source_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER sources_begin_quote_count AFTER INSERT ON public.sources
  FOR EACH ROW EXECUTE FUNCTION public.begin_quote_count();
--> statement-breakpoint
-- What is counted --------------------------------------------------------------------------------

-- Adds what has come first to the counts; of several who do so at a time, one.
CREATE FUNCTION public.add_quote_counts() RETURNS void
LANGUAGE sql AS $$
  WITH came AS (
    DELETE FROM public.quote_count_changes
    WHERE id < (SELECT min(id) + 10000 FROM public.quote_count_changes)
      AND (SELECT pg_try_advisory_xact_lock(hashtext('dateline.quotes.counts')))
    RETURNING source_id, quotes, announced
  ), sums AS (
    SELECT source_id, sum(quotes)::integer AS quotes, sum(announced)::integer AS announced
    FROM came GROUP BY source_id
  )
  UPDATE public.quote_counts c
  SET quotes = c.quotes + s.quotes, announced = c.announced + s.announced
  FROM sums s WHERE s.source_id = c.source_id
$$;
--> statement-breakpoint
-- All counts, made from nothing: for the migration, and for whoever loads tables with their triggers off.
-- What has come and is not added yet is left out, for it will be.
CREATE FUNCTION public.rebuild_quote_counts() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('dateline.quotes.counts'));
  -- Locked, for one that is deleted meanwhile would fail the foreign key.
  INSERT INTO public.quote_counts (source_id)
  SELECT s.id FROM public.sources s
  WHERE NOT EXISTS (SELECT FROM public.quote_counts c WHERE c.source_id = s.id) FOR KEY SHARE
  ON CONFLICT DO NOTHING;
  UPDATE public.quote_counts c SET quotes = n.quotes, announced = n.announced
  FROM (
    SELECT s.source_id, coalesce(q.quotes, 0) - coalesce(d.quotes, 0) AS quotes,
      coalesce(q.announced, 0) - coalesce(d.announced, 0) AS announced
    FROM public.quote_counts s
    LEFT JOIN (
      SELECT q.speaker_id, count(*) AS quotes,
        count(*) FILTER (WHERE a.announced AND q.state IS DISTINCT FROM 'suggested') AS announced
      FROM public.quotes q JOIN public.articles a ON a.id = q.article_id
      GROUP BY q.speaker_id) q ON q.speaker_id = s.source_id
    LEFT JOIN (
      SELECT c.source_id, sum(c.quotes) AS quotes, sum(c.announced) AS announced
      FROM public.quote_count_changes c GROUP BY c.source_id) d ON d.source_id = s.source_id
  ) n WHERE n.source_id = c.source_id AND (c.quotes, c.announced) <> (n.quotes, n.announced);
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.rebuild_quote_counts() FROM PUBLIC;
--> statement-breakpoint
-- Views ------------------------------------------------------------------------------------------
-- How many quotes of each source an audience sees at this moment: the count, which an index has in order,
-- but for the few whose count is off. The list of those is an array, so that the rest remains one walk.

-- By how much counts are off: by what has come, and by articles that are announced and not seen, or seen
-- and not yet announced (src/changes/announce.ts, within a second). The branches are those of indexes.
CREATE VIEW public.quote_counts_off AS
SELECT d.source_id, sum(d.quotes)::integer AS quotes, sum(d.announced)::integer AS announced
FROM (
  SELECT c.source_id, c.quotes, c.announced FROM public.quote_count_changes c
  UNION ALL
  SELECT q.speaker_id, 0, a.sign FROM (
    SELECT a.id, 1 AS sign FROM public.articles a
    WHERE a.status = 'published' AND NOT a.announced AND a.publish_at <= now()
      AND (a.embargo_until IS NULL OR a.embargo_until <= now())
      AND (a.expires_at IS NULL OR a.expires_at > now())
    UNION ALL
    SELECT u.id, -1 FROM (
      SELECT a.id FROM public.articles a WHERE a.announced AND a.status = 'published' AND a.publish_at > now()
      UNION
      SELECT a.id FROM public.articles a WHERE a.announced AND a.status = 'published'
        AND a.embargo_until IS NOT NULL AND a.embargo_until > now()
      UNION
      SELECT a.id FROM public.articles a WHERE a.announced AND a.announced_early
        AND a.expires_at IS NOT NULL AND a.expires_at <= now()
    ) u
  ) a CROSS JOIN LATERAL (
    -- OFFSET, or the planner, who takes these articles for many, reads all quotes.
    SELECT q.speaker_id FROM public.quotes q
    WHERE q.article_id = a.id AND q.speaker_id IS NOT NULL AND q.state IS DISTINCT FROM 'suggested' OFFSET 0
  ) q
) d GROUP BY d.source_id HAVING sum(d.quotes) <> 0 OR sum(d.announced) <> 0;
--> statement-breakpoint
-- The condition stands outside the union: a branch with one of its own would not be walked in order.
-- What is off is asked for once in a statement, however many sources it is about: so it is arrays here.
CREATE VIEW reader.quote_counts AS
SELECT t.source_id, t.quotes FROM (
  SELECT c.source_id, c.announced AS quotes, false AS corrected FROM public.quote_counts c
  UNION ALL
  SELECT c.source_id, c.announced + o.announced, true
  FROM unnest(ARRAY(SELECT f.source_id FROM public.quote_counts_off f ORDER BY f.source_id),
    ARRAY(SELECT f.announced FROM public.quote_counts_off f ORDER BY f.source_id)) o (source_id, announced)
  JOIN public.quote_counts c ON c.source_id = o.source_id
) t
WHERE (t.corrected OR t.source_id <> ALL (ARRAY(SELECT f.source_id FROM public.quote_counts_off f)))
  AND t.source_id IN (SELECT v.id FROM reader.source_ids v);
--> statement-breakpoint
CREATE VIEW editor.quote_counts AS
SELECT t.source_id, t.quotes FROM (
  SELECT c.source_id, c.quotes, false AS corrected FROM public.quote_counts c
  UNION ALL
  SELECT c.source_id, c.quotes + o.quotes, true
  FROM public.quote_counts c JOIN (
    SELECT d.source_id, sum(d.quotes)::integer AS quotes FROM public.quote_count_changes d
    GROUP BY d.source_id HAVING sum(d.quotes) <> 0
  ) o ON o.source_id = c.source_id
) t
WHERE t.corrected OR t.source_id <> ALL (ARRAY(
  SELECT d.source_id FROM public.quote_count_changes d GROUP BY d.source_id HAVING sum(d.quotes) <> 0));
--> statement-breakpoint
-- What a partner may have is asked quote by quote.
CREATE VIEW partner.quote_counts AS
SELECT s.id AS source_id, coalesce(q.quotes, 0) AS quotes
FROM public.sources s LEFT JOIN (
  SELECT q.speaker_id, count(*)::integer AS quotes FROM partner.quotes q GROUP BY q.speaker_id
) q ON q.speaker_id = s.id
WHERE s.id IN (SELECT v.id FROM partner.source_ids v);
--> statement-breakpoint
-- The version before writes and answers while the migrations after this one are applied; only then are all
-- rights set (src/db/roles.ts).
GRANT SELECT, INSERT, UPDATE, DELETE ON public.quote_counts, public.quote_count_changes TO dateline_editor;
--> statement-breakpoint
GRANT SELECT ON reader.quote_counts TO dateline_reader, dateline_editor;
--> statement-breakpoint
GRANT SELECT ON editor.quote_counts TO dateline_editor;
--> statement-breakpoint
GRANT SELECT ON partner.quote_counts TO dateline_partner;

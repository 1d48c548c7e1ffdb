CREATE INDEX "quotes_search_language_dated_at_id_idx" ON "quotes" USING btree (search_language collate "C","dated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "quotes_kind_dated_at_id_idx" ON "quotes" USING btree ("kind","dated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE kind <> 'direct';--> statement-breakpoint
CREATE INDEX "quotes_state_dated_at_id_idx" ON "quotes" USING btree ("state","dated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE state <> 'verified';--> statement-breakpoint
-- A language and its variants stand together in the order of bytes, so that one range finds them: of a
-- language that is seldom, or not used at all, the index gives all there is, where all articles were
-- walked before. A column's own statistics tell how many there are.
DROP INDEX public.articles_language_listed_at_id_idx;
--> statement-breakpoint
DROP INDEX public.articles_language_idx;
--> statement-breakpoint
DROP STATISTICS public.articles_language_stat;
--> statement-breakpoint
CREATE INDEX articles_language_listed_at_id_idx ON public.articles
  (language COLLATE "C", listed_at DESC, id DESC) WHERE status = 'published';
--> statement-breakpoint
CREATE INDEX articles_all_language_listed_at_id_idx ON public.articles
  (language COLLATE "C", listed_at DESC, id DESC);
--> statement-breakpoint
-- Quotes like another are looked for by its words (src/quotes/similar.ts): by trigrams it took 0.8 to 4 s
-- at 600,000 quotes, and each new quote paid for the index.
DROP INDEX public.quotes_text_trgm_idx;
--> statement-breakpoint
-- One lexeme as a query.
CREATE FUNCTION public.lexeme_query(lexeme text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery;
--> statement-breakpoint
-- Counts of listings ------------------------------------------------------------------------------

-- How many articles are listed where, as this audience sees them; `named` is a source that an article
-- names or quotes. Readers' are counted in the index alone, less those that are published but not
-- visible at this moment, which the indexes on the three times give: counting the visible ones one by
-- one took 0.9 s for the menu at 200,000 articles. It gives numbers only; a test compares them with
-- reader.article_listings.
DO $$
DECLARE
  audience text;
  unseen text;
  listed text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'editor'] LOOP
    unseen := CASE audience WHEN 'reader' THEN 'LEFT JOIN (
        SELECT a.id FROM public.articles a WHERE a.status = ''published'' AND a.publish_at > now()
        UNION
        SELECT a.id FROM public.articles a WHERE a.status = ''published''
          AND a.embargo_until IS NOT NULL AND a.embargo_until > now()
        UNION
        SELECT a.id FROM public.articles a WHERE a.status = ''published''
          AND a.expires_at IS NOT NULL AND a.expires_at <= now()
      ) u ON u.id = l.article_id'
      ELSE 'CROSS JOIN (SELECT NULL::uuid AS id) u' END;
    listed := CASE audience WHEN 'reader' THEN 'l.for_readers' ELSE 'true' END;
    EXECUTE format('CREATE VIEW %1$I.listed_counts AS
      SELECT l.kind, l.resource_id, count(*) - count(u.id) AS articles
      FROM public.article_listings l %2$s WHERE %3$s
      GROUP BY l.kind, l.resource_id
      UNION ALL
      SELECT ''named'', l.resource_id, count(DISTINCT l.article_id) - count(DISTINCT u.id)
      FROM public.article_listings l %2$s WHERE %3$s AND l.kind IN (''source'', ''speaker'')
      GROUP BY l.resource_id', audience, unseen, listed);
  END LOOP;
END $$;
--> statement-breakpoint
-- What a partner may have is asked article by article.
CREATE VIEW partner.listed_counts AS
SELECT l.kind, l.resource_id, count(*) AS articles
FROM partner.article_listings l
GROUP BY l.kind, l.resource_id
UNION ALL
SELECT 'named', l.resource_id, count(DISTINCT l.article_id)
FROM partner.article_listings l WHERE l.kind IN ('source', 'speaker')
GROUP BY l.resource_id;
--> statement-breakpoint
-- What editors have on their desks: all that is not published, by status.
CREATE INDEX articles_status_listed_at_id_idx ON public.articles (status, listed_at DESC, id DESC)
  WHERE status <> 'published';

CREATE INDEX "sources_slug_trgm_idx" ON "sources" USING gin (slug public.gin_trgm_ops) WITH (fastupdate=false);
--> statement-breakpoint
-- What was probably meant ------------------------------------------------------------------------

-- Headlines are no longer searched by trigrams: at 200,000 articles one word took 0.1 to 10 s, and each
-- new article paid for the index.
DROP FUNCTION reader.nearest_word(text);
--> statement-breakpoint
DROP FUNCTION partner.nearest_word(text);
--> statement-breakpoint
DROP FUNCTION editor.nearest_word(text);
--> statement-breakpoint
DROP INDEX public.articles_headline_trgm_idx;
--> statement-breakpoint
-- The words most like ones that are found nowhere, as this audience sees them: of names of a kind, or for
-- articles of the newest 5,000 headlines and of all names. Which of them was meant is for the caller to say.
-- No list of words is kept, so none can hold a hidden one. Two letters exchanged in a word of five
-- leave a fifth of its trigrams, so 0.2.
DO $$
DECLARE
  audience text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'partner', 'editor'] LOOP
    EXECUTE format('CREATE FUNCTION %1$I.words_alike(of_kind text, given text[])
      RETURNS TABLE (word text, alike text[])
      LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.2 AS $body$
        WITH texts AS (
          (SELECT a.headline AS words FROM %1$I.articles a
           WHERE of_kind = ''article'' AND a.status <> ''killed''
           ORDER BY a.listed_at DESC, a.id DESC LIMIT 5000)
          UNION ALL
          SELECT c.name FROM %1$I.categories c WHERE of_kind <> ''source''
          UNION ALL
          SELECT s.name FROM unnest(given) g JOIN %1$I.sources s ON s.name OPERATOR(public.%%>) g
          WHERE of_kind <> ''category''
        ), words AS MATERIALIZED (
          SELECT w.word, count(*) AS times
          FROM texts, regexp_split_to_table(lower(texts.words), ''[^[:alnum:]]+'') w (word)
          WHERE length(w.word) > 2 GROUP BY w.word
        )
        SELECT g, ARRAY(
          SELECT w.word FROM words w
          WHERE w.word <> g AND abs(length(w.word) - length(g)) <= greatest(2, length(g) / 3)
          ORDER BY public.similarity(w.word, g) DESC, w.times DESC, w.word LIMIT 20)
        FROM unnest(given) g
      $body$', audience);
  END LOOP;
END $$;
--> statement-breakpoint
-- Slugs like one that nothing has, as this audience sees them; which was meant is for the caller to say.
-- Of articles the neighbours in the order of slugs: they share its beginning, and finding them costs
-- two looks into an index that is there. (By trigrams, at 200,000 articles, 15 to 240 ms, and an index
-- that each new article would pay for.)
DO $$
DECLARE
  audience text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'partner', 'editor'] LOOP
    EXECUTE format('CREATE FUNCTION %1$I.slugs_alike(of_kind text, given text) RETURNS text[]
      LANGUAGE sql STABLE SET pg_trgm.similarity_threshold = 0.2 AS $body$
        SELECT ARRAY(
          (SELECT a.slug FROM %1$I.articles a WHERE of_kind = ''article'' AND a.slug >= lower(given)
           ORDER BY a.slug LIMIT 10)
          UNION ALL
          (SELECT a.slug FROM %1$I.articles a WHERE of_kind = ''article'' AND a.slug < lower(given)
           ORDER BY a.slug DESC LIMIT 10)
          UNION ALL
          (SELECT s.slug FROM %1$I.sources s
           WHERE of_kind = ''source'' AND s.slug OPERATOR(public.%%) given
           ORDER BY public.similarity(s.slug, given) DESC, s.slug LIMIT 10)
          UNION ALL
          (SELECT c.slug FROM %1$I.categories c
           WHERE of_kind = ''category'' AND c.slug OPERATOR(public.%%) given
           ORDER BY public.similarity(c.slug, given) DESC, c.slug LIMIT 10))
      $body$', audience);
  END LOOP;
END $$;

-- What is searched ------------------------------------------------------------------------------

-- Scripts that put no spaces between words (Han, kana, Hangul, Thai, Lao, Khmer, Burmese) are searched
-- by characters: each becomes a word of its own, divided by control characters (\x06: neither a space, which would
-- divide the query, nor a letter), and a word of a query
-- becomes a phrase of them. Only in languages without a configuration; a Greek text has Greek words.
CREATE FUNCTION public.search_text(language text, words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN public.search_configuration(language) = 'pg_catalog.simple'::regconfig
  THEN regexp_replace(words,
    '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff])',
    E'\x06\\1\x06', 'g')
  ELSE words
END;
--> statement-breakpoint
-- Headline over summary over body (weights A, B, C), and a mark of the language that no word can be
-- (`=en`): with it one look into the index finds each word in its own languages only, and no row has
-- to be asked for its language, or its vector fetched, to leave out what another language means.
CREATE OR REPLACE FUNCTION public.search_vector(language text, headline text, summary text, body text)
RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
  setweight(to_tsvector(public.search_configuration(language), public.search_text(language, coalesce(headline, ''))), 'A')
  || setweight(to_tsvector(public.search_configuration(language), public.search_text(language, coalesce(summary, ''))), 'B')
  || setweight(to_tsvector(public.search_configuration(language), public.search_text(language, coalesce(body, ''))), 'C')
  || array_to_tsvector(ARRAY['=' || split_part(language, '-', 1)]);
--> statement-breakpoint
CREATE FUNCTION public.search_mark(language text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN quote_literal('=' || split_part(language, '-', 1))::tsquery;
--> statement-breakpoint
CREATE AGGREGATE public.any_of(tsquery) (sfunc = tsquery_or, stype = tsquery);
--> statement-breakpoint
-- Long texts leave the row: lists and searches pass over rows of half a kilobyte, not of two, so four
-- times as many fit in a page of memory.
ALTER TABLE public.articles SET (toast_tuple_target = 512);
--> statement-breakpoint
-- Makes the vectors anew.
UPDATE public.articles SET language = language;
--> statement-breakpoint
-- Which languages are in use, each found by one look; the newest first, which readers most likely see.
CREATE INDEX articles_language_listed_at_id_idx ON public.articles
  (language, listed_at DESC, id DESC) WHERE status = 'published';
--> statement-breakpoint
CREATE INDEX articles_language_idx ON public.articles (language);
--> statement-breakpoint
-- updatedAt as readers see it, in the words of reader.articles.
CREATE INDEX articles_reader_updated_at_id_idx ON public.articles
  (greatest(updated_at, publish_at, embargo_until) DESC, id DESC) WHERE status = 'published';
--> statement-breakpoint
-- How it is distributed: that of a partial index's expression is not looked at, and the planner takes
-- any instant to have a third of all rows after it.
CREATE STATISTICS public.articles_reader_updated_at ON (greatest(updated_at, publish_at, embargo_until))
  FROM public.articles;
--> statement-breakpoint
-- What was probably meant ------------------------------------------------------------------------

CREATE INDEX articles_headline_trgm_idx ON public.articles
  USING gin (headline public.gin_trgm_ops) WITH (fastupdate = off);
--> statement-breakpoint
-- The word of headlines and names, as this audience sees them, that is most like one that finds
-- nothing; null when none is. No list of words is kept, so none can hold a hidden one. Two letters
-- exchanged in a word of seven leave half of its trigrams, so 0.4 and not the default of 0.6.
DO $$
DECLARE
  audience text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'editor'] LOOP
    EXECUTE format('CREATE FUNCTION %1$I.nearest_word(given text) RETURNS text
      LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.4 AS $body$
        WITH alike AS (
          SELECT a.headline AS words FROM %1$I.articles a
          WHERE a.headline OPERATOR(public.%%>) given AND a.status <> ''killed''
          UNION ALL
          SELECT c.name FROM %1$I.categories c WHERE c.name OPERATOR(public.%%>) given
          UNION ALL
          SELECT s.name FROM %1$I.sources s WHERE s.name OPERATOR(public.%%>) given
        ), nearest AS (
          SELECT words FROM alike ORDER BY public.word_similarity(given, words) DESC, words LIMIT 200
        )
        SELECT word FROM nearest, regexp_split_to_table(lower(words), ''[^[:alnum:]]+'') word
        WHERE length(word) > 2 AND word <> given AND public.similarity(word, given) >= 0.25
        GROUP BY word ORDER BY public.similarity(word, given) DESC, count(*) DESC, word LIMIT 1
      $body$', audience);
  END LOOP;
END $$;

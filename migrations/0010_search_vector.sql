-- The same vectors as in 0005, from a function that PostgreSQL plans once for each connection. The one
-- in SQL was inlined into every INSERT and UPDATE, with its nine tables of languages, and planned each
-- time: of 1.8 ms for a row without its GIN entries that was 1.0.
CREATE OR REPLACE FUNCTION public.search_vector(language text, headline text, summary text, body text)
RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  configuration CONSTANT regconfig := public.search_configuration(language);
BEGIN
  IF configuration = 'pg_catalog.simple'::regconfig THEN
    headline := public.search_text(language, headline);
    summary := public.search_text(language, summary);
    body := public.search_text(language, body);
  END IF;
  RETURN setweight(to_tsvector(configuration, coalesce(headline, '')), 'A')
    || setweight(to_tsvector(configuration, coalesce(summary, '')), 'B')
    || setweight(to_tsvector(configuration, coalesce(body, '')), 'C')
    || array_to_tsvector(ARRAY['=' || split_part(language, '-', 1)]);
END $$;

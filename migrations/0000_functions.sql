-- Which text search configuration indexes an article of this language (BCP 47).
CREATE FUNCTION public.search_configuration(language text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE split_part(language, '-', 1)
  WHEN 'ar' THEN 'pg_catalog.arabic'::regconfig
  WHEN 'hy' THEN 'pg_catalog.armenian'::regconfig
  WHEN 'eu' THEN 'pg_catalog.basque'::regconfig
  WHEN 'ca' THEN 'pg_catalog.catalan'::regconfig
  WHEN 'da' THEN 'pg_catalog.danish'::regconfig
  WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
  WHEN 'en' THEN 'pg_catalog.english'::regconfig
  WHEN 'fi' THEN 'pg_catalog.finnish'::regconfig
  WHEN 'fr' THEN 'pg_catalog.french'::regconfig
  WHEN 'de' THEN 'pg_catalog.german'::regconfig
  WHEN 'el' THEN 'pg_catalog.greek'::regconfig
  WHEN 'hi' THEN 'pg_catalog.hindi'::regconfig
  WHEN 'hu' THEN 'pg_catalog.hungarian'::regconfig
  WHEN 'id' THEN 'pg_catalog.indonesian'::regconfig
  WHEN 'ga' THEN 'pg_catalog.irish'::regconfig
  WHEN 'it' THEN 'pg_catalog.italian'::regconfig
  WHEN 'lt' THEN 'pg_catalog.lithuanian'::regconfig
  WHEN 'ne' THEN 'pg_catalog.nepali'::regconfig
  WHEN 'no' THEN 'pg_catalog.norwegian'::regconfig
  WHEN 'nb' THEN 'pg_catalog.norwegian'::regconfig
  WHEN 'nn' THEN 'pg_catalog.norwegian'::regconfig
  WHEN 'pt' THEN 'pg_catalog.portuguese'::regconfig
  WHEN 'ro' THEN 'pg_catalog.romanian'::regconfig
  WHEN 'ru' THEN 'pg_catalog.russian'::regconfig
  WHEN 'sr' THEN 'pg_catalog.serbian'::regconfig
  WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
  WHEN 'sv' THEN 'pg_catalog.swedish'::regconfig
  WHEN 'ta' THEN 'pg_catalog.tamil'::regconfig
  WHEN 'tr' THEN 'pg_catalog.turkish'::regconfig
  WHEN 'yi' THEN 'pg_catalog.yiddish'::regconfig
  ELSE 'pg_catalog.simple'::regconfig
END;
--> statement-breakpoint
-- What is searched: headline over summary over body (weights A, B, C).
CREATE FUNCTION public.search_vector(language text, headline text, summary text, body text)
RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
  setweight(to_tsvector(public.search_configuration(language), coalesce(headline, '')), 'A')
  || setweight(to_tsvector(public.search_configuration(language), coalesce(summary, '')), 'B')
  || setweight(to_tsvector(public.search_configuration(language), coalesce(body, '')), 'C');

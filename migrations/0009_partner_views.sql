-- Partners ---------------------------------------------------------------------------------------
-- The third audience: the schema `partner` has the views of `reader` under the same names, over what
-- `dateline.partner` (SET LOCAL in the request's transaction) may have. Without the setting there is
-- nobody, and nothing to be seen.

-- Is a language within one of these ranges? `en` is any English: basic filtering of RFC 4647.
CREATE FUNCTION public.in_languages(language text, ranges text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM unnest(ranges) r
  WHERE lower(language) = lower(r) OR starts_with(lower(language), lower(r) || '-'));
--> statement-breakpoint
-- Does an entitlement (its languages, the categories allowed and excluded; null: all) cover an article of
-- this language, in these categories and all above them? The one place that says so: the views and the
-- ledger ask it.
CREATE FUNCTION public.entitles(languages text[], allowed uuid[], excluded uuid[],
  of_language text, of_categories uuid[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (languages IS NULL OR public.in_languages(of_language, languages))
  AND (allowed IS NULL OR allowed && of_categories)
  AND (excluded = '{}' OR NOT excluded && of_categories);
--> statement-breakpoint
CREATE SCHEMA partner;
--> statement-breakpoint
-- Who reads: one row, or none.
CREATE VIEW partner.me AS
SELECT e.partner_id AS id, e.languages, e.allowed, e.excluded, e.formats,
  -- Its own scope too: a key without it reads what is public by now.
  e.early AND coalesce(current_setting('dateline.embargo', true), '') = 'on' AS early
FROM public.entitlements e
WHERE e.partner_id = nullif(current_setting('dateline.partner', true), '')::uuid
ORDER BY e.id DESC LIMIT 1;
--> statement-breakpoint
-- The categories of an article with all above them, as article_listings has them.
CREATE FUNCTION public.categories_of(article uuid) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(SELECT l.resource_id FROM public.article_listings l
  WHERE l.article_id = article AND l.kind = 'category');
--> statement-breakpoint
CREATE VIEW partner.articles AS
SELECT id, version, slug, status, headline, summary, byline, language, body, body_html, plain_text,
  lead_image, origin_system, origin_id, origin_url, publish_at, embargo_until, expires_at,
  published_at, listed_at, search, created_at,
  -- Under an embargo it is there since its schedule.
  greatest(updated_at, publish_at, CASE WHEN embargo_until <= now() THEN embargo_until END) AS updated_at
FROM public.articles
WHERE status = 'published'
  AND publish_at <= now()
  AND (embargo_until IS NULL OR embargo_until <= now() OR (SELECT early FROM partner.me))
  AND (expires_at IS NULL OR expires_at > now())
  AND (SELECT true FROM partner.me)
  AND public.entitles((SELECT languages FROM partner.me), (SELECT allowed FROM partner.me),
    (SELECT excluded FROM partner.me), language,
    -- Not categories_of: a function would read the table as whoever asks.
    ARRAY(SELECT l.resource_id FROM public.article_listings l
      WHERE l.article_id = articles.id AND l.kind = 'category'));
--> statement-breakpoint
-- What was there for readers and is gone, of what the partner may have.
CREATE VIEW partner.gone AS
SELECT g.kind, g.resource_id, g.notice, g.legal, g.since
FROM reader.gone g
WHERE (SELECT true FROM partner.me) AND (g.kind <> 'article' OR EXISTS (
  SELECT FROM public.articles a WHERE a.id = g.resource_id
    AND NOT EXISTS (SELECT FROM partner.articles v WHERE v.id = a.id)
    AND public.entitles((SELECT languages FROM partner.me), (SELECT allowed FROM partner.me),
      (SELECT excluded FROM partner.me), a.language,
      ARRAY(SELECT l.resource_id FROM public.article_listings l
        WHERE l.article_id = a.id AND l.kind = 'category'))));
--> statement-breakpoint
-- All others say of partners' articles what those of `reader` say of readers'.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['source_ids', 'category_ids', 'article_listings', 'listed_articles',
    'categories', 'sources', 'article_categories', 'article_sources', 'quotes', 'searched_quotes',
    'slugs', 'corrections', 'gone_slugs']
  LOOP
    EXECUTE format('CREATE VIEW partner.%I AS %s', name,
      replace(pg_get_viewdef(format('reader.%I', name)::regclass), 'reader.', 'partner.'));
  END LOOP;
  EXECUTE replace(pg_get_functiondef('reader.nearest_word'::regproc), 'reader.', 'partner.');
END $$;
--> statement-breakpoint
-- Which partners see a source or category at this moment (what is under embargo does not count), for the
-- row in the ledger that says it changed: who is told stays the same whenever the ledger is read.
CREATE FUNCTION public.partners_seeing(of_kind text, of_id uuid) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  seeing uuid[] := '{}';
  one uuid;
BEGIN
  FOR one IN SELECT id FROM public.partners WHERE ended_at IS NULL LOOP
    PERFORM set_config('dateline.partner', one::text, true);
    IF (CASE of_kind
      WHEN 'source' THEN EXISTS (SELECT FROM partner.source_ids v WHERE v.id = of_id)
      ELSE EXISTS (SELECT FROM partner.category_ids v WHERE v.id = of_id) END)
    THEN seeing := seeing || one;
    END IF;
  END LOOP;
  PERFORM set_config('dateline.partner', '', true);
  RETURN seeing;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.partners_seeing(text, uuid) FROM PUBLIC;
--> statement-breakpoint
-- The ledger as it is told ------------------------------------------------------------------------
-- One row for each that concerns the audience, the same whenever it is read: everything in it is of the
-- row itself, and of the entitlement that was in force at its position.

CREATE VIEW reader.changes AS
SELECT c.position, c.kind AS resource, c.resource_id AS id, c.to_version AS version, c.event, c.at,
  CASE WHEN c.is_visible THEN 'upsert' ELSE 'remove' END AS op,
  CASE WHEN c.is_visible THEN NULL WHEN c.kind = 'article' THEN c.absence ELSE 'deleted' END AS reason
FROM public.changes c
WHERE c.position IS NOT NULL AND (c.was_visible OR c.is_visible)
  AND c.kind IN ('article', 'source', 'category');
--> statement-breakpoint
CREATE VIEW partner.changes AS
SELECT c.position, c.kind AS resource, c.resource_id AS id, c.to_version AS version, c.event, c.at,
  CASE WHEN c.event = 'entitlement.changed' THEN 'reset'
    WHEN CASE c.kind WHEN 'article' THEN v.is_there ELSE c.is_visible END THEN 'upsert'
    ELSE 'remove' END AS op,
  CASE WHEN c.event = 'entitlement.changed' THEN NULL
    WHEN c.kind <> 'article' THEN CASE WHEN c.is_visible THEN NULL ELSE 'deleted' END
    WHEN v.is_there THEN NULL
    WHEN v.is_shown THEN 'entitlement'
    ELSE c.absence END AS reason
FROM public.changes c
CROSS JOIN partner.me
CROSS JOIN LATERAL (
  -- In force at the row's position: of rows before all of them, the first.
  SELECT e.languages, e.allowed, e.excluded, e.early AND me.early AS early
  FROM public.entitlements e JOIN public.changes k ON k.id = e.change_id
  WHERE e.partner_id = me.id AND k.position IS NOT NULL
  ORDER BY k.position > c.position, abs(k.position - c.position)
  LIMIT 1
) e
CROSS JOIN LATERAL (
  SELECT CASE WHEN e.early THEN c.was_early ELSE c.was_visible END AS was_shown,
    CASE WHEN e.early THEN c.is_early ELSE c.is_visible END AS is_shown
) s
CROSS JOIN LATERAL (
  SELECT s.is_shown,
    s.was_shown AND public.entitles(e.languages, e.allowed, e.excluded, c.was_language, c.was_categories)
      AS was_there,
    s.is_shown AND public.entitles(e.languages, e.allowed, e.excluded, c.is_language, c.is_categories)
      AS is_there
) v
WHERE c.position IS NOT NULL
  -- In the words of changes_told_position_idx.
  AND (c.was_visible OR c.is_visible OR c.was_early OR c.is_early OR c.event = 'entitlement.changed')
  AND CASE c.kind
    WHEN 'article' THEN v.was_there OR v.is_there
    WHEN 'source' THEN me.id = ANY (c.seen_by)
    WHEN 'partner' THEN c.resource_id = me.id AND c.event = 'entitlement.changed'
    -- What a category's move takes along may have come to a partner, or left it.
    WHEN 'category' THEN CASE WHEN c.event = 'entitlement.changed'
      THEN coalesce(e.allowed && c.is_categories, false) OR e.excluded && c.is_categories
      ELSE me.id = ANY (c.seen_by) END
    ELSE false END;
--> statement-breakpoint
-- How far the ledger is numbered.
CREATE VIEW reader.ledger AS SELECT coalesce(max(c.position), 0) AS head FROM public.changes c;
--> statement-breakpoint
CREATE VIEW partner.ledger AS SELECT coalesce(max(c.position), 0) AS head FROM public.changes c;
--> statement-breakpoint
-- What was so far: the last row of each article says what it is, and what is told next begins with that.
UPDATE public.articles SET announced_early = announced WHERE announced;
--> statement-breakpoint
UPDATE public.changes c SET
  was_visible = a.announced, is_visible = a.announced, was_early = a.announced, is_early = a.announced,
  was_language = a.language, is_language = a.language,
  was_categories = public.categories_of(a.id), is_categories = public.categories_of(a.id)
FROM public.articles a
WHERE c.kind = 'article' AND a.id = c.resource_id
  AND c.id = (SELECT max(m.id) FROM public.changes m WHERE m.resource_id = a.id);
--> statement-breakpoint
-- Articles from before the ledger have no row that what comes could follow.
INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, at,
  is_visible, is_early, is_language, is_categories)
SELECT 'article', a.id, 'update', 'article.published', a.version, a.version, 'migration', a.updated_at,
  true, true, a.language, public.categories_of(a.id)
FROM public.articles a
WHERE a.announced AND NOT EXISTS (SELECT FROM public.changes c WHERE c.resource_id = a.id)
ORDER BY a.updated_at, a.id;
--> statement-breakpoint
-- Every row of the ledger says by itself what its resource was to whom, and is, whoever wrote it: a
-- command, a merge, the sweep. The article's row is locked by its writer, so the row before is the one
-- before; this one is written after the change it tells of.
CREATE FUNCTION public.changes_say_to_whom() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NEW.kind = 'article' THEN
    SELECT c.is_visible, c.is_early, c.is_language, c.is_categories
      INTO NEW.was_visible, NEW.was_early, NEW.was_language, NEW.was_categories
      FROM public.changes c WHERE c.resource_id = NEW.resource_id AND c.kind = 'article'
      ORDER BY c.id DESC LIMIT 1;
    SELECT v.early AND (a.embargo_until IS NULL OR a.embargo_until <= now()), v.early,
        a.language, public.categories_of(a.id),
        CASE WHEN a.status = 'killed' THEN CASE WHEN a.legal THEN 'legal' ELSE 'killed' END
          WHEN a.status <> 'published' THEN 'unpublished'
          WHEN a.expires_at <= now() THEN 'expired'
          WHEN greatest(a.publish_at, a.embargo_until) > now() THEN 'embargoed' END
      INTO NEW.is_visible, NEW.is_early, NEW.is_language, NEW.is_categories, NEW.absence
      FROM public.articles a CROSS JOIN LATERAL (
        SELECT coalesce(a.status = 'published' AND a.publish_at <= now()
          AND (a.expires_at IS NULL OR a.expires_at > now()), false) AS early) v
      WHERE a.id = NEW.resource_id;
    -- The first row of an article, and the last of one that is deleted.
    NEW.was_visible := coalesce(NEW.was_visible, false);
    NEW.was_early := coalesce(NEW.was_early, false);
    NEW.is_visible := coalesce(NEW.is_visible, false);
    NEW.is_early := coalesce(NEW.is_early, false);
  ELSIF NEW.kind IN ('source', 'category') AND NEW.event <> 'entitlement.changed' THEN
    IF NEW.operation = 'delete' THEN
      -- Whoever may have seen it: it is gone, and nobody can be asked any more.
      NEW.was_visible := EXISTS (SELECT FROM public.sightings s
        WHERE s.kind = NEW.kind AND s.resource_id = NEW.resource_id);
      NEW.seen_by := CASE WHEN NEW.was_visible
        THEN ARRAY(SELECT p.id FROM public.partners p WHERE p.ended_at IS NULL) END;
    ELSE
      NEW.is_visible := CASE NEW.kind
        WHEN 'source' THEN EXISTS (SELECT FROM reader.source_ids v WHERE v.id = NEW.resource_id)
        ELSE EXISTS (SELECT FROM reader.category_ids v WHERE v.id = NEW.resource_id) END;
      NEW.was_visible := NEW.is_visible;
      NEW.seen_by := CASE WHEN NEW.is_visible
        THEN public.partners_seeing(NEW.kind, NEW.resource_id) END;
    END IF;
  END IF;
  -- Whoever waits for the next row looks again after the commit; once, however many rows there are.
  IF NEW.was_visible OR NEW.is_visible OR NEW.was_early OR NEW.is_early
    OR NEW.event = 'entitlement.changed'
  THEN PERFORM pg_notify('dateline_ledger', '');
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER changes_say_to_whom BEFORE INSERT ON public.changes
FOR EACH ROW EXECUTE FUNCTION public.changes_say_to_whom();
--> statement-breakpoint
-- What the sweep looks for: whatever was told to anybody and will expire. What readers were told of,
-- partners with early access were told of too.
CREATE INDEX articles_told_expires_at_idx ON public.articles (expires_at)
  WHERE announced_early AND expires_at IS NOT NULL;
--> statement-breakpoint
DROP INDEX public.articles_announced_expires_at_idx;

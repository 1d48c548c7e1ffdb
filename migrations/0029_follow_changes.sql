-- A row in the ledger says who has, or had, what it tells of, as its transaction saw it. What others commit, and
-- what time does, between that and its own commit, it cannot know; nor can it tell of what it changes elsewhere.
-- So the ledger is followed, a second behind, and what came of that has rows of its own.

-- As in 0021_sources_seen_early, but of those alone whom it may concern: which partners, of these or of all, see a
-- source or category at this moment; with early access, those that have it.
CREATE FUNCTION public.partners_seeing(of_kind text, of_id uuid, early boolean, among uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  seeing uuid[] := '{}';
  one uuid;
BEGIN
  FOR one IN
    SELECT p.id FROM public.partners p
    WHERE p.ended_at IS NULL AND (among IS NULL OR p.id = ANY (among)) AND (NOT partners_seeing.early OR (
      SELECT e.early FROM public.entitlements e WHERE e.partner_id = p.id ORDER BY e.id DESC LIMIT 1))
  LOOP
    PERFORM set_config('dateline.partner', one::text, true),
      set_config('dateline.embargo', CASE WHEN early THEN 'on' ELSE 'off' END, true);
    IF (CASE of_kind
      WHEN 'source' THEN EXISTS (SELECT FROM partner.source_ids v WHERE v.id = of_id)
      ELSE EXISTS (SELECT FROM partner.category_ids v WHERE v.id = of_id) END)
    THEN seeing := seeing || one;
    END IF;
  END LOOP;
  PERFORM set_config('dateline.partner', '', true), set_config('dateline.embargo', 'off', true);
  RETURN seeing;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.partners_seeing(text, uuid, boolean, uuid[]) FROM PUBLIC;
--> statement-breakpoint
-- The version before gives rights on it, and calls it nowhere else.
CREATE OR REPLACE FUNCTION public.partners_seeing(of_kind text, of_id uuid) RETURNS uuid[]
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT public.partners_seeing(of_kind, of_id, false, NULL)
$$;
--> statement-breakpoint
-- As in 0021_sources_seen_early. A row may say itself what was seen of an article, which has gone again.
CREATE OR REPLACE FUNCTION public.changes_say_to_whom() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NEW.kind = 'article' THEN
    SELECT c.is_visible, c.is_early, c.is_language,
        coalesce(CASE WHEN c.is_early THEN public.filed_in(c.resource_id, c.to_version) END, c.is_categories)
      INTO NEW.was_visible, NEW.was_early, NEW.was_language, NEW.was_categories
      FROM public.changes c WHERE c.resource_id = NEW.resource_id AND c.kind = 'article'
      ORDER BY c.id DESC LIMIT 1;
    -- What time has done is told of as it was then: an article may have come and gone since the last sweep. A row
    -- may say itself what was seen, of what has gone again.
    IF NOT NEW.is_early THEN
      SELECT v.early AND (a.embargo_until IS NULL OR a.embargo_until <= t.instant), v.early,
          a.language, public.categories_of(a.id),
          CASE WHEN a.status = 'killed' THEN CASE WHEN a.legal THEN 'legal' ELSE 'killed' END
            WHEN a.status <> 'published' THEN 'unpublished'
            WHEN a.expires_at <= t.instant THEN 'expired'
            WHEN greatest(a.publish_at, a.embargo_until) > t.instant THEN 'embargoed' END
        INTO NEW.is_visible, NEW.is_early, NEW.is_language, NEW.is_categories, NEW.absence
        FROM (SELECT CASE WHEN NEW.operation = 'time' THEN NEW.at ELSE now() END) t (instant)
        CROSS JOIN public.articles a CROSS JOIN LATERAL (
          SELECT coalesce(a.status = 'published' AND a.publish_at <= t.instant
            AND (a.expires_at IS NULL OR a.expires_at > t.instant), false) AS early) v
        WHERE a.id = NEW.resource_id;
    END IF;
    -- The first row of an article, and the last of one that is deleted.
    NEW.was_visible := coalesce(NEW.was_visible, false);
    NEW.was_early := coalesce(NEW.was_early, false);
    NEW.is_visible := coalesce(NEW.is_visible, false);
    NEW.is_early := coalesce(NEW.is_early, false);
  ELSIF NEW.kind IN ('source', 'category') AND NEW.event <> 'entitlement.changed' THEN
    -- A row may say that it is nothing to those without early access, or which partners it concerns.
    NEW.was_visible := NOT NEW.is_early AND CASE NEW.kind
      WHEN 'source' THEN EXISTS (SELECT FROM reader.source_ids v WHERE v.id = NEW.resource_id)
      ELSE EXISTS (SELECT FROM reader.category_ids v WHERE v.id = NEW.resource_id) END;
    NEW.is_visible := NEW.was_visible AND NEW.operation <> 'delete';
    NEW.seen_by := CASE WHEN NEW.was_visible
      THEN public.partners_seeing(NEW.kind, NEW.resource_id, false, NEW.seen_by) END;
    -- What is new is named nowhere yet; of what no article shows, nobody is asked.
    NEW.seen_early_by := CASE WHEN NEW.operation <> 'create'
      AND public.is_shown_early(NEW.kind, NEW.resource_id) THEN ARRAY(
        SELECT p FROM unnest(public.partners_seeing(NEW.kind, NEW.resource_id, true, NEW.seen_early_by)) p
        WHERE p <> ALL (coalesce(NEW.seen_by, '{}'))) END;
    IF NEW.operation = 'delete' THEN
      NEW.was_visible := EXISTS (SELECT FROM public.sightings s
        WHERE s.kind = NEW.kind AND s.resource_id = NEW.resource_id);
      NEW.seen_by := ARRAY(
        SELECT unnest(c.seen_by) FROM public.changes c
        WHERE c.resource_id = NEW.resource_id AND c.kind = NEW.kind
        UNION SELECT unnest(NEW.seen_by));
      NEW.seen_early_by := ARRAY(
        SELECT unnest(c.seen_early_by) FROM public.changes c
        WHERE c.resource_id = NEW.resource_id AND c.kind = NEW.kind
        UNION SELECT unnest(NEW.seen_early_by));
      -- The version before writes it last, when nobody sees it.
      IF NOT EXISTS (SELECT FROM public.sources s WHERE s.id = NEW.resource_id
        UNION ALL SELECT FROM public.categories c WHERE c.id = NEW.resource_id)
      THEN NEW.seen_by := ARRAY(SELECT p.id FROM public.partners p WHERE p.ended_at IS NULL);
      END IF;
    END IF;
    NEW.was_early := NEW.was_visible OR coalesce(NEW.seen_early_by, '{}') <> '{}';
    NEW.is_early := NEW.was_early AND NEW.operation <> 'delete';
  END IF;
  -- Whoever waits for the next row looks again after the commit; once, however many rows there are.
  IF NEW.was_visible OR NEW.is_visible OR NEW.was_early OR NEW.is_early
    OR NEW.event = 'entitlement.changed'
  THEN PERFORM pg_notify('dateline_ledger', '');
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
DROP FUNCTION public.partners_seeing(text, uuid, boolean);
--> statement-breakpoint
-- When a version of an article comes into view, with early access and without, and when it leaves; nulls when it
-- never does.
CREATE FUNCTION public.times_of(article uuid, of_version integer, OUT comes_early timestamptz, OUT comes timestamptz,
  OUT ends timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT r.publish_at, greatest(r.publish_at, r.embargo_until), coalesce(r.expires_at, 'infinity')
  FROM public.revisions v, jsonb_to_record(v.content)
    AS r (status text, publish_at timestamptz, embargo_until timestamptz, expires_at timestamptz)
  WHERE v.article_id = article AND v.version = of_version AND r.status = 'published'
$$;
--> statement-breakpoint
-- An article under embargo, or scheduled, that is taken back, put off or filed elsewhere shortly before its time:
-- its row says that nobody had it, but the commit may come after the time, and whoever read in between has it.
-- Where the time came before this look, two rows more say that it came and went, unless it is there again as it
-- was. When the commit was is not known: so they may tell of what would have come within 5 s, which no commit takes.
CREATE FUNCTION public.tell_what_left_meanwhile(since bigint, until bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT c.resource_id AS id, c.event, c.from_version, c.was_early, c.was_language, c.was_categories,
      was.comes, was.comes_early, j.came
    FROM public.changes c
    CROSS JOIN LATERAL public.times_of(c.resource_id, c.from_version) was
    CROSS JOIN LATERAL public.times_of(c.resource_id, c.to_version) later
    CROSS JOIN LATERAL (SELECT least(clock_timestamp(), c.at + interval '5 seconds')) t (instant)
    CROSS JOIN LATERAL (
      SELECT NOT c.was_visible AND was.comes <= t.instant, NOT c.was_early AND was.comes_early <= t.instant
    ) j (came, came_early)
    CROSS JOIN LATERAL (
      SELECT k.is_visible, k.is_early, k.is_language, k.is_categories FROM public.changes k
      WHERE k.resource_id = c.resource_id AND k.kind = 'article' ORDER BY k.id DESC LIMIT 1) last
    WHERE c.position > since AND c.position <= until AND c.kind = 'article' AND c.operation = 'update'
      AND NOT (c.was_visible AND c.was_early) AND was.ends > c.at AND (j.came OR j.came_early)
      AND (c.was_language <> c.is_language OR public.differing(c.was_categories, c.is_categories) <> '{}'
        OR (later.comes <= was.comes AND later.comes_early <= was.comes_early AND later.ends > was.comes) IS NOT TRUE)
      AND NOT ((last.is_visible OR NOT j.came) AND (last.is_early OR NOT j.came_early)
        AND last.is_language = c.was_language AND public.differing(last.is_categories, c.was_categories) = '{}')
    ORDER BY c.resource_id, c.position
  LOOP
    PERFORM FROM public.articles a WHERE a.id = one.id FOR NO KEY UPDATE;
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, at,
      is_visible, is_early, is_language, is_categories)
    SELECT 'article', a.id, 'time', CASE WHEN NOT one.came THEN 'article.embargo-set'
        WHEN one.was_early THEN 'article.embargo-lifted' ELSE 'article.published' END,
      a.version, one.from_version, 'clock', CASE WHEN one.came THEN one.comes ELSE one.comes_early END,
      one.came, true, one.was_language, one.was_categories
    FROM public.articles a WHERE a.id = one.id;
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, at)
    SELECT 'article', a.id, 'time', one.event, one.from_version, a.version, 'clock',
      date_trunc('milliseconds', clock_timestamp())
    FROM public.articles a WHERE a.id = one.id;
  END LOOP;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.tell_what_left_meanwhile(bigint, bigint) FROM PUBLIC;
--> statement-breakpoint
-- Whether a version of an article names a source: in its sources, or as who said a quote that is shown.
CREATE FUNCTION public.names_source(content jsonb, source uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN content -> 'sources' @> jsonb_build_array(jsonb_build_object('id', source))
  OR jsonb_path_exists(content, '$.quotes[*] ? (@.speaker_id == $source && !(@.state == "suggested"))',
    jsonb_build_object('source', source));
--> statement-breakpoint
-- Whether an article, which names a source now, did so for the same audience, with early access or without, at every
-- moment since a position of the ledger; what is not numbered yet is later. What was about to expire may have been
-- away.
CREATE FUNCTION public.has_kept_naming(article uuid, source uuid, since bigint, early boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (
    SELECT FROM public.changes c
    WHERE c.resource_id = article AND c.kind = 'article' AND (c.position > since OR c.position IS NULL)
      AND NOT (CASE WHEN early THEN c.was_early AND c.is_early ELSE c.was_visible AND c.is_visible END
        AND c.was_language = c.is_language AND public.differing(c.was_categories, c.is_categories) = '{}'
        AND (SELECT t.ends > c.at + interval '1 minute' FROM public.times_of(article, c.from_version) t) IS TRUE
        AND NOT EXISTS (
          SELECT FROM public.revisions r
          WHERE r.article_id = article AND r.version IN (c.from_version, c.to_version)
            AND public.names_source(r.content, source) IS NOT TRUE)))
$$;
--> statement-breakpoint
-- Articles that may have named a source all the while: these, which are just told of, and the oldest, which change
-- the least. An organization may be named by hundreds of thousands, of which a partner may have four.
CREATE FUNCTION public.perhaps_naming(source uuid, articles uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 20 AS $$
  SELECT * FROM unnest(articles)
  UNION ALL
  (SELECT l.article_id FROM public.article_listings l
    WHERE l.kind = 'source' AND l.resource_id = source AND l.for_readers ORDER BY l.listed_at, l.article_id LIMIT 500)
  UNION ALL
  (SELECT l.article_id FROM public.article_listings l
    WHERE l.kind = 'speaker' AND l.resource_id = source AND l.for_readers ORDER BY l.listed_at, l.article_id LIMIT 500)
$$;
--> statement-breakpoint
-- Which partners may have begun or ceased to see a source since a position, if only for a while: of these articles,
-- which named it, the ledger tells them something up to another position, and of none is it known that they saw it
-- name the source throughout.
CREATE FUNCTION public.partners_whose_sight_changed(
  of_source uuid, articles uuid[], since bigint, until bigint, early boolean) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  these uuid[] := '{}';
  one uuid;
BEGIN
  FOR one IN
    SELECT p.id FROM public.partners p
    WHERE p.ended_at IS NULL AND (NOT partners_whose_sight_changed.early OR (
      SELECT e.early FROM public.entitlements e WHERE e.partner_id = p.id ORDER BY e.id DESC LIMIT 1))
  LOOP
    PERFORM set_config('dateline.partner', one::text, true),
      set_config('dateline.embargo', CASE WHEN early THEN 'on' ELSE 'off' END, true);
    IF EXISTS (SELECT FROM partner.changes c
        WHERE c.position > since AND c.position <= until AND c.resource = 'article' AND c.id = ANY (articles))
      AND NOT EXISTS (
        SELECT FROM public.perhaps_naming(of_source, articles) n (id)
        WHERE EXISTS (SELECT FROM partner.articles a JOIN public.article_listings l ON l.article_id = a.id
            WHERE a.id = n.id AND l.kind IN ('source', 'speaker') AND l.resource_id = of_source AND l.for_readers)
          AND public.has_kept_naming(n.id, of_source, since, early))
    THEN these := these || one;
    END IF;
  END LOOP;
  PERFORM set_config('dateline.partner', '', true), set_config('dateline.embargo', 'off', true);
  RETURN these;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.partners_whose_sight_changed(uuid, uuid[], bigint, bigint, boolean) FROM PUBLIC;
--> statement-breakpoint
-- A row that tells of a source or category says who saw it when its transaction looked. An article that shows
-- it may have been published meanwhile, or its time have come while the transaction waited: whoever has read it
-- before the commit has what was. So those who see it a moment later, and were not told, have a row of their own.
CREATE FUNCTION public.tell_who_saw_meanwhile(since bigint, until bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH about AS MATERIALIZED (
    -- About when: no transaction outlasts a minute. Rows of the time may be of long ago.
    SELECT min(c.at) - interval '1 minute' AS began,
      coalesce((SELECT max(e.position) FROM public.changes e
        WHERE e.position <= since AND e.operation <> 'time' AND e.at < min(c.at) - interval '2 minutes'), 0) AS position
    FROM public.changes c
    WHERE c.position > since AND c.position <= until AND c.kind IN ('source', 'category')
      AND c.operation = 'update' AND c.from_version <> c.to_version
  ), shown AS MATERIALIZED (
    -- What may have come into view then. Later rows give the article as it is, with the new name.
    SELECT DISTINCT l.resource_id AS id FROM about b
    JOIN public.changes c ON c.position > b.position AND c.position <= until AND c.at > b.began
      AND c.kind = 'article' AND (c.is_visible OR c.is_early)
    JOIN public.article_listings l ON l.article_id = c.resource_id
  ), told AS MATERIALIZED (
    SELECT DISTINCT ON (c.resource_id) c.kind, c.resource_id AS id, c.event, c.was_visible,
      coalesce(c.seen_by, '{}') AS seen_by, coalesce(c.seen_early_by, '{}') AS seen_early_by
    FROM public.changes c
    WHERE c.position > since AND c.position <= until AND c.kind IN ('source', 'category')
      AND c.operation = 'update' AND c.from_version <> c.to_version
      AND (c.resource_id IN (SELECT s.id FROM shown s)
        OR EXISTS (SELECT FROM public.changes e JOIN about b ON e.at > b.began
          WHERE e.event = 'entitlement.changed' AND (e.position > b.position OR e.position IS NULL)))
    ORDER BY c.resource_id, c.position DESC
  ), locked AS MATERIALIZED (
    SELECT * FROM (SELECT s.id, s.version FROM public.sources s
      WHERE s.id IN (SELECT t.id FROM told t WHERE t.kind = 'source') ORDER BY s.id FOR NO KEY UPDATE) s
    UNION ALL
    SELECT * FROM (SELECT c.id, c.version FROM public.categories c
      WHERE c.id IN (SELECT t.id FROM told t WHERE t.kind = 'category') ORDER BY c.id FOR NO KEY UPDATE) c
  ), asked AS MATERIALIZED (
    SELECT t.kind, t.id, t.event, l.version,
      NOT t.was_visible AND CASE t.kind
        WHEN 'source' THEN EXISTS (SELECT FROM reader.source_ids v WHERE v.id = t.id)
        ELSE EXISTS (SELECT FROM reader.category_ids v WHERE v.id = t.id) END AS to_readers,
      public.partners_seeing(t.kind, t.id, false, ARRAY(
        SELECT p.id FROM public.partners p WHERE p.id <> ALL (t.seen_by))) AS anew,
      public.partners_seeing(t.kind, t.id, true, ARRAY(
        SELECT p.id FROM public.partners p WHERE p.id <> ALL (t.seen_by || t.seen_early_by))) AS anew_early
    FROM told t JOIN locked l USING (id)
  )
  INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, reason,
    at, is_early, seen_by, seen_early_by)
  SELECT a.kind, a.id, 'update', a.event, a.version, a.version, 'clock', 'who sees it has changed meanwhile',
    date_trunc('milliseconds', clock_timestamp()), NOT a.to_readers AND a.anew = '{}', a.anew, a.anew_early
  FROM asked a WHERE a.to_readers OR a.anew || a.anew_early <> '{}' ORDER BY a.id
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.tell_who_saw_meanwhile(bigint, bigint) FROM PUBLIC;
--> statement-breakpoint
-- As in 0020_members_are_told, and with early access. Who saw an organization is not kept any more: where an
-- article that named it has come or gone, and no other has named it throughout, its members are told of, also
-- where it came and went between two looks, or went and came: whoever read an article meanwhile has that.
CREATE FUNCTION public.tell_members(since bigint, until bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  one uuid;
  articles uuid[];
  readers boolean;
  partners uuid[];
  early uuid[];
BEGIN
  FOR one, articles IN
    WITH looked AS (
      SELECT c.operation, c.resource_id, c.from_version, c.to_version FROM public.changes c
      WHERE c.position > since AND c.position <= until AND c.kind = 'article'
        AND (c.was_visible OR c.is_visible OR c.was_early OR c.is_early)
    ), kept AS (
      SELECT l.resource_id AS article, r.content FROM looked l
      -- Until its time came a row is of no concern, so with the row of the time goes what was just before it.
      JOIN public.revisions r ON r.article_id = l.resource_id AND (r.version IN (l.from_version, l.to_version)
        OR l.operation = 'time' AND r.version = l.to_version - 1)
      WHERE EXISTS (SELECT FROM public.sources m WHERE m.organization_id IS NOT NULL)
    ), named AS (
      SELECT (s ->> 'id')::uuid AS id, k.article FROM kept k, jsonb_array_elements(content -> 'sources') s
      UNION
      SELECT (q ->> 'speaker_id')::uuid, k.article FROM kept k, jsonb_array_elements(content -> 'quotes') q
    )
    SELECT n.id, array_agg(n.article) FROM named n
    WHERE EXISTS (SELECT FROM public.sources m WHERE m.organization_id = n.id) GROUP BY n.id ORDER BY n.id
  LOOP
    partners := public.partners_whose_sight_changed(one, articles, since, until, false);
    early := public.partners_whose_sight_changed(one, articles, since, until, true);
    readers := EXISTS (SELECT FROM reader.changes c
        WHERE c.position > since AND c.position <= until AND c.resource = 'article' AND c.id = ANY (articles))
      AND NOT EXISTS (
        SELECT FROM public.perhaps_naming(one, articles) n (id)
        WHERE EXISTS (SELECT FROM reader.articles a JOIN public.article_listings l ON l.article_id = a.id
            WHERE a.id = n.id AND l.kind IN ('source', 'speaker') AND l.resource_id = one AND l.for_readers)
          AND public.has_kept_naming(n.id, one, since, false));
    CONTINUE WHEN NOT readers AND partners || early = '{}';
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, reason,
      at, is_early, seen_by, seen_early_by)
    SELECT 'source', m.id, 'update', 'source.updated', m.version, m.version, 'clock',
      'who sees its organization has changed', date_trunc('milliseconds', clock_timestamp()),
      NOT readers AND partners = '{}', partners, early
    FROM (SELECT s.id, s.version FROM public.sources s
      WHERE s.organization_id = one AND (s.id IN (SELECT v.id FROM reader.source_ids v)
        OR early <> '{}' AND public.is_shown_early('source', s.id))
      ORDER BY s.id FOR NO KEY UPDATE) m;
  END LOOP;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.tell_members(bigint, bigint) FROM PUBLIC;
--> statement-breakpoint
-- Follows the ledger, at most so many rows; whether there may be more. One does it at a time. What happened since
-- this began is left to the next: what is visible is asked as of then.
CREATE FUNCTION public.follow_changes(most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  since bigint;
  until bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('dateline.members.told')) THEN RETURN false; END IF;
  -- What was before the first look is not known; each organization is told of once it is named.
  INSERT INTO public.members_told (id, position)
  SELECT 1, coalesce(max(c.position), 0) FROM public.changes c ON CONFLICT DO NOTHING;
  SELECT t.position INTO since FROM public.members_told t;
  until := (
    SELECT coalesce(min(c.position) FILTER (WHERE c.at >= date_trunc('milliseconds', now())) - 1, max(c.position))
    FROM public.changes c WHERE c.position > since AND c.position <= since + most);
  IF until IS NULL OR until <= since THEN RETURN false; END IF;
  UPDATE public.members_told t SET position = until;
  PERFORM public.tell_what_left_meanwhile(since, until);
  PERFORM public.tell_who_saw_meanwhile(since, until);
  PERFORM public.tell_members(since, until);
  RETURN until = since + most;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.follow_changes(integer) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.follow_changes(integer) TO dateline_editor;
--> statement-breakpoint
-- Called by the version before.
CREATE OR REPLACE FUNCTION public.tell_members() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT public.follow_changes(500)
$$;
--> statement-breakpoint
-- The version before reads and writes it in functions of the database alone, which are replaced above.
-- squawk-ignore ban-drop-table
DROP TABLE "organization_sightings" CASCADE;

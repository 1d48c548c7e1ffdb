ALTER TABLE "changes" ADD COLUMN "seen_early_by" uuid[];--> statement-breakpoint
ALTER TABLE "organization_sightings" ADD COLUMN "early" uuid[] DEFAULT '{}' NOT NULL;
--> statement-breakpoint
-- What became of a source or category that only an article under embargo shows was told to nobody, so that a
-- mirror with early access kept its old name until the embargo ended. Rows now say too who sees it with early
-- access alone; readers, partners without and keys without the scope are told nothing of it.

-- Which partners see a source or category at this moment; with early access, those that have it.
CREATE FUNCTION public.partners_seeing(of_kind text, of_id uuid, early boolean) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  seeing uuid[] := '{}';
  one uuid;
BEGIN
  FOR one IN
    SELECT p.id FROM public.partners p
    WHERE p.ended_at IS NULL AND (NOT partners_seeing.early OR (
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
REVOKE ALL ON FUNCTION public.partners_seeing(text, uuid, boolean) FROM PUBLIC;
--> statement-breakpoint
-- The version before gives rights on it, and calls it nowhere else.
CREATE OR REPLACE FUNCTION public.partners_seeing(of_kind text, of_id uuid) RETURNS uuid[]
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT public.partners_seeing(of_kind, of_id, false)
$$;
--> statement-breakpoint
-- Whether an article shows a source or category whose time has come, but perhaps for an embargo.
CREATE FUNCTION public.is_shown_early(of_kind text, of_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM public.article_listings l JOIN public.articles a ON a.id = l.article_id
    WHERE l.kind = ANY (CASE of_kind WHEN 'category' THEN ARRAY['category'] ELSE ARRAY['source', 'speaker'] END)
      AND l.resource_id = of_id AND a.status = 'published' AND a.publish_at <= now()
      AND (a.expires_at IS NULL OR a.expires_at > now()));
END $$;
--> statement-breakpoint
-- Who is in one of two lists and not in the other.
CREATE FUNCTION public.differing(a uuid[], b uuid[]) RETURNS uuid[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT p FROM unnest(a || b) p WHERE (p = ANY (a)) <> (p = ANY (b)));
--> statement-breakpoint
-- As in 0019_deletions_are_told_to_who_sees, and early access; what time has done, as it was then.
CREATE OR REPLACE FUNCTION public.changes_say_to_whom() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NEW.kind = 'article' THEN
    SELECT c.is_visible, c.is_early, c.is_language,
        coalesce(CASE WHEN c.is_early THEN public.filed_in(c.resource_id, c.to_version) END, c.is_categories)
      INTO NEW.was_visible, NEW.was_early, NEW.was_language, NEW.was_categories
      FROM public.changes c WHERE c.resource_id = NEW.resource_id AND c.kind = 'article'
      ORDER BY c.id DESC LIMIT 1;
    -- What time has done is told of as it was then: an article may have come and gone since the last sweep.
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
    NEW.seen_by := CASE WHEN NEW.was_visible THEN ARRAY(
      SELECT p FROM unnest(public.partners_seeing(NEW.kind, NEW.resource_id, false)) p
      WHERE NEW.seen_by IS NULL OR p = ANY (NEW.seen_by)) END;
    -- What is new is named nowhere yet; of what no article shows, nobody is asked.
    NEW.seen_early_by := CASE WHEN NEW.operation <> 'create'
      AND public.is_shown_early(NEW.kind, NEW.resource_id) THEN ARRAY(
        SELECT p FROM unnest(public.partners_seeing(NEW.kind, NEW.resource_id, true)) p
        WHERE (NEW.seen_early_by IS NULL OR p = ANY (NEW.seen_early_by))
          AND p <> ALL (coalesce(NEW.seen_by, '{}'))) END;
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
-- As in 0009_partner_views, and what is told with early access alone.
CREATE OR REPLACE VIEW partner.changes AS
SELECT c.position, c.kind AS resource, c.resource_id AS id, c.to_version AS version, c.event, c.at,
  CASE WHEN c.event = 'entitlement.changed' THEN 'reset'
    WHEN CASE c.kind WHEN 'article' THEN v.is_there ELSE c.operation <> 'delete' END THEN 'upsert'
    ELSE 'remove' END AS op,
  CASE WHEN c.event = 'entitlement.changed' THEN NULL
    WHEN c.kind <> 'article' THEN CASE WHEN c.operation = 'delete' THEN 'deleted' END
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
    WHEN 'source' THEN me.id = ANY (c.seen_by) OR e.early AND me.id = ANY (c.seen_early_by)
    WHEN 'partner' THEN c.resource_id = me.id AND c.event = 'entitlement.changed'
    -- What a category's move takes along may have come to a partner, or left it.
    WHEN 'category' THEN CASE WHEN c.event = 'entitlement.changed'
      THEN coalesce(e.allowed && c.is_categories, false) OR e.excluded && c.is_categories
      ELSE me.id = ANY (c.seen_by) OR e.early AND me.id = ANY (c.seen_early_by) END
    ELSE false END;
--> statement-breakpoint
-- As in 0020_members_are_told, and with early access.
CREATE OR REPLACE FUNCTION public.tell_members() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  since bigint;
  until bigint;
  one uuid;
  before public.organization_sightings;
  is_known boolean;
  see boolean;
  partners uuid[];
  early uuid[];
  for_all boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('dateline.members.told')) THEN RETURN; END IF;
  until := coalesce((SELECT max(c.position) FROM public.changes c), 0);
  -- What was before the first look is not known; each organization is told of once it is named.
  INSERT INTO public.members_told (id, position) VALUES (1, until) ON CONFLICT DO NOTHING;
  SELECT t.position INTO since FROM public.members_told t;
  until := least(until, since + 5000);
  IF until <= since THEN RETURN; END IF;
  UPDATE public.members_told t SET position = until;
  -- Whose entitlement has changed begins anew, at a moment that nobody here knows.
  IF EXISTS (SELECT FROM public.changes c
    WHERE c.position > since AND c.position <= until AND c.event = 'entitlement.changed')
  THEN DELETE FROM public.organization_sightings;
  END IF;
  FOR one IN
    WITH looked AS (
      SELECT c.kind, c.resource_id, c.from_version, c.to_version FROM public.changes c
      WHERE c.position > since AND c.position <= until AND (c.was_visible OR c.is_visible OR c.was_early OR c.is_early)
    ), kept AS (
      SELECT r.content FROM looked l
      JOIN public.revisions r ON r.article_id = l.resource_id AND r.version IN (l.from_version, l.to_version)
      WHERE l.kind = 'article' AND EXISTS (SELECT FROM public.sources m WHERE m.organization_id IS NOT NULL)
    ), named AS (
      SELECT (s ->> 'id')::uuid AS id FROM kept, jsonb_array_elements(content -> 'sources') s
      UNION
      SELECT (q ->> 'speaker_id')::uuid FROM kept, jsonb_array_elements(content -> 'quotes') q
      UNION
      SELECT m.organization_id FROM looked l JOIN public.sources m ON m.id = l.resource_id
      WHERE l.kind = 'source'
    )
    SELECT n.id FROM named n
    WHERE EXISTS (SELECT FROM public.sources m WHERE m.organization_id = n.id) ORDER BY n.id
  LOOP
    SELECT * INTO before FROM public.organization_sightings o WHERE o.organization_id = one;
    is_known := FOUND;
    see := EXISTS (SELECT FROM reader.source_ids v WHERE v.id = one);
    partners := ARRAY(SELECT p FROM unnest(public.partners_seeing('source', one)) p ORDER BY p);
    early := ARRAY(SELECT p FROM unnest(public.partners_seeing('source', one, true)) p ORDER BY p);
    for_all := NOT is_known OR before.readers <> see OR before.partners <> partners;
    CONTINUE WHEN NOT for_all AND before.early = early;
    INSERT INTO public.organization_sightings AS o (organization_id, readers, partners, early)
    VALUES (one, see, partners, early)
    ON CONFLICT (organization_id) DO UPDATE
    SET readers = excluded.readers, partners = excluded.partners, early = excluded.early;
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, reason,
      at, is_early, seen_by, seen_early_by)
    SELECT 'source', m.id, 'update', 'source.updated', m.version, m.version, 'clock',
      'who sees its organization has changed', date_trunc('milliseconds', clock_timestamp()), NOT for_all,
      CASE WHEN is_known THEN public.differing(before.partners, partners) END,
      CASE WHEN is_known THEN public.differing(before.early, early) END
    FROM (SELECT s.id, s.version FROM public.sources s
      WHERE s.organization_id = one AND (s.id IN (SELECT v.id FROM reader.source_ids v)
        OR (NOT is_known OR before.early || early <> '{}') AND public.is_shown_early('source', s.id))
      ORDER BY s.id FOR NO KEY UPDATE) m;
  END LOOP;
END $$;

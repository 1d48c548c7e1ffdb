-- The deletion of a source or category was told to every partner, by its id, because once it is gone nobody can
-- be asked whether they had it. Its row is now written first, before what refers to it goes over to another: told
-- are those who see it at that moment, and whom a row of its own has told of it.

-- As in 0016_was_in_todays_tree, but for deletions.
CREATE OR REPLACE FUNCTION public.changes_say_to_whom() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NEW.kind = 'article' THEN
    SELECT c.is_visible, c.is_early, c.is_language,
        coalesce(CASE WHEN c.is_early THEN public.filed_in(c.resource_id, c.to_version) END, c.is_categories)
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
    NEW.was_visible := CASE NEW.kind
      WHEN 'source' THEN EXISTS (SELECT FROM reader.source_ids v WHERE v.id = NEW.resource_id)
      ELSE EXISTS (SELECT FROM reader.category_ids v WHERE v.id = NEW.resource_id) END;
    NEW.is_visible := NEW.was_visible AND NEW.operation <> 'delete';
    -- Where the row says whom it concerns, of these.
    NEW.seen_by := CASE WHEN NEW.was_visible THEN ARRAY(
      SELECT p FROM unnest(public.partners_seeing(NEW.kind, NEW.resource_id)) p
      WHERE NEW.seen_by IS NULL OR p = ANY (NEW.seen_by)) END;
    IF NEW.operation = 'delete' THEN
      NEW.was_visible := EXISTS (SELECT FROM public.sightings s
        WHERE s.kind = NEW.kind AND s.resource_id = NEW.resource_id);
      NEW.seen_by := ARRAY(
        SELECT unnest(c.seen_by) FROM public.changes c
        WHERE c.resource_id = NEW.resource_id AND c.kind = NEW.kind
        UNION SELECT unnest(NEW.seen_by));
      -- The version before writes it last, when nobody sees it.
      IF NOT EXISTS (SELECT FROM public.sources s WHERE s.id = NEW.resource_id
        UNION ALL SELECT FROM public.categories c WHERE c.id = NEW.resource_id)
      THEN NEW.seen_by := ARRAY(SELECT p.id FROM public.partners p WHERE p.ended_at IS NULL);
      END IF;
    END IF;
  END IF;
  -- Whoever waits for the next row looks again after the commit; once, however many rows there are.
  IF NEW.was_visible OR NEW.is_visible OR NEW.was_early OR NEW.is_early
    OR NEW.event = 'entitlement.changed'
  THEN PERFORM pg_notify('dateline_ledger', '');
  END IF;
  RETURN NEW;
END $$;

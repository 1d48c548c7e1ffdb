-- The deletion of a source or category was told to every partner, by its id, because once it is gone nobody can
-- be asked whether they had it. Its row is now written first, before what refers to it goes over to another: told
-- are those who see it at that moment. Whoever saw it earlier has had the articles that stopped naming it.

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
    NEW.seen_by := CASE WHEN NEW.was_visible
      THEN public.partners_seeing(NEW.kind, NEW.resource_id) END;
  END IF;
  -- Whoever waits for the next row looks again after the commit; once, however many rows there are.
  IF NEW.was_visible OR NEW.is_visible OR NEW.was_early OR NEW.is_early
    OR NEW.event = 'entitlement.changed'
  THEN PERFORM pg_notify('dateline_ledger', '');
  END IF;
  RETURN NEW;
END $$;

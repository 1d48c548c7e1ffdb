CREATE TABLE "members_told" (
	"id" integer PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "members_told_id_check" CHECK ("members_told"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "organization_sightings" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"readers" boolean NOT NULL,
	"partners" uuid[] NOT NULL
);
--> statement-breakpoint
ALTER TABLE "organization_sightings" ADD CONSTRAINT "organization_sightings_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "public"."sources"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
-- An organization is shown with its members only where it is seen itself, so an article that names it, or no
-- longer does, changes what other articles show of its members: of those no row in the ledger told, and a
-- mirror kept what was. Now each member is told of, whenever who sees its organization has changed.

-- Follows the ledger, 5,000 rows at a time: of each organization with members that is named by an article of
-- which a row tells, or that such a source belongs to, asks who sees it, and compares. Not in the writers'
-- transactions, which would wait for each other there, and for as many questions as there are partners; who
-- commits after this has looked has a row further on. One does it at a time. What is under embargo does not count.
CREATE FUNCTION public.tell_members() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  since bigint;
  until bigint;
  one uuid;
  before public.organization_sightings;
  is_known boolean;
  see boolean;
  partners uuid[];
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
      WHERE c.position > since AND c.position <= until AND (c.was_visible OR c.is_visible)
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
    CONTINUE WHEN is_known AND before.readers = see AND before.partners = partners;
    INSERT INTO public.organization_sightings AS o (organization_id, readers, partners)
    VALUES (one, see, partners)
    ON CONFLICT (organization_id) DO UPDATE SET readers = excluded.readers, partners = excluded.partners;
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version, key_name, reason,
      at, seen_by)
    SELECT 'source', m.id, 'update', 'source.updated', m.version, m.version, 'clock',
      'who sees its organization has changed', date_trunc('milliseconds', clock_timestamp()),
      CASE WHEN is_known THEN ARRAY(
        SELECT p FROM unnest(before.partners || partners) p
        WHERE (p = ANY (before.partners)) <> (p = ANY (partners))) END
    FROM (SELECT s.id, s.version FROM public.sources s
      WHERE s.organization_id = one AND s.id IN (SELECT v.id FROM reader.source_ids v)
      ORDER BY s.id FOR NO KEY UPDATE) m;
  END LOOP;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.tell_members() FROM PUBLIC;

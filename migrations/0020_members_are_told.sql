CREATE TABLE "organization_sightings" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"readers" boolean DEFAULT false NOT NULL,
	"partners" uuid[] DEFAULT '{}' NOT NULL,
	"early" uuid[] DEFAULT '{}' NOT NULL,
	"as_of" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "organization_sightings" ADD CONSTRAINT "organization_sightings_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "public"."sources"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
-- An organization is shown with its members only where it is seen itself, so an article that names it, or no
-- longer does, changes what other articles show of its members: of those no row in the ledger told, and a
-- mirror kept what was. Now each member is told of once, whenever who sees its organization has changed.

-- For articles that were written, or whose time has come, and that somebody sees or saw: of every organization
-- with members that their last two versions name. It comes last in a transaction, and takes the rows of organizations one after the other in
-- one order, so that of two who write at a time the later one sees what the other did.
CREATE FUNCTION public.tell_members(written uuid[], by_key uuid, by_name text, by_request text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  one uuid;
  before public.organization_sightings;
  sees public.organization_sightings;
BEGIN
  FOR one IN
    WITH kept AS (
      SELECT r.content FROM public.articles a
      JOIN public.revisions r ON r.article_id = a.id AND r.version >= a.version - 1
      CROSS JOIN LATERAL (SELECT c.was_early OR c.is_early AS told FROM public.changes c
        WHERE c.resource_id = a.id AND c.kind = 'article' ORDER BY c.id DESC LIMIT 1) c
      WHERE a.id = ANY (written) AND c.told AND EXISTS (SELECT FROM public.sources m WHERE m.organization_id IS NOT NULL)
    ), named AS (
      SELECT (s ->> 'id')::uuid AS id FROM kept, jsonb_array_elements(content -> 'sources') s
      UNION
      SELECT (q ->> 'speaker_id')::uuid FROM kept, jsonb_array_elements(content -> 'quotes') q
    )
    SELECT n.id FROM named n
    WHERE EXISTS (SELECT FROM public.sources m WHERE m.organization_id = n.id) ORDER BY n.id
  LOOP
    INSERT INTO public.organization_sightings (organization_id) VALUES (one) ON CONFLICT DO NOTHING;
    SELECT * INTO before FROM public.organization_sightings o WHERE o.organization_id = one FOR UPDATE;
    sees := before;
    sees.readers := EXISTS (SELECT FROM reader.source_ids v WHERE v.id = one);
    sees.partners := ARRAY(SELECT p FROM unnest(public.partners_seeing('source', one)) p ORDER BY p);
    IF EXISTS (SELECT FROM public.entitlements e WHERE e.early) THEN
      PERFORM set_config('dateline.embargo', 'on', true);
      sees.early := ARRAY(SELECT p FROM unnest(public.partners_seeing('source', one)) p ORDER BY p);
      PERFORM set_config('dateline.embargo', '', true);
    END IF;
    -- Whose entitlement has changed was told to begin anew, and has other copies than are noted here.
    sees.as_of := coalesce((SELECT max(c.id) FROM public.changes c WHERE c.event = 'entitlement.changed'), 0);
    CONTINUE WHEN sees = before;
    UPDATE public.organization_sightings o
    SET readers = sees.readers, partners = sees.partners, early = sees.early, as_of = sees.as_of
    WHERE o.organization_id = one;
    INSERT INTO public.changes (kind, resource_id, operation, event, from_version, to_version,
      key_id, key_name, request_id, reason, at, seen_by)
    SELECT 'source', m.id, 'update', 'source.updated', m.version, m.version,
      by_key, by_name, by_request, 'who sees its organization has changed',
      date_trunc('milliseconds', clock_timestamp()),
      -- Whose view has changed; of those that were reset nobody knows it.
      CASE WHEN sees.as_of = before.as_of THEN ARRAY(
        SELECT p FROM unnest(before.partners || before.early || sees.partners || sees.early) p
        WHERE (p = ANY (before.partners)) <> (p = ANY (sees.partners))
          OR (p = ANY (before.early)) <> (p = ANY (sees.early))) END
    FROM (SELECT m.id, m.version FROM public.sources m
      WHERE m.organization_id = one AND m.id IN (SELECT v.id FROM reader.source_ids v)
      ORDER BY m.id FOR NO KEY UPDATE) m;
  END LOOP;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.tell_members(uuid[], uuid, text, text) FROM PUBLIC;

-- As in 0013_removals, but each is asked by itself whether it is gone: joined, a partner that asked for a slug it
-- may not have had all articles compared, twice; at a million 1 s for a 404. With LIMIT it stays a question.
DO $$
DECLARE
  audience text;
BEGIN
  FOREACH audience IN ARRAY ARRAY['reader', 'partner'] LOOP
    EXECUTE replace('CREATE OR REPLACE VIEW reader.gone_slugs AS
      SELECT s.kind, s.slug, s.resource_id FROM public.slugs s
      WHERE (s.seen
          OR EXISTS (SELECT FROM public.articles a
            WHERE a.id = s.resource_id AND a.slug = s.slug AND (a.announced OR a.status = ''published''))
          OR s.kind <> ''article'' AND EXISTS (
            SELECT FROM public.sources r WHERE r.id = s.resource_id AND r.slug = s.slug
            UNION ALL
            SELECT FROM public.categories c WHERE c.id = s.resource_id AND c.slug = s.slug))
        AND (SELECT true FROM reader.gone g WHERE g.kind = s.kind AND g.resource_id = s.resource_id LIMIT 1)',
      'reader.', audience || '.');
  END LOOP;
END $$;

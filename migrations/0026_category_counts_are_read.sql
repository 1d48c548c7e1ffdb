-- By how much the kept counts of categories are off for readers: by what has come, and by articles that are
-- published and not visible at this moment. The branches are those of indexes.
CREATE VIEW public.category_counts_off AS
SELECT d.category_id, sum(d.published)::integer AS published
FROM (
  SELECT c.category_id, c.published FROM public.category_count_changes c
  UNION ALL
  SELECT l.resource_id, -1 FROM (
    SELECT a.id FROM public.articles a WHERE a.status = 'published' AND a.publish_at > now()
    UNION
    SELECT a.id FROM public.articles a
    WHERE a.status = 'published' AND a.embargo_until IS NOT NULL AND a.embargo_until > now()
    UNION
    SELECT a.id FROM public.articles a
    WHERE a.status = 'published' AND a.expires_at IS NOT NULL AND a.expires_at <= now()
  ) u CROSS JOIN LATERAL (
    -- OFFSET, or the planner, who takes these articles for many, reads all listings.
    SELECT l.resource_id FROM public.article_listings l
    WHERE l.article_id = u.id AND l.kind = 'category' AND l.for_readers OFFSET 0
  ) l
) d GROUP BY d.category_id HAVING sum(d.published) <> 0;
--> statement-breakpoint
-- As in 0012_cheaper_reads, but for categories. What is off is asked for once in a statement, however many
-- categories it is about: so it is arrays here.
CREATE OR REPLACE VIEW reader.listed_counts AS
SELECT 'category'::text AS kind, k.category_id AS resource_id, (k.published + coalesce((
  SELECT o.published FROM unnest(
    ARRAY(SELECT f.category_id FROM public.category_counts_off f ORDER BY f.category_id),
    ARRAY(SELECT f.published FROM public.category_counts_off f ORDER BY f.category_id)) o (category_id, published)
  WHERE o.category_id = k.category_id), 0))::bigint AS articles
FROM public.category_counts k
UNION ALL
SELECT 'named', l.resource_id, count(DISTINCT l.article_id) - count(DISTINCT u.id)
FROM public.article_listings l LEFT JOIN (
  SELECT a.id FROM public.articles a WHERE a.status = 'published' AND a.publish_at > now()
  UNION
  SELECT a.id FROM public.articles a
  WHERE a.status = 'published' AND a.embargo_until IS NOT NULL AND a.embargo_until > now()
  UNION
  SELECT a.id FROM public.articles a
  WHERE a.status = 'published' AND a.expires_at IS NOT NULL AND a.expires_at <= now()
) u ON u.id = l.article_id
WHERE l.for_readers AND l.kind IN ('source', 'speaker')
GROUP BY l.resource_id;
--> statement-breakpoint
CREATE OR REPLACE VIEW editor.listed_counts AS
SELECT 'category'::text AS kind, k.category_id AS resource_id, (k.articles + coalesce((
  SELECT sum(d.articles) FROM public.category_count_changes d WHERE d.category_id = k.category_id), 0))::bigint
  AS articles
FROM public.category_counts k
UNION ALL
SELECT 'named', l.resource_id, count(DISTINCT l.article_id)
FROM public.article_listings l WHERE l.kind IN ('source', 'speaker')
GROUP BY l.resource_id;
--> statement-breakpoint
-- Whoever may have all that readers see has their counts; what another partner may have is asked article by
-- article.
CREATE OR REPLACE VIEW partner.listed_counts AS
SELECT l.kind, l.resource_id, l.articles FROM reader.listed_counts l
WHERE (SELECT me.languages IS NULL AND me.allowed IS NULL AND me.excluded = '{}' AND NOT me.early FROM partner.me)
UNION ALL
SELECT l.kind, l.resource_id, l.articles FROM (
  SELECT l.kind, l.resource_id, count(*) AS articles
  FROM partner.article_listings l WHERE l.kind = 'category'
  GROUP BY l.kind, l.resource_id
  UNION ALL
  SELECT 'named', l.resource_id, count(DISTINCT l.article_id)
  FROM partner.article_listings l WHERE l.kind IN ('source', 'speaker')
  GROUP BY l.resource_id
) l
WHERE (SELECT me.languages IS NOT NULL OR me.allowed IS NOT NULL OR me.excluded <> '{}' OR me.early FROM partner.me);

-- When an article last changed for a partner depends on the clock: under an embargo that it may read before the
-- end, the end does not count yet. No index can hold that, and a partner that asked for what has changed last
-- had all articles read: at a million 11 s, which is longer than a statement may take.

-- The same articles, of which the index of readers has those in order that are under no embargo; the few others
-- are sorted. Each part is a whole table and the conditions stand outside, or neither would be walked in order.
CREATE VIEW partner.changed_articles AS
SELECT c.id, a.version, a.slug, a.status, a.headline, a.summary, a.byline, a.language, a.body, a.body_html,
  a.plain_text, a.lead_image, a.origin_system, a.origin_id, a.origin_url, a.publish_at, a.embargo_until,
  a.expires_at, a.published_at, a.listed_at, a.search, a.created_at, c.updated_at
FROM (
  SELECT id, status, embargo_until, greatest(updated_at, publish_at, embargo_until) AS updated_at, false AS early
  FROM public.articles
  UNION ALL
  SELECT id, status, embargo_until, greatest(updated_at, publish_at), true FROM public.articles
) c JOIN partner.articles a ON a.id = c.id
WHERE c.status = 'published'
  AND CASE WHEN c.early THEN c.embargo_until IS NOT NULL AND c.embargo_until > now()
    ELSE c.embargo_until IS NULL OR c.embargo_until <= now() END;
--> statement-breakpoint
-- The version before answers while the migrations after this one are applied.
GRANT SELECT ON partner.changed_articles TO dateline_partner;

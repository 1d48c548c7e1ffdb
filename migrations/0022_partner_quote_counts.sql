CREATE TABLE "partner_counts" (
	"partner_id" uuid NOT NULL,
	"early" boolean NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "partner_counts_pkey" PRIMARY KEY("partner_id","early")
);
--> statement-breakpoint
CREATE TABLE "partner_quote_counts" (
	"partner_id" uuid NOT NULL,
	"early" boolean NOT NULL,
	"source_id" uuid NOT NULL,
	"quotes" integer NOT NULL,
	CONSTRAINT "partner_quote_counts_pkey" PRIMARY KEY("partner_id","early","source_id")
);
--> statement-breakpoint
ALTER TABLE "partner_counts" ADD CONSTRAINT "partner_counts_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "partner_quote_counts_quotes_source_id_idx" ON "partner_quote_counts" USING btree ("partner_id","early","quotes","source_id");--> statement-breakpoint
CREATE INDEX "partner_quote_counts_source_id_idx" ON "partner_quote_counts" USING btree ("source_id");
--> statement-breakpoint
-- How many quotes of each source a partner sees was counted for each answer, in a pass over all quotes: at a
-- million articles 12 s, which is longer than a statement may take. Now counts are kept for partners too, as the
-- ledger has them up to a position; an answer adds what the ledger has had since. They are made from nothing
-- when an entitlement changes (src/quotes/partner-counts.ts), and counted as before until that is done.

CREATE FUNCTION public.forget_partner_quote_counts() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM public.partner_quote_counts WHERE source_id = OLD.id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER sources_forget_partner_quote_counts AFTER DELETE ON public.sources
  FOR EACH ROW EXECUTE FUNCTION public.forget_partner_quote_counts();
--> statement-breakpoint
-- By what each row of the ledger moves the count of a source, and for whom: the quotes of the version before,
-- to whom that was shown, and those of the new one. A new source begins with none.
CREATE VIEW editor.quote_moves AS
SELECT c.position, m.sign, m.visible, m.early, m.language, m.categories, q.speaker_id AS source_id
FROM public.changes c
CROSS JOIN LATERAL (VALUES
  (-1, c.was_visible, c.was_early, c.was_language, c.was_categories, c.from_version),
  (1, c.is_visible, c.is_early, c.is_language, c.is_categories, c.to_version)
) m (sign, visible, early, language, categories, version)
JOIN public.revisions r ON r.article_id = c.resource_id AND r.version = m.version
CROSS JOIN LATERAL jsonb_to_recordset(r.content -> 'quotes') q (speaker_id uuid, state text)
WHERE c.kind = 'article' AND m.early AND q.speaker_id IS NOT NULL AND q.state IS DISTINCT FROM 'suggested'
UNION ALL
SELECT c.position, 0, true, true, NULL, NULL, c.resource_id
FROM public.changes c WHERE c.kind = 'source' AND c.operation = 'create';
--> statement-breakpoint
-- Whose counts are kept: of each partner without early access, and with it where it is entitled to that.
CREATE VIEW editor.partner_counts_wanted AS
SELECT p.id AS partner_id, m.early, e.languages, e.allowed, e.excluded
FROM public.partners p
CROSS JOIN LATERAL (
  SELECT e.languages, e.allowed, e.excluded, e.early FROM public.entitlements e
  WHERE e.partner_id = p.id ORDER BY e.id DESC LIMIT 1) e
CROSS JOIN (VALUES (false), (true)) m (early)
WHERE p.ended_at IS NULL AND (e.early OR NOT m.early);
--> statement-breakpoint
-- Those that are of the entitlement of now, with it. A category that moved took along what a partner may have
-- (partner.changes). All others are made from nothing.
CREATE VIEW editor.partner_counts_valid AS
SELECT w.partner_id, w.early, w.languages, w.allowed, w.excluded, k.position
FROM editor.partner_counts_wanted w
JOIN public.partner_counts k ON k.partner_id = w.partner_id AND k.early = w.early
WHERE NOT EXISTS (SELECT FROM public.changes c
  WHERE c.event = 'entitlement.changed' AND (c.position > k.position OR c.position IS NULL)
    AND CASE c.kind WHEN 'partner' THEN c.resource_id = w.partner_id
      ELSE coalesce(w.allowed && c.is_categories, false) OR w.excluded && c.is_categories END);
--> statement-breakpoint
-- Adds some of what the ledger has had since, for those that are the furthest behind; whether there was any. What
-- moves is summed up before partners are asked, and what moves nothing is not written.
CREATE FUNCTION public.add_partner_quote_counts() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  since bigint;
  until bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('dateline.partner.counts')) THEN RETURN false; END IF;
  since := (SELECT min(v.position) FROM editor.partner_counts_valid v);
  until := (SELECT max(c.position) FROM public.changes c);
  IF since IS NULL OR since >= until THEN RETURN false; END IF;
  -- As far as the next ones are, so that they go on together.
  until := least(until, since + 250,
    (SELECT min(v.position) FROM editor.partner_counts_valid v WHERE v.position > since));
  WITH moves AS MATERIALIZED (
    SELECT m.source_id, m.visible, m.early, m.language, m.categories, sum(m.sign)::integer AS quotes,
      bool_or(m.sign = 0) AS is_new
    FROM editor.quote_moves m WHERE m.position > since AND m.position <= until
    GROUP BY m.source_id, m.visible, m.early, m.language, m.categories
    HAVING sum(m.sign) <> 0 OR bool_or(m.sign = 0)
  ), sums AS (
    SELECT v.partner_id, v.early, m.source_id, sum(m.quotes)::integer AS quotes
    FROM moves m JOIN editor.partner_counts_valid v ON m.is_new
      OR CASE WHEN v.early THEN m.early ELSE m.visible END
        AND public.entitles(v.languages, v.allowed, v.excluded, m.language, m.categories)
    WHERE v.position = since
    GROUP BY v.partner_id, v.early, m.source_id
    HAVING sum(m.quotes) <> 0 OR bool_or(m.is_new)
  )
  INSERT INTO public.partner_quote_counts AS k (partner_id, early, source_id, quotes)
  SELECT n.partner_id, n.early, n.source_id, n.quotes
  FROM sums n JOIN public.sources s ON s.id = n.source_id
  ON CONFLICT (partner_id, early, source_id) DO UPDATE SET quotes = k.quotes + excluded.quotes;
  UPDATE public.partner_counts k SET position = until
  FROM editor.partner_counts_valid v
  WHERE v.partner_id = k.partner_id AND v.early = k.early AND k.position = since;
  RETURN true;
END $$;
--> statement-breakpoint
-- How far the counts of who reads are; nothing when they are made from nothing, or so far behind that adding up
-- takes long.
CREATE VIEW partner.counts_kept AS
SELECT v.position FROM partner.me JOIN editor.partner_counts_valid v ON v.partner_id = me.id AND v.early = me.early
WHERE v.position >= (SELECT coalesce(max(c.position), 0) FROM public.changes c) - 5000;
--> statement-breakpoint
-- By how much kept counts are off: by what the ledger has had since, and by articles that are announced and not
-- there, or there and not yet announced (src/changes/announce.ts, within a second). As public.quote_counts_off.
CREATE VIEW partner.quote_counts_off AS
SELECT d.source_id, sum(d.sign)::integer AS quotes
FROM (
  SELECT m.source_id, m.sign FROM (
    SELECT * FROM editor.quote_moves m
    WHERE m.position > (SELECT k.position FROM partner.counts_kept k)
      AND m.position <= (SELECT k.position FROM partner.counts_kept k) + 5000
    UNION ALL
    SELECT * FROM editor.quote_moves m WHERE m.position IS NULL
  ) m CROSS JOIN partner.me
  WHERE m.sign = 0 OR CASE WHEN me.early THEN m.early ELSE m.visible END
    AND public.entitles(me.languages, me.allowed, me.excluded, m.language, m.categories)
  UNION ALL
  SELECT q.speaker_id, a.sign FROM (
    SELECT u.id, CASE WHEN me.early THEN u.early ELSE u.visible END AS sign
    FROM partner.me CROSS JOIN (
      SELECT a.id, 1 AS visible, 1 - a.announced_early::integer AS early FROM public.articles a
      WHERE a.status = 'published' AND NOT a.announced AND a.publish_at <= now()
        AND (a.embargo_until IS NULL OR a.embargo_until <= now())
        AND (a.expires_at IS NULL OR a.expires_at > now())
      UNION ALL
      SELECT a.id, 0, 1 FROM public.articles a
      WHERE a.status = 'published' AND NOT a.announced AND NOT a.announced_early AND a.publish_at <= now()
        AND a.embargo_until > now() AND (a.expires_at IS NULL OR a.expires_at > now())
      UNION ALL
      SELECT a.id, -a.announced::integer, -1 FROM public.articles a
      WHERE a.announced_early AND a.expires_at IS NOT NULL AND a.expires_at <= now()
    ) u JOIN public.articles a ON a.id = u.id
    WHERE public.entitles(me.languages, me.allowed, me.excluded, a.language, ARRAY(
      SELECT l.resource_id FROM public.article_listings l WHERE l.article_id = a.id AND l.kind = 'category'))
  ) a CROSS JOIN LATERAL (
    SELECT q.speaker_id FROM public.quotes q
    WHERE q.article_id = a.id AND q.speaker_id IS NOT NULL AND q.state IS DISTINCT FROM 'suggested' OFFSET 0
  ) q WHERE a.sign <> 0
) d GROUP BY d.source_id HAVING sum(d.sign) <> 0 OR bool_or(d.sign = 0);
--> statement-breakpoint
-- Of three parts, the first of which an index has in order: what is kept, what of it is off, and, where nothing
-- is kept, all as they are counted. Who is quoted is seen; others are where an article names them.
CREATE OR REPLACE VIEW partner.quote_counts AS
SELECT t.source_id, t.quotes FROM (
  SELECT c.partner_id, c.early, c.source_id, c.quotes, 'kept' AS part FROM public.partner_quote_counts c
  UNION ALL
  SELECT me.id, me.early, o.source_id, coalesce(c.quotes, 0) + o.quotes, 'corrected'
  FROM partner.me CROSS JOIN unnest(
    ARRAY(SELECT f.source_id FROM partner.quote_counts_off f ORDER BY f.source_id),
    ARRAY(SELECT f.quotes FROM partner.quote_counts_off f ORDER BY f.source_id)) o (source_id, quotes)
  LEFT JOIN public.partner_quote_counts c
    ON c.partner_id = me.id AND c.early = me.early AND c.source_id = o.source_id
  UNION ALL
  SELECT me.id, me.early, s.id, coalesce(q.quotes, 0), 'counted'
  FROM partner.me CROSS JOIN public.sources s LEFT JOIN (
    SELECT q.speaker_id, count(*)::integer AS quotes FROM partner.quotes q GROUP BY q.speaker_id
  ) q ON q.speaker_id = s.id
) t
WHERE t.partner_id = (SELECT me.id FROM partner.me) AND t.early = (SELECT me.early FROM partner.me)
  AND CASE t.part WHEN 'counted' THEN NOT EXISTS (SELECT FROM partner.counts_kept)
    ELSE EXISTS (SELECT FROM partner.counts_kept) END
  AND (t.part <> 'kept'
    OR t.source_id <> ALL (ARRAY(SELECT f.source_id FROM partner.quote_counts_off f)))
  AND (t.quotes > 0 OR EXISTS (SELECT FROM partner.article_sources x WHERE x.id = t.source_id));
--> statement-breakpoint
-- The version before writes and answers while the migrations after this one are applied; only then are all
-- rights set (src/db/roles.ts).
GRANT SELECT, INSERT, UPDATE, DELETE ON public.partner_counts, public.partner_quote_counts TO dateline_editor;
--> statement-breakpoint
GRANT SELECT ON editor.quote_moves, editor.partner_counts_valid, editor.partner_counts_wanted TO dateline_editor;
--> statement-breakpoint
GRANT SELECT ON partner.counts_kept, partner.quote_counts_off TO dateline_partner;

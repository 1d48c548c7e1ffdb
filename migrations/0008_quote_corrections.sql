-- The corrections of a quote, as rows: only those of quotes that the audience sees, so that none is hidden
-- among them (reader.corrections hides the quote's id with a CASE, which keeps its index idle).
CREATE VIEW reader.quote_corrections AS
SELECT k.id, k.article_id, k.kind, k.text, k.at, k.from_version, k.to_version, k.block, k.quote_id
FROM public.corrections k
JOIN public.quotes q ON q.id = k.quote_id
JOIN reader.articles a ON a.id = q.article_id
WHERE q.state IS DISTINCT FROM 'suggested';
--> statement-breakpoint
CREATE VIEW editor.quote_corrections AS
SELECT k.id, k.article_id, k.kind, k.text, k.at, k.from_version, k.to_version, k.block, k.quote_id
FROM public.corrections k WHERE k.quote_id IS NOT NULL;

-- no transaction
-- A row for each source, 500 at a time; then the counts, in one statement with one snapshot: what writers add
-- meanwhile has come, and is added afterwards.
DO $$
BEGIN
  LOOP
    INSERT INTO public.quote_counts (source_id)
    SELECT s.id FROM public.sources s
    WHERE NOT EXISTS (SELECT FROM public.quote_counts c WHERE c.source_id = s.id) LIMIT 500 FOR KEY SHARE
    ON CONFLICT DO NOTHING;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END $$;
--> statement-breakpoint
DO $$ BEGIN PERFORM public.rebuild_quote_counts(); END $$;

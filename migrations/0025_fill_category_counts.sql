-- no transaction
-- A row for each category, 500 at a time, so that none is locked for long; then the counts, in one statement with
-- one snapshot: what writers add meanwhile has come, and is added afterwards.
DO $$
BEGIN
  LOOP
    INSERT INTO public.category_counts (category_id)
    SELECT c.id FROM public.categories c
    WHERE NOT EXISTS (SELECT FROM public.category_counts k WHERE k.category_id = c.id) LIMIT 500 FOR KEY SHARE
    ON CONFLICT DO NOTHING;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END $$;
--> statement-breakpoint
DO $$ BEGIN PERFORM public.rebuild_category_counts(); END $$;

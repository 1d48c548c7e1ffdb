-- no transaction
-- In one statement with one snapshot: what writers add meanwhile has come, and is added afterwards.
DO $$ BEGIN PERFORM public.rebuild_category_counts(); END $$;

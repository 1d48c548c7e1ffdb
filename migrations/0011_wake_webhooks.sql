-- Alarms are jobs of pg-boss (its schema is made by src/db/queue.ts, before the migrations): whoever gets
-- one looks for what is due. Its documentation has a row put in here as a way to make one. One that was
-- taken and not done within 30 s, because its process was killed, is given to another.
CREATE FUNCTION public.wake_webhooks(at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  INSERT INTO pgboss.job (name, start_after, keep_until, expire_seconds, retry_limit, retry_delay, deletion_seconds)
  VALUES ('webhooks', wake_webhooks.at, wake_webhooks.at + interval '14 days', 30, 1000, 1, 3600)
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION public.wake_webhooks(timestamptz) FROM PUBLIC;
--> statement-breakpoint
-- Whoever writes into the ledger, a command, a merge or the sweep, sets the alarm in the same transaction:
-- what is rolled back wakes nobody, and what is committed cannot be forgotten.
CREATE FUNCTION public.changes_wake_webhooks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF EXISTS (SELECT FROM added c WHERE c.was_visible OR c.is_visible OR c.was_early OR c.is_early
      OR c.event = 'entitlement.changed')
    AND EXISTS (SELECT FROM public.webhooks WHERE disabled_at IS NULL)
  THEN PERFORM public.wake_webhooks(now());
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER changes_wake_webhooks AFTER INSERT ON public.changes
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.changes_wake_webhooks();

CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"webhook_id" uuid NOT NULL,
	"position" bigint NOT NULL,
	"op" text NOT NULL,
	"resource" text NOT NULL,
	"event" text NOT NULL,
	"resource_id" uuid NOT NULL,
	"resource_version" integer,
	"reason" text,
	"state" text DEFAULT 'pending' NOT NULL,
	"step" integer DEFAULT 0 NOT NULL,
	"planned_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"leased_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "deliveries_position_key" UNIQUE("webhook_id","position"),
	CONSTRAINT "deliveries_op_check" CHECK ("deliveries"."op" in ('upsert', 'remove', 'reset')),
	CONSTRAINT "deliveries_state_check" CHECK ("deliveries"."state" in ('pending', 'delivered', 'failed', 'superseded')),
	CONSTRAINT "deliveries_finished_at_check" CHECK (case when "deliveries"."state" = 'pending' then "deliveries"."finished_at" is null
        else "deliveries"."finished_at" is not null and "deliveries"."due_at" is null and "deliveries"."leased_until" is null end)
);
--> statement-breakpoint
CREATE TABLE "delivery_attempts" (
	"delivery_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"ms" integer NOT NULL,
	"status" integer,
	"error" text,
	"detail" text,
	"excerpt" text,
	CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY("delivery_id","number")
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"url" text NOT NULL,
	"host" text NOT NULL,
	"events" text[],
	"partner_id" uuid,
	"description" text,
	"early" boolean DEFAULT false NOT NULL,
	"secret" text NOT NULL,
	"previous_secret" text,
	"previous_secret_until" timestamp (3) with time zone,
	"position" bigint NOT NULL,
	"disabled_at" timestamp (3) with time zone,
	"disabled_reason" text,
	"failing_since" timestamp (3) with time zone,
	"paused_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "webhooks_events_check" CHECK ("webhooks"."events" <> '{}'),
	CONSTRAINT "webhooks_early_check" CHECK (not "webhooks"."early" or "webhooks"."partner_id" is not null),
	CONSTRAINT "webhooks_previous_secret_check" CHECK (("webhooks"."previous_secret" is null) = ("webhooks"."previous_secret_until" is null)),
	CONSTRAINT "webhooks_disabled_reason_check" CHECK (case when "webhooks"."disabled_at" is null then "webhooks"."disabled_reason" is null
        else "webhooks"."disabled_reason" in ('failing', 'gone', 'partner') end)
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_position_fkey" FOREIGN KEY ("position") REFERENCES "public"."changes"("position") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery_attempts" ADD CONSTRAINT "delivery_attempts_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "public"."deliveries"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_due_at_idx" ON "deliveries" USING btree ("webhook_id",(op = 'remove'),"due_at") WHERE state = 'pending' and due_at is not null;--> statement-breakpoint
CREATE INDEX "deliveries_resource_id_idx" ON "deliveries" USING btree ("webhook_id","resource_id","position") WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX "deliveries_finished_at_idx" ON "deliveries" USING btree ("finished_at") WHERE finished_at is not null;--> statement-breakpoint
CREATE INDEX "webhooks_partner_id_idx" ON "webhooks" USING btree ("partner_id") WHERE partner_id is not null;--> statement-breakpoint
CREATE INDEX "webhooks_created_at_id_idx" ON "webhooks" USING btree ("created_at","id");--> statement-breakpoint
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
  IF EXISTS (SELECT FROM public.webhooks WHERE disabled_at IS NULL)
    AND EXISTS (SELECT FROM added c WHERE c.was_visible OR c.is_visible OR c.was_early OR c.is_early
      OR c.event = 'entitlement.changed')
  THEN PERFORM public.wake_webhooks(now());
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER changes_wake_webhooks AFTER INSERT ON public.changes
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.changes_wake_webhooks();

-- What a partner has, out of what it was last told in each degree (a step is twice a position in the
-- ledger, and one more for what is to be kept). Being notified of a new text hands it out no text, so that
-- counts only where it has none, or has removed it; a notified removal is all there is to be said.
CREATE FUNCTION public.held_step(notified bigint, given bigint, acknowledged bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN greatest(given, acknowledged) IS NULL THEN notified
  WHEN notified > greatest(given, acknowledged)
    AND (notified % 2 = 0 OR greatest(given, acknowledged) % 2 = 0) THEN notified
  ELSE greatest(given, acknowledged) END;
--> statement-breakpoint
CREATE TABLE "feed_tellings" (
	"feed_id" bigint NOT NULL,
	"article_id" uuid NOT NULL,
	"place" bigint NOT NULL,
	"snapshot" boolean NOT NULL,
	"step" bigint NOT NULL,
	"version" integer NOT NULL,
	"told_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "feed_tellings_pkey" PRIMARY KEY("feed_id","article_id")
);
--> statement-breakpoint
CREATE TABLE "holdings" (
	"partner_id" uuid NOT NULL,
	"article_id" uuid NOT NULL,
	"notified_step" bigint,
	"notified_version" integer,
	"notified_at" timestamp (3) with time zone,
	"notified_how" text,
	"given_step" bigint,
	"given_version" integer,
	"given_at" timestamp (3) with time zone,
	"given_how" text,
	"acknowledged_step" bigint,
	"acknowledged_version" integer,
	"acknowledged_at" timestamp (3) with time zone,
	"acknowledged_how" text,
	"step" bigint GENERATED ALWAYS AS (public.held_step(notified_step, given_step, acknowledged_step)) STORED NOT NULL,
	"version" integer GENERATED ALWAYS AS (case public.held_step(notified_step, given_step, acknowledged_step) when acknowledged_step then acknowledged_version when given_step then given_version else notified_version end) STORED NOT NULL,
	"degree" text GENERATED ALWAYS AS (case public.held_step(notified_step, given_step, acknowledged_step) when acknowledged_step then 'acknowledged' when given_step then 'given' else 'notified' end) STORED NOT NULL,
	CONSTRAINT "holdings_pkey" PRIMARY KEY("partner_id","article_id"),
	CONSTRAINT "holdings_notified_check" CHECK (num_nonnulls(notified_step, notified_version, notified_at, notified_how) in (0, 4)),
	CONSTRAINT "holdings_given_check" CHECK (num_nonnulls(given_step, given_version, given_at, given_how) in (0, 4)),
	CONSTRAINT "holdings_acknowledged_check" CHECK (num_nonnulls(acknowledged_step, acknowledged_version, acknowledged_at, acknowledged_how) in (0, 4)),
	CONSTRAINT "holdings_notified_how_check" CHECK ("holdings"."notified_how" in ('webhook', 'changes', 'stream', 'item', 'list', 'format', 'feed', 'sitemap')),
	CONSTRAINT "holdings_given_how_check" CHECK ("holdings"."given_how" in ('changes', 'stream', 'item', 'list', 'format', 'feed')),
	CONSTRAINT "holdings_acknowledged_how_check" CHECK ("holdings"."acknowledged_how" in ('cursor', 'ack')),
	CONSTRAINT "holdings_acknowledged_step_check" CHECK ("holdings"."acknowledged_step" % 2 = 0 or "holdings"."acknowledged_step" <= coalesce(greatest("holdings"."notified_step", "holdings"."given_step"), -1))
);
--> statement-breakpoint
CREATE TABLE "partner_feeds" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "partner_feeds_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"partner_id" uuid NOT NULL,
	"list" text NOT NULL,
	"early" boolean NOT NULL,
	"types" text[],
	"told_position" bigint DEFAULT 0 NOT NULL,
	"snapshot_base" bigint,
	"snapshot_article" uuid,
	"acknowledged_position" bigint,
	"acknowledged_at" timestamp (3) with time zone,
	"acknowledged_how" text,
	"behind" boolean DEFAULT false NOT NULL,
	CONSTRAINT "partner_feeds_list_key" UNIQUE("partner_id","list"),
	CONSTRAINT "partner_feeds_types_check" CHECK ("partner_feeds"."types" <> '{}'),
	CONSTRAINT "partner_feeds_acknowledged_check" CHECK (num_nonnulls(acknowledged_position, acknowledged_at, acknowledged_how) in (0, 3))
);
--> statement-breakpoint
ALTER TABLE "feed_tellings" ADD CONSTRAINT "feed_tellings_feed_id_fkey" FOREIGN KEY ("feed_id") REFERENCES "public"."partner_feeds"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdings" ADD CONSTRAINT "holdings_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "partner_feeds" ADD CONSTRAINT "partner_feeds_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "feed_tellings_feed_id_place_idx" ON "feed_tellings" USING btree ("feed_id","place");--> statement-breakpoint
CREATE INDEX "holdings_article_id_partner_id_idx" ON "holdings" USING btree ("article_id","partner_id");--> statement-breakpoint
CREATE INDEX "holdings_kept_idx" ON "holdings" USING btree ("partner_id","article_id","version") WHERE step % 2 = 1;--> statement-breakpoint
CREATE INDEX "holdings_removed_idx" ON "holdings" USING btree ("partner_id","article_id") WHERE step % 2 = 0;--> statement-breakpoint
CREATE INDEX "partner_feeds_behind_idx" ON "partner_feeds" USING btree ("id") WHERE behind;
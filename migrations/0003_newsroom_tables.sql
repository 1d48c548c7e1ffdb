CREATE TABLE "changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"position" bigint,
	"kind" text NOT NULL,
	"resource_id" uuid NOT NULL,
	"part_kind" text,
	"part_id" uuid,
	"operation" text NOT NULL,
	"event" text NOT NULL,
	"from_version" integer,
	"to_version" integer,
	"key_id" uuid,
	"key_name" text NOT NULL,
	"reason" text,
	"request_id" text,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "changes_position_key" UNIQUE("position"),
	CONSTRAINT "changes_operation_check" CHECK ("changes"."operation" in ('create', 'update', 'delete', 'time'))
);
--> statement-breakpoint
CREATE TABLE "corrections" (
	"id" uuid PRIMARY KEY NOT NULL,
	"article_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"text" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"from_version" integer NOT NULL,
	"to_version" integer NOT NULL,
	"block" text,
	"quote_id" uuid,
	CONSTRAINT "corrections_text_check" CHECK ("corrections"."text" <> ''),
	CONSTRAINT "corrections_kind_check" CHECK ("corrections"."kind" in ('correction', 'clarification', 'update', 'retraction'))
);
--> statement-breakpoint
CREATE TABLE "revisions" (
	"article_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"key_id" uuid,
	"key_name" text NOT NULL,
	"event" text NOT NULL,
	"reason" text,
	"request_id" text,
	"purged_at" timestamp (3) with time zone,
	CONSTRAINT "revisions_pkey" PRIMARY KEY("article_id","version"),
	CONSTRAINT "revisions_version_check" CHECK ("revisions"."version" > 0)
);
--> statement-breakpoint
CREATE TABLE "sightings" (
	"kind" text NOT NULL,
	"resource_id" uuid NOT NULL,
	"gone_at" timestamp (3) with time zone,
	CONSTRAINT "sightings_pkey" PRIMARY KEY("kind","resource_id"),
	CONSTRAINT "sightings_kind_check" CHECK ("sightings"."kind" in ('quote', 'source', 'category'))
);
--> statement-breakpoint
ALTER TABLE "articles" ADD COLUMN "gone_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "articles" ADD COLUMN "notice" text;--> statement-breakpoint
ALTER TABLE "articles" ADD COLUMN "legal" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "articles" ADD COLUMN "announced" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "corrections" ADD CONSTRAINT "corrections_article_id_fkey" FOREIGN KEY ("article_id") REFERENCES "public"."articles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revisions" ADD CONSTRAINT "revisions_article_id_fkey" FOREIGN KEY ("article_id") REFERENCES "public"."articles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "changes_unnumbered_idx" ON "changes" USING btree ("id") WHERE position is null;--> statement-breakpoint
CREATE INDEX "changes_resource_id_idx" ON "changes" USING btree ("resource_id","id");--> statement-breakpoint
CREATE INDEX "corrections_article_id_at_idx" ON "corrections" USING btree ("article_id","at","id");--> statement-breakpoint
CREATE INDEX "corrections_quote_id_idx" ON "corrections" USING btree ("quote_id");--> statement-breakpoint
CREATE INDEX "revisions_article_id_at_idx" ON "revisions" USING btree ("article_id","at");--> statement-breakpoint
ALTER TABLE "articles" ADD CONSTRAINT "articles_notice_check" CHECK ("articles"."status" <> 'killed' or "articles"."notice" <> '');--> statement-breakpoint
ALTER TABLE "slugs" ADD COLUMN "seen" boolean DEFAULT false NOT NULL;

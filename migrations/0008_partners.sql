CREATE TABLE "entitlements" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "entitlements_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"partner_id" uuid NOT NULL,
	"change_id" bigint NOT NULL,
	"languages" text[],
	"allowed" uuid[],
	"excluded" uuid[] DEFAULT '{}' NOT NULL,
	"formats" text[],
	"early" boolean DEFAULT false NOT NULL,
	CONSTRAINT "entitlements_languages_check" CHECK ("entitlements"."languages" <> '{}'),
	CONSTRAINT "entitlements_allowed_check" CHECK ("entitlements"."allowed" <> '{}'),
	CONSTRAINT "entitlements_formats_check" CHECK ("entitlements"."formats" <> '{}')
);
--> statement-breakpoint
CREATE TABLE "partner_categories" (
	"partner_id" uuid NOT NULL,
	"category_id" uuid NOT NULL,
	"excluded" boolean NOT NULL,
	CONSTRAINT "partner_categories_pkey" PRIMARY KEY("partner_id","category_id","excluded")
);
--> statement-breakpoint
CREATE TABLE "partners" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"contact" text,
	"rate_limit" integer,
	"ended_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "partners_name_check" CHECK ("partners"."name" <> ''),
	CONSTRAINT "partners_rate_limit_check" CHECK ("partners"."rate_limit" > 0)
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "partner_id" uuid;--> statement-breakpoint
ALTER TABLE "articles" ADD COLUMN "announced_early" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "was_visible" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "is_visible" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "was_early" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "is_early" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "was_language" text;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "is_language" text;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "was_categories" uuid[];--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "is_categories" uuid[];--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "absence" text;--> statement-breakpoint
ALTER TABLE "changes" ADD COLUMN "seen_by" uuid[];--> statement-breakpoint
ALTER TABLE "entitlements" ADD CONSTRAINT "entitlements_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "entitlements" ADD CONSTRAINT "entitlements_change_id_fkey" FOREIGN KEY ("change_id") REFERENCES "public"."changes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "partner_categories" ADD CONSTRAINT "partner_categories_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "partner_categories" ADD CONSTRAINT "partner_categories_category_id_fkey" FOREIGN KEY ("category_id") REFERENCES "public"."categories"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "entitlements_partner_id_id_idx" ON "entitlements" USING btree ("partner_id","id");--> statement-breakpoint
CREATE INDEX "partner_categories_category_id_idx" ON "partner_categories" USING btree ("category_id");--> statement-breakpoint
CREATE INDEX "partners_name_id_idx" ON "partners" USING btree ("name","id");--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "public"."partners"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_partner_id_idx" ON "api_keys" USING btree ("partner_id") WHERE partner_id is not null;--> statement-breakpoint
CREATE INDEX "changes_told_position_idx" ON "changes" USING btree ("position") WHERE was_visible or is_visible or was_early or is_early or event = 'entitlement.changed';--> statement-breakpoint
ALTER TABLE "changes" ADD CONSTRAINT "changes_absence_check" CHECK ("changes"."absence" in ('unpublished', 'killed', 'legal', 'embargoed', 'expired'));
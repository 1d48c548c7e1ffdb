CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"hash" "bytea" NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_prefix_key" UNIQUE("prefix"),
	CONSTRAINT "api_keys_name_check" CHECK ("api_keys"."name" <> ''),
	CONSTRAINT "api_keys_hash_check" CHECK (length("api_keys"."hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "article_categories" (
	"article_id" uuid NOT NULL,
	"category_id" uuid NOT NULL,
	"position" integer NOT NULL,
	CONSTRAINT "article_categories_pkey" PRIMARY KEY("article_id","category_id"),
	CONSTRAINT "article_categories_position_key" UNIQUE("article_id","position")
);
--> statement-breakpoint
CREATE TABLE "article_sources" (
	"article_id" uuid NOT NULL,
	"source_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"role" text,
	"note" text,
	CONSTRAINT "article_sources_pkey" PRIMARY KEY("article_id","source_id"),
	CONSTRAINT "article_sources_position_key" UNIQUE("article_id","position")
);
--> statement-breakpoint
CREATE TABLE "articles" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"slug" text COLLATE "C" NOT NULL,
	"status" text DEFAULT 'draft' NOT NULL,
	"headline" text,
	"summary" text,
	"byline" text,
	"language" text NOT NULL,
	"body" jsonb DEFAULT '[]' NOT NULL,
	"body_html" text DEFAULT '' NOT NULL,
	"plain_text" text DEFAULT '' NOT NULL,
	"lead_image" jsonb,
	"origin_system" text,
	"origin_id" text,
	"origin_url" text,
	"publish_at" timestamp (3) with time zone,
	"embargo_until" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone,
	"published_at" timestamp (3) with time zone,
	"first_visible_at" timestamp (3) with time zone,
	"listed_at" timestamp (3) with time zone GENERATED ALWAYS AS (coalesce(published_at, 'infinity'::timestamptz(3))) STORED NOT NULL,
	"search" "tsvector" GENERATED ALWAYS AS (public.search_vector(language, headline, summary, plain_text)) STORED NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "articles_slug_key" UNIQUE("slug"),
	CONSTRAINT "articles_origin_id_key" UNIQUE("origin_system","origin_id"),
	CONSTRAINT "articles_slug_check" CHECK ("articles"."slug" ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length("articles"."slug") <= 100),
	CONSTRAINT "articles_status_check" CHECK ("articles"."status" in ('draft', 'published', 'unpublished', 'killed')),
	CONSTRAINT "articles_published_check" CHECK ("articles"."status" <> 'published' or ("articles"."headline" <> '' and "articles"."body" <> '[]' and "articles"."publish_at" is not null and "articles"."published_at" is not null)),
	CONSTRAINT "articles_expires_at_check" CHECK ("articles"."expires_at" > "articles"."publish_at" and "articles"."expires_at" > coalesce("articles"."embargo_until", '-infinity')),
	CONSTRAINT "articles_origin_check" CHECK (("articles"."origin_system" is null) = ("articles"."origin_id" is null))
);
--> statement-breakpoint
CREATE TABLE "categories" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"slug" text COLLATE "C" NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"parent_id" uuid,
	"position" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "categories_slug_key" UNIQUE("slug"),
	CONSTRAINT "categories_slug_check" CHECK ("categories"."slug" ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length("categories"."slug") <= 100),
	CONSTRAINT "categories_name_check" CHECK ("categories"."name" <> ''),
	CONSTRAINT "categories_parent_id_check" CHECK ("categories"."parent_id" <> "categories"."id")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"api_key_id" uuid NOT NULL,
	"path" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"status" integer,
	"headers" jsonb,
	"body" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("api_key_id","path","key")
);
--> statement-breakpoint
CREATE TABLE "quotes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"article_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"kind" text NOT NULL,
	"text" text NOT NULL,
	"language" text,
	"original_text" text,
	"original_language" text,
	"speaker_id" uuid,
	"cue" text,
	"said_at" timestamp (3) with time zone,
	"occasion" text,
	"state" text,
	"spans" jsonb DEFAULT '[]' NOT NULL,
	"dated_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "quotes_text_check" CHECK ("quotes"."text" <> ''),
	CONSTRAINT "quotes_kind_check" CHECK ("quotes"."kind" in ('direct', 'partial', 'paraphrase')),
	CONSTRAINT "quotes_state_check" CHECK (case when "quotes"."kind" = 'paraphrase' then "quotes"."state" is null or "quotes"."state" = 'suggested'
        else "quotes"."state" is not null and "quotes"."state" in ('suggested', 'verified', 'altered', 'ambiguous', 'orphaned') end),
	CONSTRAINT "quotes_spans_check" CHECK ("quotes"."kind" <> 'paraphrase' or "quotes"."spans" = '[]'),
	CONSTRAINT "quotes_original_check" CHECK (("quotes"."original_text" is null) = ("quotes"."original_language" is null))
);
--> statement-breakpoint
CREATE TABLE "slugs" (
	"kind" text NOT NULL,
	"slug" text COLLATE "C" NOT NULL,
	"resource_id" uuid NOT NULL,
	CONSTRAINT "slugs_pkey" PRIMARY KEY("kind","slug"),
	CONSTRAINT "slugs_kind_check" CHECK ("slugs"."kind" in ('article', 'source', 'category'))
);
--> statement-breakpoint
CREATE TABLE "sources" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"slug" text COLLATE "C" NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"title" text,
	"organization_id" uuid,
	"url" text,
	"description" text,
	"same_as" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "sources_slug_key" UNIQUE("slug"),
	CONSTRAINT "sources_slug_check" CHECK ("sources"."slug" ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length("sources"."slug") <= 100),
	CONSTRAINT "sources_name_check" CHECK ("sources"."name" <> ''),
	CONSTRAINT "sources_kind_check" CHECK ("sources"."kind" in ('person', 'organization', 'publication', 'document', 'anonymous')),
	CONSTRAINT "sources_anonymous_check" CHECK ("sources"."kind" <> 'anonymous' or ("sources"."title" is null and "sources"."organization_id" is null and "sources"."url" is null and "sources"."same_as" = '{}')),
	CONSTRAINT "sources_organization_id_check" CHECK ("sources"."organization_id" <> "sources"."id")
);
--> statement-breakpoint
ALTER TABLE "article_categories" ADD CONSTRAINT "article_categories_article_id_fkey" FOREIGN KEY ("article_id") REFERENCES "public"."articles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "article_categories" ADD CONSTRAINT "article_categories_category_id_fkey" FOREIGN KEY ("category_id") REFERENCES "public"."categories"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "article_sources" ADD CONSTRAINT "article_sources_article_id_fkey" FOREIGN KEY ("article_id") REFERENCES "public"."articles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "article_sources" ADD CONSTRAINT "article_sources_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "public"."sources"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "categories" ADD CONSTRAINT "categories_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "public"."categories"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_api_key_id_fkey" FOREIGN KEY ("api_key_id") REFERENCES "public"."api_keys"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotes" ADD CONSTRAINT "quotes_article_id_fkey" FOREIGN KEY ("article_id") REFERENCES "public"."articles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotes" ADD CONSTRAINT "quotes_speaker_id_fkey" FOREIGN KEY ("speaker_id") REFERENCES "public"."sources"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sources" ADD CONSTRAINT "sources_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "public"."sources"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "article_categories_category_id_idx" ON "article_categories" USING btree ("category_id","article_id");--> statement-breakpoint
CREATE INDEX "article_sources_source_id_idx" ON "article_sources" USING btree ("source_id","article_id");--> statement-breakpoint
CREATE INDEX "articles_listed_at_id_idx" ON "articles" USING btree ("listed_at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE status = 'published';--> statement-breakpoint
CREATE INDEX "articles_all_listed_at_id_idx" ON "articles" USING btree ("listed_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "articles_updated_at_id_idx" ON "articles" USING btree ("updated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "articles_headline_id_idx" ON "articles" USING btree (coalesce(headline, ''),"id");--> statement-breakpoint
CREATE INDEX "articles_search_idx" ON "articles" USING gin ("search") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "categories_parent_id_position_idx" ON "categories" USING btree ("parent_id","position");--> statement-breakpoint
CREATE INDEX "categories_name_id_idx" ON "categories" USING btree ("name","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "quotes_article_id_position_idx" ON "quotes" USING btree ("article_id","position");--> statement-breakpoint
CREATE INDEX "quotes_speaker_id_dated_at_idx" ON "quotes" USING btree ("speaker_id","dated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "quotes_dated_at_id_idx" ON "quotes" USING btree ("dated_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "slugs_resource_id_idx" ON "slugs" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "sources_organization_id_idx" ON "sources" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "sources_name_id_idx" ON "sources" USING btree ("name","id");
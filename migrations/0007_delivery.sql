-- When time changes next what readers see: the earliest of each of the three times that is ahead.
CREATE INDEX articles_publish_at_idx ON public.articles (publish_at) WHERE status = 'published';
--> statement-breakpoint
CREATE INDEX articles_embargo_until_idx ON public.articles (embargo_until)
  WHERE status = 'published' AND embargo_until IS NOT NULL;
--> statement-breakpoint
CREATE INDEX articles_expires_at_idx ON public.articles (expires_at)
  WHERE status = 'published' AND expires_at IS NOT NULL;

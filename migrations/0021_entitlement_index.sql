-- no transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS changes_entitlement_idx ON public.changes (id)
  WHERE event = 'entitlement.changed';

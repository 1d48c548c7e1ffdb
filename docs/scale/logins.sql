-- The logins that PgBouncer needs, as README.md has them, made where they are missing. For psql, with
-- -v password=... ; the roles are there once the migrations are.
SELECT format('CREATE ROLE %I LOGIN INHERIT PASSWORD %L IN ROLE %I', login, :'password', role)
FROM (VALUES ('dateline_api_reader', 'dateline_reader'), ('dateline_api_partner', 'dateline_partner'),
  ('dateline_api_editor', 'dateline_editor')) AS needed (login, role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login)
\gexec

ALTER ROLE dateline_api_reader SET default_transaction_read_only = on;
ALTER ROLE dateline_api_partner SET default_transaction_read_only = on;
DO $$ DECLARE login text; BEGIN
  FOREACH login IN ARRAY ARRAY['dateline_api_reader', 'dateline_api_partner', 'dateline_api_editor'] LOOP
    EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', login, '10s');
    EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', login, '1s');
    EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', login, '5s');
    EXECUTE format('ALTER ROLE %I SET timezone = %L', login, 'UTC');
    EXECUTE format('ALTER ROLE %I SET jit = off', login);
    EXECUTE format('ALTER ROLE %I SET pg_trgm.word_similarity_threshold = 0.4', login);
  END LOOP;
END $$;

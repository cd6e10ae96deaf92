-- Who only looks: a role for analytics and dashboards, which may read the stable views and nothing else. Logins are
-- given to it by whoever runs the database: GRANT rma_reader TO some_login.

DO $$
BEGIN
    CREATE ROLE rma_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- roles belong to the server: another database made it
END
$$;
GRANT USAGE ON SCHEMA rma_read TO rma_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA rma_read TO rma_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA rma_read GRANT SELECT ON TABLES TO rma_reader;

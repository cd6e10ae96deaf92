-- The keys under which what people wrote is sealed: one a person, each wrapped by a master key that is never here.
-- Only who takes the role rma_vault may look: no projector, relay or reader of views does.

DO $$
BEGIN
    CREATE ROLE rma_vault NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- roles belong to the server: another database made it
END
$$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'rma_vault', 'MEMBER') THEN
        EXECUTE format('GRANT rma_vault TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL; -- whoever runs the server grants it, or sets RMA_VAULT_DSN
END
$$;

CREATE SCHEMA rma_vault;

-- Master keys that something is wrapped by; ``check_value`` tells whether a key that is given is the one.
CREATE TABLE rma_vault.masters (
    master_id   text  PRIMARY KEY,
    check_value bytea NOT NULL
);

CREATE TABLE rma_vault.keys (
    key_id     uuid        PRIMARY KEY,
    person     text        NOT NULL UNIQUE,
    master_id  text        NOT NULL REFERENCES rma_vault.masters,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

REVOKE ALL ON SCHEMA rma_vault FROM PUBLIC;
GRANT USAGE ON SCHEMA rma_vault TO rma_vault;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rma_vault TO rma_vault;

-- The vault's session waits for others, too, and may end one that stopped in the middle of what it sends.
GRANT USAGE ON SCHEMA rma_sessions TO rma_vault;
GRANT EXECUTE ON FUNCTION rma_sessions.end_silent(integer) TO rma_vault;

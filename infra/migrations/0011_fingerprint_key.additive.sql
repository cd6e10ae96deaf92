-- The key under which fingerprints of commands are made, wrapped like all others. There is one, for ever: a repeat has to
-- get the first answer however long ago that was.
CREATE TABLE rma_vault.fingerprint_key (
    is_it     boolean PRIMARY KEY DEFAULT true CHECK (is_it),
    key_id    uuid    NOT NULL,
    master_id text    NOT NULL REFERENCES rma_vault.masters,
    wrapped   bytea   NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON rma_vault.fingerprint_key TO rma_vault;

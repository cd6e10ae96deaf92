-- The keys of dead letters, one each: a letter whose key is gone is unreadable, though Kafka keeps it until its time is over.
CREATE TABLE rma_vault.letters (
    key_id     uuid        PRIMARY KEY,
    place      text        NOT NULL, -- of the record that it was: topic/partition/offset
    master_id  text        NOT NULL REFERENCES rma_vault.masters,
    wrapped    bytea       NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '35 days' -- longer than the topic keeps letters
);
CREATE INDEX letters_expiring ON rma_vault.letters (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON rma_vault.letters TO rma_vault;

-- What can be proved to others: the answers in one order with a chain of hashes of their own, the Merkle tree over the
-- events, and every checkpoint of it that was signed.

-- The answers given before come in the order of their events, those without events after them, by source and id.
ALTER TABLE rma_log.outcomes ADD COLUMN seq bigint, ADD COLUMN hash bytea;
DO $$
DECLARE
    answer  record;
    counted bigint := 0;
    chained bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR answer IN
        SELECT o.source, o.command_id, o.fingerprint, o.status, o.result FROM rma_log.outcomes AS o
        LEFT JOIN (
            SELECT command_source COLLATE "C" AS source, command_id COLLATE "C" AS command_id, min(position) AS position
            FROM rma_log.events GROUP BY 1, 2
        ) AS led_to USING (source, command_id)
        ORDER BY led_to.position, o.source, o.command_id
    LOOP
        counted := counted + 1;
        chained := sha256(chained || convert_to(
            'seq=' || counted || E'\nsource=' || answer.source || E'\nid=' || answer.command_id || E'\nfingerprint='
            || encode(answer.fingerprint, 'hex') || E'\nstatus=' || answer.status || E'\n\n', 'UTF8') || answer.result);
        UPDATE rma_log.outcomes SET seq = counted, hash = chained
        WHERE source = answer.source AND command_id = answer.command_id;
    END LOOP;
END
$$;
ALTER TABLE rma_log.outcomes
    ALTER COLUMN seq SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL,
    ADD CONSTRAINT outcomes_seq UNIQUE (seq),
    ADD CHECK (seq > 0),
    ADD CHECK (octet_length(hash) = 32);

CREATE FUNCTION rma_log.refuse_outcome_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'given answers are never changed (% on rma_log.outcomes)', TG_OP;
END
$$;
CREATE TRIGGER outcomes_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rma_log.outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION rma_log.refuse_outcome_change();

CREATE SCHEMA rma_audit;

-- Every eighth level of the tree, 256 neighbouring nodes of 32 bytes to a row; the last row of a level may be shorter.
CREATE TABLE rma_audit.tiles (
    level  smallint NOT NULL CHECK (level >= 0),
    place  bigint   NOT NULL CHECK (place >= 0),
    hashes bytea    NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, place)
);
ALTER TABLE rma_audit.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes cannot be compressed

CREATE TABLE rma_audit.checkpoints (
    number    bigint      PRIMARY KEY CHECK (number > 0),
    tree_size bigint      NOT NULL CHECK (tree_size >= 0),
    root      text        NOT NULL,
    note      text        NOT NULL,
    signed_at timestamptz NOT NULL
);
CREATE INDEX checkpoints_tree_size ON rma_audit.checkpoints (tree_size, number);

CREATE TABLE rma_audit.keys (
    verifier_key text   PRIMARY KEY,
    first_number bigint NOT NULL -- of the checkpoints that it signed
);

-- Up to where the topic of events was compared when the last checkpoint was signed.
CREATE TABLE rma_audit.offsets (
    partition   integer PRIMARY KEY,
    next_offset bigint  NOT NULL CHECK (next_offset >= 0)
);

-- Where the auditor found a difference and stopped signing, and who let it go on.
CREATE TABLE rma_audit.stops (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stopped_at timestamptz NOT NULL,
    fault      text        NOT NULL,
    resumed_at timestamptz,
    resumed_by text,
    CHECK ((resumed_at IS NULL) = (resumed_by IS NULL))
);

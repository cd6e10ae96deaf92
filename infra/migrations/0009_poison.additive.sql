-- Which record failed, beside where it lies: a topic that is made anew gives the same places to other records. What an
-- earlier version counted has no such mark, and counts for none.
ALTER TABLE rma_log.poison ADD COLUMN record_sha256 bytea;

-- The records that a command worker has in hand, by partition. Whoever finds another's there knows that it may have died
-- of one of them. Unlogged: it costs no write to disk, and where PostgreSQL itself crashes no record was to blame.
CREATE UNLOGGED TABLE rma_log.in_hand (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    first_offset bigint      NOT NULL,
    next_offset  bigint      NOT NULL CHECK (next_offset > first_offset),
    holder       uuid        NOT NULL,
    taken_at     timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Kafka's own id of the topic of dead letters: letters of a topic that was made anew are not those acted upon before.
ALTER TABLE rma_log.dead_letter_actions ADD COLUMN topic_id uuid;

-- What people did about dead letters, as the stable view shows it: its readers need no right on the log.
CREATE VIEW rma_read_meta.dead_letter_actions AS
    SELECT seq, topic, partition, record_offset, action, acted_at, actor, reason FROM rma_log.dead_letter_actions;

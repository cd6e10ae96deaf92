-- What people did about dead letters: sent them again, as they were or mended, or dropped them, and why. A letter
-- without an action waits for one. Rows are added, never changed.

CREATE TABLE rma_log.dead_letter_actions (
    seq           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    action        text        NOT NULL CHECK (action IN ('redriven', 'mended', 'dropped')),
    acted_at      timestamptz NOT NULL,
    actor         text        NOT NULL,
    reason        text        CHECK (reason IS NOT NULL OR action <> 'dropped')
);
CREATE INDEX dead_letter_actions_letter ON rma_log.dead_letter_actions (topic, partition, record_offset, seq);

CREATE FUNCTION rma_log.refuse_action_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was done about dead letters is never changed (% on rma_log.dead_letter_actions)', TG_OP;
END
$$;
CREATE TRIGGER dead_letter_actions_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rma_log.dead_letter_actions
    FOR EACH STATEMENT EXECUTE FUNCTION rma_log.refuse_action_change();

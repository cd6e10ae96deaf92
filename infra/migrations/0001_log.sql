-- The log: events of all streams in one order without gaps, the answer to every command, and what is still to be published.

CREATE SCHEMA rma_log;

-- Appends lock this table, not the events: a vacuum or analyze of the events would otherwise wait for, or hold up, appends.
-- Its one row counts the outbox, whose rows go away once they are published.
CREATE TABLE rma_log.tail (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    outbox_seq bigint  NOT NULL CHECK (outbox_seq >= 0)
);
INSERT INTO rma_log.tail (outbox_seq) VALUES (0);

CREATE TABLE rma_log.events (
    position       bigint      NOT NULL CHECK (position > 0),
    stream         text        NOT NULL COLLATE "C",
    version        bigint      NOT NULL CHECK (version > 0),
    event_id       uuid        NOT NULL,
    type           text        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    actor          text        NOT NULL,
    command_id     text        NOT NULL,
    command_source text        NOT NULL,
    correlation_id text        NOT NULL,
    causation_id   text        NOT NULL,
    partition_key  text        NOT NULL,
    prev_hash      bytea       NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash           bytea       NOT NULL CHECK (octet_length(hash) = 32),
    sealed_key_id  text,
    body           bytea       NOT NULL,
    CONSTRAINT events_stream_version PRIMARY KEY (stream, version),
    CONSTRAINT events_position UNIQUE (position)
);

CREATE FUNCTION rma_log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'recorded events are never changed (% on rma_log.events)', TG_OP;
END
$$;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rma_log.events
    FOR EACH STATEMENT EXECUTE FUNCTION rma_log.refuse_change();

CREATE TABLE rma_log.outcomes (
    source      text  NOT NULL COLLATE "C",
    command_id  text  NOT NULL COLLATE "C",
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      text  NOT NULL CHECK (status IN ('accepted', 'refused')),
    result      bytea NOT NULL,
    CONSTRAINT outcomes_command PRIMARY KEY (source, command_id)
);

-- Results and dead letters on their way to Kafka. `after_position`: events up to it go out first.
CREATE TABLE rma_log.outbox (
    seq            bigint  PRIMARY KEY CHECK (seq > 0),
    after_position bigint  NOT NULL,
    topic          text    NOT NULL,
    key            bytea,
    header_names   bytea[] NOT NULL,
    header_values  bytea[] NOT NULL,
    value          bytea   NOT NULL
);

CREATE TABLE rma_log.relays (
    lane       text        PRIMARY KEY,
    epoch      bigint      NOT NULL,
    position   bigint      NOT NULL,
    outbox_seq bigint      NOT NULL,
    updated_at timestamptz NOT NULL
);
INSERT INTO rma_log.relays VALUES ('main', 0, 0, 0, now());

-- How often a record made the worker fail. Past a bound it is parked as a dead letter.
CREATE TABLE rma_log.poison (
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    record_offset bigint NOT NULL,
    attempts     integer NOT NULL,
    error        text    NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
);

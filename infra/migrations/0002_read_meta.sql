-- Where each version of a projection stands, per partition and per stream. Moved in the transaction that writes its rows.

CREATE SCHEMA rma_read_meta;

CREATE TABLE rma_read_meta.positions (
    projection   text        NOT NULL,
    version      integer     NOT NULL,
    partition    integer     NOT NULL,
    next_offset  bigint      NOT NULL CHECK (next_offset >= 0),
    log_position bigint      NOT NULL CHECK (log_position >= 0),
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (projection, version, partition)
);

CREATE TABLE rma_read_meta.stream_versions (
    projection text    NOT NULL,
    version    integer NOT NULL,
    stream     text    NOT NULL COLLATE "C",
    seen       bigint  NOT NULL CHECK (seen > 0),
    PRIMARY KEY (projection, version, stream)
) WITH (fillfactor = 70);

CREATE SCHEMA rma_read;

CREATE VIEW rma_read.positions AS
    SELECT projection, version, partition, next_offset, log_position, updated_at FROM rma_read_meta.positions;

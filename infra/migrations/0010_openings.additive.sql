-- Who opened which texts of whom, when and why: written before what was opened is told, and never changed.
CREATE TABLE rma_vault.openings (
    seq       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor     text        NOT NULL,
    why       text        NOT NULL,
    person    text        NOT NULL, -- whose texts, as the vault names him: customer/C-1
    stream    text        NOT NULL, -- where they stand: rma/<id>, order/<id>
    fields    text[]      NOT NULL
);
CREATE INDEX openings_of_person ON rma_vault.openings (person, seq);
CREATE INDEX openings_of_stream ON rma_vault.openings (stream, seq);
GRANT SELECT, INSERT ON rma_vault.openings TO rma_vault;

-- What a system was made with and must keep: settled once, by the first `rma init`, and the same for every process.

CREATE TABLE rma_log.system (
    name  text NOT NULL PRIMARY KEY,
    value text NOT NULL
);

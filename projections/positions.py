"""The stable view of where the read models themselves stand; its table is the projectors' own."""

from __future__ import annotations

from typing import Final

from projections.table import Column
from projections.view import View

POSITIONS: Final = View(
    "positions",
    "One row per read model, version of it, and partition of the topic of events.",
    "How far have the read models come?",
    ("projection", "version", "partition"),
    (
        Column("projection", "text", "The read model."),
        Column("version", "integer", "Which version of its tables."),
        Column("partition", "integer", "The partition of the topic of events."),
        Column("next_offset", "bigint", "The next record of the partition that it will read."),
        Column("log_position", "bigint", "Place in the log of the last event that it shows."),
        Column("updated_at", "timestamptz", "When it last moved."),
    ),
    "SELECT projection, version, partition, next_offset, log_position, updated_at FROM rma_read_meta.positions",
    "SELECT projection, max(log_position) AS shown_to FROM rma_read.positions GROUP BY projection ORDER BY projection",
)

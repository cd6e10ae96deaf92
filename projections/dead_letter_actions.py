"""The stable view of what people did about dead letters; its table stands beside the log."""

from __future__ import annotations

from typing import Final

from projections.table import Column
from projections.view import View

DEAD_LETTER_ACTIONS: Final = View(
    "dead_letter_actions",
    "One row per thing that somebody did about a dead letter: sent it again, as it was or mended, or dropped it.",
    "Who dropped which record, and why?",
    ("seq",),
    (
        Column("seq", "bigint", "Counts them, in order."),
        Column("topic", "text", "The topic of dead letters."),
        Column("partition", "integer", "Its partition that the letter lies in."),
        Column("record_offset", "bigint", "The letter's offset there."),
        Column("action", "text", "`redriven`, `mended` (sent again with another body) or `dropped`."),
        Column("acted_at", "timestamptz", "When."),
        Column("actor", "text", "Who, as `kind:id`."),
        Column("reason", "text", "Why; always there for a letter that was dropped."),
    ),
    "SELECT seq, topic, partition, record_offset, action, acted_at, actor, reason "
    "FROM rma_read_meta.dead_letter_actions",
    "SELECT actor, reason FROM rma_read.dead_letter_actions WHERE action = 'dropped' ORDER BY seq DESC LIMIT 9",
)

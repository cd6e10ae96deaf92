"""The stable view of what was signed; its table is the auditor's own."""

from __future__ import annotations

from typing import Final

from projections.table import Column
from projections.view import View

CHECKPOINTS: Final = View(
    "checkpoints",
    "One row per checkpoint: how long the log was, and the root of the tree over its events, signed.",
    "What was signed, and up to where?",
    ("number",),
    (
        Column("tree_size", "bigint", "How many events it covers: the place in the log of the last one."),
        Column("root", "text", "The tree's root (RFC 9162), in hex."),
        Column("note", "text", "The signed note, in the C2SP form tlog-checkpoint."),
        Column("signed_at", "timestamptz", "When it was signed."),
        Column("number", "bigint", "Counts the checkpoints, from 1 and without gaps."),
    ),
    "SELECT tree_size, root, note, signed_at, number FROM rma_audit.checkpoints",
    "SELECT tree_size, root, signed_at FROM rma_read.checkpoints ORDER BY number DESC LIMIT 1",
)

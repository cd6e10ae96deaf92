"""`rma list`: returns as a table, the newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import RenderableType

from projections.tracking.listing import Page
from workers.pictures.returns import STATUS_COLOURS
from workers.pictures.terminal import Row, stacked, table
from workers.pictures.text import Text

COLUMNS: Final = ("return", "order", "customer", "status", "next", "due", "#days")


def picture(page: Page, now: datetime) -> RenderableType:
    """Return a page drawn; ``days`` count from the request to now, or until the return was closed."""
    if not page.items:
        return Text("no return fits", "dim")
    drawn = table("Returns, the newest first", COLUMNS, [_cells(row, now) for row in page.items])
    if page.next_cursor is None:
        return drawn
    return stacked(drawn, Text(f"there are more: the same again with --cursor {page.next_cursor}", "dim"))


def _cells(row: Row, now: datetime) -> list[object]:
    status = str(row["status"])
    return [
        row["rma_number"],
        row["order_id"],
        row["customer_id"],
        Text(status.replace("_", " "), STATUS_COLOURS.get(status, "cyan")),
        row["next_step"],
        _due(row),
        ((row["closed_at"] or now) - row["requested_at"]).days,
    ]


def _due(row: Row) -> Text:
    """Return until when the next thing has to happen, or since when it should have."""
    if row["overdue"]:
        return Text(f"late since {row['overdue_from']:%Y-%m-%d}", "red")
    due = row["next_deadline_at"]
    return Text(f"{due:%Y-%m-%d}" if due else "")

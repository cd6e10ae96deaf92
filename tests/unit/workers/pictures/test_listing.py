"""`rma list` fits the width at hand: a row a line where it can, and nothing cut off anywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest

from projections.tracking.listing import Page
from workers.pictures.listing import picture
from workers.pictures.sheet import Page as Piped
from workers.pictures.sheet import Screen

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row of view ``returns`` with what a list shows."""
    return {
        "rma_id": UUID(int=number),
        "rma_number": f"RMA-7K3M-9QXF-2ADC-{number}",
        "order_id": "O-1001",
        "customer_id": "C-1042",
        "status": "needs_review",
        "next_step": "decide",
        "requested_at": NOW - timedelta(days=12),
        "closed_at": None,
        "next_deadline_at": NOW + timedelta(days=3),
        "overdue_from": None,
        "overdue": False,
        **changes,
    }


def drawn(page: Page, width: int, screen: type[Screen] = Screen) -> list[str]:
    out = StringIO()
    screen(file=out, width=width, force_terminal=screen is Screen, color_system=None).print(picture(page, NOW))
    return [line.rstrip() for line in out.getvalue().splitlines()]


LATE = row(2, overdue=True, overdue_from=NOW - timedelta(days=2))


@pytest.mark.parametrize("width", [80, 140])
def test_a_list_is_a_table_at_any_usual_width(width: int) -> None:
    """At 80 columns as at 140 a return begins on a line of its own, under one line of headings."""
    lines = drawn(Page([row(1), LATE], None), width)

    assert lines[1].split() == ["return", "order", "customer", "status", "next", "due", "days"]
    assert [line[:20] for line in lines if line.startswith("RMA")] == ["RMA-7K3M-9QXF-2ADC-1", "RMA-7K3M-9QXF-2ADC-2"]
    assert max(map(len, lines)) <= width


def test_a_row_of_a_file_is_one_line() -> None:
    """Piped, each return is one line, whatever the width."""
    lines = drawn(Page([row(1), LATE], None), 60, Piped)

    assert len(lines) == 4
    assert "late since 2026-03-29" in lines[3]


def test_days_count_until_a_return_was_closed() -> None:
    """An open return's days go on; those of a closed one stand still."""
    closed = row(2, status="closed", next_step="none", closed_at=NOW - timedelta(days=2))
    lines = drawn(Page([row(1), closed], None), 140)

    assert [line.split()[-1] for line in lines[2:]] == ["12", "10"]


def test_a_page_says_how_to_go_on() -> None:
    """Where there is more, the cursor can be copied whole; where nothing fits, that is said."""
    assert any("--cursor abc" in line for line in drawn(Page([row(1)], "abc"), 80))
    assert drawn(Page([], None), 80) == ["no return fits"]

"""The questions of ``docs/analytics.md`` run as they stand, and answer what was worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from tests.integration.projections.test_projections import play
from tests.support.analysed import events

PAGE: Final = (Path(__file__).parents[3] / "docs" / "analytics.md").read_text("utf-8")
QUESTIONS: Final = {int(n): q for n, q in re.findall(r"^### (\d+)\. .+?\n\n```sql\n(.+?)```$", PAGE, re.M | re.S)}

ANSWERS: Final[dict[int, list[tuple[Any, ...]]]] = {
    1: [("DE", 4, 2, 50), ("US", 6, 3, 50)],
    2: [("store", 3, 2, 66.7), ("web", 7, 3, 42.9)],
    3: [("kettles", 2, 1, 50), ("shoes", 4, 2, 50), ("lamps", 3, 1, 33.3), ("cups", 1, 0, 0)],
    4: [("too_small", 2, 40), ("missing_part", 1, 20), ("other", 1, 20), ("warranty_fault", 1, 20)],
    5: [
        ("other", "manufacturing", "manufacturer", 1),
        ("too_small", "none_found", "none", 2),
        ("warranty_fault", "wear", "manufacturer", 1),
    ],
    6: [("SHOE", 4, 2, 0), ("KETTLE", 2, 1, 0), ("LAMP", 3, 1, 1)],
    7: [(0, 2, 2, 1, 3.5)],  # the German shoes are due at hand-over, three days before the lamp is, and paid with it
    8: [("policy", 8, 88.9), ("person", 1, 11.1)],
    9: [(7, 5, 71.4)],
    10: [("O-2", 3, 1)],
    11: [("review", "look", 1), ("deny", "no_gifts", 1)],
    14: [("EUR", "card", "requested", 1, 2_700), ("EUR", "card", "settled", 2, 23_000)],
    15: [("2026-03-01", "EUR", 56_000, 25_700)],
    16: [("EUR", 7, 500, 6_000, 300, 886)],
    17: [("C-1", 2, 5), ("C-2", 1, 2)],
    18: [("KETTLE", 1, 1)],
    19: [("standard", "hints", "troubleshooting", "EUR", 1, 1, 1, 1, 2_700)],
    20: [(5, 1, timedelta(days=7))],
}
"""By question, the rows that the three orders of ``analysed`` come to; decimals compare as numbers, dates as text."""


@pytest.fixture
def read_models(postgres_dsn: str) -> Iterator[Connection]:
    """The read models of three orders."""
    play(postgres_dsn, events(), batch=7)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


def test_there_are_twenty_questions() -> None:
    """None is left out because its heading or its query is written otherwise."""
    assert list(QUESTIONS) == list(range(1, 21))


def test_every_question_has_the_answer_worked_out_by_hand(read_models: Connection) -> None:
    """Each query runs and finds something; those with known answers find exactly these."""
    found = {number: read_models.execute(query.encode()).fetchall() for number, query in QUESTIONS.items()}
    assert [number for number, rows in found.items() if not rows] == []
    assert {number: [tuple(map(_plain, row)) for row in found[number]] for number in ANSWERS} == ANSWERS


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | timedelta) or value is None:
        return value
    return float(value) if hasattr(value, "__float__") else str(value)

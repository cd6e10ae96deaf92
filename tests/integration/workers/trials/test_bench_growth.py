"""`rma bench growth` measures appends to a log as it would have grown: whole, and under names that its batches find."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from infra.log.queries import last_position
from infra.settings import Settings
from workers.trials.bench import growth
from workers.trials.bench.growth import BATCH_RETURNS, KINDS, filled, run_growth
from workers.trials.bench.load import COMMANDS_PER_RETURN

EVENTS_EACH = 18
MODEL = 500
"""Returns that are decided; 500 are enough to draw a batch's from."""

GAPS = """
    SELECT count(*) FROM (
        SELECT stream FROM rma_log.events GROUP BY stream HAVING max(version) <> count(*) OR min(version) <> 1
    ) AS broken
"""
UNANSWERED = """
    SELECT count(*) FROM rma_log.events AS e WHERE NOT EXISTS (
        SELECT FROM rma_log.outcomes AS o
        WHERE o.source = e.command_source COLLATE "C" AND o.command_id = e.command_id COLLATE "C"
    )
"""


def untold(_text: str) -> None:
    """Nobody listens."""


@pytest.fixture(autouse=True)
def _small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MODEL_RETURNS", MODEL)


def test_a_filled_log_is_whole_and_a_batch_goes_on_with_its_streams(settings: Settings) -> None:
    """Positions, versions and answers have no gaps, before a batch and after; it adds six steps of 84 returns."""
    with filled(settings, 3 * MODEL * EVENTS_EACH, untold) as log:
        held = last_position(log.beside)
        assert held >= 3 * MODEL * EVENTS_EACH
        assert counts(log.beside) == (held, 0, 0)

        for kind in KINDS:
            log.take(kind, growth.Costs())

        added = len(KINDS) * BATCH_RETURNS * EVENTS_EACH
        assert counts(log.beside) == (held + added, 0, 0)
        assert last_position(log.beside) == held + added
        assert new_streams(log.beside) == len(KINDS) * BATCH_RETURNS


def test_both_logs_are_compared_pair_by_pair(settings: Settings) -> None:
    """Of each kind as many batches count as were asked for, each with its time and what was written ahead for it."""
    report = run_growth(settings, untold, few=2 * MODEL * EVENTS_EACH, many=3 * MODEL * EVENTS_EACH, batches=2)

    assert [one.kind for one in report.compared] == list(KINDS)
    for one in report.compared:
        assert len(one.few.all_ms) == len(one.many.all_ms) == 2
        assert min(*one.few.append_ms, *one.many.append_ms, *one.few.wal_bytes, *one.many.wal_bytes) > 0
        assert one.times["lower_quarter"] <= one.times["median"] <= one.times["upper_quarter"]
    few, many = (int(str(size["events"])) for size in report.sizes)
    assert few < many
    assert report.conditions["commands_each"] == BATCH_RETURNS * COMMANDS_PER_RETURN


def counts(connection: psycopg.Connection) -> tuple[int, int, int]:
    """Return how many events there are, how many streams have gaps, and how many events no answer tells of."""
    with closing(connection.cursor()) as cursor:
        [events], [gaps], [unanswered] = (
            row for query in ("SELECT count(*) FROM rma_log.events", GAPS, UNANSWERED) for row in cursor.execute(query)
        )
    return events, gaps, unanswered


def new_streams(connection: psycopg.Connection) -> int:
    """Return how many orders there are that no model and no copy had."""
    [(found,)] = connection.execute("SELECT count(*) FROM rma_log.events WHERE stream LIKE 'order/N-%' AND version = 1")
    return int(found)

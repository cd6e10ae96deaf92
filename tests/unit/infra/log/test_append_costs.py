"""What an append costs, counted and not timed: figures from which time follows, and that no machine changes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson
import pytest
from psycopg import Cursor

from domain.fact import Fact
from infra.envelope.codec import topic_of
from infra.log import event_log
from infra.log.event_log import LOCK, TAIL, Append
from infra.records import CommandStamp, Decided, NewEvent, Verdict
from infra.sealing.bodies import holds_plain_texts, seal_body
from infra.sealing.fields import SEALED
from tests.support.recorded_facts import CODEC
from tests.support.stories import six_steps

AT: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)
STATEMENTS: Final = 3
"""The lock; where the log ends, with a look for gaps; events, answers, messages and their number, all at once."""


class CountingCursor:
    """A cursor at an empty log: it notes what is executed, with how many parameters."""

    def __init__(self) -> None:
        self.statements: list[str | bytes] = []
        self.parameters = 0

    def execute(self, statement: str | bytes, parameters: Any = (), *, prepare: bool = False) -> CountingCursor:
        self.statements.append(statement)
        self.parameters += len(parameters)
        assert prepare or not parameters
        return self

    def fetchall(self) -> list[tuple[object, ...]]:
        return [(AT, 0, 0, None, 0, None, [])] if self.statements[-1] == TAIL else []


def appended(commands: int, events_each: int) -> CountingCursor:
    """Append so many commands, each of which adds so many events to a stream that there is."""
    entries = [
        Decided(
            CommandStamp("/shop", f"c-{number}", "rma.RecordDelivery.v1", "system:shop", "corr", place=f"0:{number}"),
            key=b"O-1",
            fingerprint=bytes(32),
            verdict=Verdict("accepted"),
            events=[
                NewEvent(f"order/{number}", 2 + turn, "rma.Order.Delivered.v1", AT, f"O-{number}", b"{}")
                for turn in range(events_each)
            ],
        )
        for number in range(commands)
    ]
    cursor = CountingCursor()
    event_log._append(cast("Cursor", cursor), Append(entries, "rma.command-results"))
    return cursor


def test_a_batch_is_written_by_as_many_statements_whatever_its_size() -> None:
    """And with as many parameters, prepared once: one a column, not one a value."""
    small, large = appended(5, 1), appended(500, 3)

    assert small.statements == large.statements
    assert small.statements[:2] == [LOCK, TAIL]
    assert len(small.statements) == STATEMENTS
    assert small.parameters == large.parameters


def test_an_answer_is_written_once_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """For table and topic alike, whatever the number of its events; nothing else of an append is JSON."""
    written = counted_dumps(monkeypatch)

    appended(50, 3)

    assert written["dumps"] == 50


def test_an_event_is_written_once_as_json_where_it_holds_nothing_to_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it read: most events of types that may hold texts hold none."""
    facts = [fact for fact in six_steps().history if is_plain(fact)]
    assert len([fact for fact in facts if topic_of(type(fact)) in SEALED]) >= 4
    written = counted_dumps(monkeypatch)

    for fact in facts:
        body = CODEC.encode(fact)
        assert seal_body(topic_of(type(fact)), body, "order/O-1", 1, unasked) == (body, None)

    assert (written["dumps"], written["loads"]) == (len(facts), 0)


def is_plain(fact: Fact) -> bool:
    """Tell whether nothing of a fact is sealed: neither texts, nor the hash of a command that holds some."""
    is_of_texts = "." in (getattr(fact, "content_hash", None) or "")
    return not is_of_texts and not holds_plain_texts(topic_of(type(fact)), CODEC.encode(fact))


def unasked() -> Any:
    raise AssertionError("a key was asked for")


def counted_dumps(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the texts of JSON that are written and read from now on."""
    seen: Counter[str] = Counter()
    dumps, loads = orjson.dumps, orjson.loads

    def writes(*args: Any, **settings: Any) -> bytes:
        seen["dumps"] += 1
        return dumps(*args, **settings)

    def reads(text: Any) -> Any:
        seen["loads"] += 1
        return loads(text)

    monkeypatch.setattr(orjson, "dumps", writes)
    monkeypatch.setattr(orjson, "loads", reads)
    return seen

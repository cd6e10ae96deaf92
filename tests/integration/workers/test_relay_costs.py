"""What a relay asks of PostgreSQL, in counts: a command waits for each answer on its way to its row."""

from __future__ import annotations

import time
from contextlib import closing
from threading import Event
from typing import Any

import psycopg
import pytest

from infra.log.event_log import EventLog
from tests.integration.workers.test_relay import STREAMS, fill, position
from tests.support.pipeline import Pipeline, wait_for
from workers import relay
from workers.relay import Relay


def test_a_batch_takes_three_statements(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events, messages, the position; each is a round trip for which a command waits on its way to its row."""
    fill(pipeline)
    pipeline.relay_all()  # a broker that has just started gives no producer ids at first
    monkeypatch.setattr(relay, "IDLE_LOOK_S", 0.0)
    leading = Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event())
    with closing(leading._log):
        at = leading._begin()
        assert at is not None
        at = leading._publish_next(at)  # it tells how far it is behind, too
        fill(pipeline, rounds=2)
        statements = counted_statements(monkeypatch, leading._log)

        at = leading._publish_next(at)

        assert at.position == 3 * STREAMS
        assert len(statements) == 3
        leading._drop_producer()


def test_a_relay_hears_of_an_append_and_need_not_look(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it left to look for itself, it would take a look for each append but the first."""
    look_s, appends = 10.0, 6
    monkeypatch.setattr(relay, "IDLE_LOOK_S", look_s)
    with pipeline.relaying():
        wait_for(lambda: position(pipeline) == 0 and pipeline.all_relayed(), "the relay to find nothing")
        began = time.monotonic()
        for _ in range(appends):
            fill(pipeline)
            wait_for(pipeline.all_relayed, "the relay to hear of it")
        heard_s = time.monotonic() - began
        monkeypatch.setattr(relay, "IDLE_LOOK_S", 0.0)
        fill(pipeline)  # else it would wait for long before it hears that it is to stop
    assert heard_s < look_s * (appends - 1) / 2


def test_an_idle_relay_asks_little(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two questions a look, and a look as seldom as it may be: time does not make it more."""
    leading = Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event())
    with closing(leading._log):
        at = leading._begin()
        assert at is not None
        leading._publish_next(at)
        statements = counted_statements(monkeypatch, leading._log)
        began, looks = time.monotonic(), 4

        for _ in range(looks):
            leading._publish_next(at)

        assert len(statements) == 2 * looks
        assert time.monotonic() - began >= looks * relay.IDLE_LOOK_S


def counted_statements(monkeypatch: pytest.MonkeyPatch, log: EventLog) -> list[object]:
    """Return a list that takes every statement that is executed from now on over the log's session."""
    execute, found = psycopg.Cursor.execute, list[object]()

    def counted(cursor: Any, query: Any, *args: Any, **settings: Any) -> Any:
        if cursor.connection is log.connection:
            found.append(query)
        return execute(cursor, query, *args, **settings)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return found

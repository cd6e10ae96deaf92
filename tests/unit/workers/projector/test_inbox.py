"""Whoever acts on an inbox does so when something has come in, and else as seldom as it was told to."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

import pytest
import structlog

from infra.envelope.codec import UnreadableEventError
from infra.metrics import WorkerMetrics
from workers.projector.inbox import act_until

AN_HOUR_S: Final = 3_600.0
SOON_S: Final = 20.0


def test_news_calls_and_nothing_else_does() -> None:
    """Once to begin with, once for each news; asked to stop, it need not wait for its hour to be over."""
    stop, news, acted = Event(), Event(), SimpleQueue[None]()
    settings = {"news": news, "every_s": AN_HOUR_S}
    acting = Thread(target=act_until, args=(stop, lambda: acted.put(None), WorkerMetrics("test")), kwargs=settings)
    acting.start()

    acted.get(timeout=SOON_S)
    for _ in range(3):
        news.set()
        acted.get(timeout=SOON_S)
    stop.set()
    acting.join(SOON_S)

    assert acted.empty()
    assert not acting.is_alive()


def test_news_that_come_while_it_acts_call_again() -> None:
    """What was read may have been read before they came."""
    stop, news, acts = Event(), Event(), list[int]()

    def act() -> None:
        acts.append(len(acts))
        if len(acts) == 1:
            news.set()
        else:
            stop.set()

    acting = Thread(target=act_until, args=(stop, act, WorkerMetrics("test")), kwargs={"news": news, "every_s": 60.0})
    acting.start()
    acting.join(SOON_S)

    assert acts == [0, 1]


def test_an_event_that_cannot_be_read_is_stood_at_with_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker neither ends nor goes past it: it looks again, and says each time where to read on what to do."""
    monkeypatch.setattr("workers.projector.inbox.UNREADABLE_S", 0.01)
    stop, metrics, looks = Event(), WorkerMetrics("test"), list[int]()

    def act() -> None:
        looks.append(len(looks))
        if len(looks) == 3:
            return stop.set()
        raise UnreadableEventError("rma/1 at 2: damaged")

    with structlog.testing.capture_logs() as logs:
        act_until(stop, act, metrics, every_s=0.0)

    place = {"event": "event_unreadable", "log_level": "error", "error": "rma/1 at 2: damaged"}
    assert logs == [place | {"runbook": "docs/runbook.md#event_unreadable"}] * 2
    assert metrics.registry.get_sample_value("rma_gaps_total", {"worker": "test"}) == 2

"""Whoever acts on an inbox does so when something has come in, and else as seldom as it was told to."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

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

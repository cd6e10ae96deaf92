"""A service that is away is waited for within bounds; the worker that waits lives, and says what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import psycopg
import pytest
from kafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from infra.metrics import WorkerMetrics
from workers.runtime import patience
from workers.runtime.patience import patiently


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "BACKOFF_S", 0.001)
    monkeypatch.setattr(patience, "BACKOFF_MAX_S", 0.002)


def failing(error: Exception, times: int, looks: Callable[[], Any]) -> Callable[[], str]:
    """Return an action that fails so often, looks around before each try, and then succeeds."""
    left = iter([error] * times)

    def act() -> str:
        looks()
        for failure in left:
            raise failure
        return "done"

    return act


@pytest.mark.parametrize(
    "away",
    [
        psycopg.OperationalError("gone"),
        psycopg.InterfaceError("gone"),
        psycopg.errors.IdleInTransactionSessionTimeout("stood still"),
        KafkaConnectionError("gone"),
    ],
)
def test_an_outage_outlasts_any_number_of_retries(away: Exception) -> None:
    """How long a service may be away is a matter of time alone."""
    assert patiently(failing(away, 100, bool), Event(), WorkerMetrics("relay")) == "done"


def test_what_kafka_refuses_is_not_asked_for_ever() -> None:
    """Kafka is there and says no: a bounded number of times is enough, however little time has passed."""
    tries: list[int] = []
    refused = failing(MessageSizeTooLargeError("no"), 10_000, lambda: tries.append(1))

    with pytest.raises(MessageSizeTooLargeError):
        patiently(refused, Event(), WorkerMetrics("relay"))

    assert len(tries) == patience.RETRIES_MAX + 1


def test_an_outage_without_end_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the bound the error is raised: whoever runs the worker has to know."""
    monkeypatch.setattr(patience, "OUTAGE_MAX_S", 0.02)

    with pytest.raises(psycopg.OperationalError):
        patiently(failing(psycopg.OperationalError("gone"), 10_000, bool), Event(), WorkerMetrics("relay"))


def test_a_worker_that_waits_says_so_and_lives() -> None:
    """While it waits it is not ready, and each try is a sign of life; afterwards it is ready again."""
    metrics = WorkerMetrics("relay")
    waited_for: list[list[str]] = []
    metrics.beat_at -= 1_000

    patiently(
        failing(psycopg.OperationalError("gone"), 2, lambda: waited_for.append(metrics.waits_for)), Event(), metrics
    )

    assert waited_for == [[], ["OperationalError('gone')"], ["OperationalError('gone')"]]
    assert metrics.waits_for == []
    assert metrics.silent_s() < 1_000

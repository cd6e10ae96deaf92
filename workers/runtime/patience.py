"""Waiting for a service that is away: with growing pauses, within bounds, alive all the while."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

import psycopg
import structlog
from kafka.errors import KafkaError

from infra.metrics import WorkerMetrics

OUTAGE_MAX_S: Final = 1_800.0
"""How long a service may be away before the worker that waits for it ends."""

RETRIES_MAX: Final = 8
"""How often in a row Kafka is asked again for what it refused."""

BACKOFF_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0

LOG = structlog.get_logger()
Returned = TypeVar("Returned")
POSTGRES_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,  # this process stood still, and its session was ended meanwhile
)


def patiently(action: Callable[[], Returned], stop: Event, metrics: WorkerMetrics) -> Returned | None:
    """Return what an action returns, trying again while a service is away; None once ``stop`` is set in a pause.

    Args:
        action: Can be repeated.
        stop: Ends a pause.
        metrics: Hear that the worker lives, and what it waits for.
    Raises:
        psycopg.OperationalError, kafka.errors.KafkaError: Still away after ``OUTAGE_MAX_S``; or Kafka is there, and
            refused ``RETRIES_MAX`` times more.
    """
    began, retry = time.monotonic(), 0
    try:
        while True:
            try:
                return action()
            except (*POSTGRES_AWAY, KafkaError) as away:
                if _is_final(away, retry, time.monotonic() - began):
                    LOG.error("service_away", error=repr(away), retries=retry)  # noqa: TRY400 - raised, and told there
                    raise
                metrics.waits(repr(away))
                pause_s = min(BACKOFF_MAX_S, BACKOFF_S * 2**retry)
                retry += 1
                LOG.warning("service_away_retrying", error=repr(away), retry=retry, pause_s=pause_s)
            if stop.wait(pause_s):
                return None
    finally:
        metrics.waits(None)


def _is_final(away: Exception, retry: int, waited_s: float) -> bool:
    refused = isinstance(away, KafkaError) and not away.retriable
    return waited_s >= OUTAGE_MAX_S or (refused and retry >= RETRIES_MAX)

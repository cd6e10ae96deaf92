"""What a worker answers over HTTP: figures, whether it lives, whether it can work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from infra import health
from infra.health import Health, serve
from infra.metrics import WorkerMetrics


@contextmanager
def client(answering: Health) -> Iterator[httpx.Client]:
    with serve(answering, "127.0.0.1", 0) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as asking:
        yield asking


def answers(answering: Health, path: str) -> tuple[int, str]:
    with client(answering) as asking:
        found = asking.get(path)
    return found.status_code, found.text


def test_health_follows_the_heartbeat() -> None:
    """A worker whose loop does not turn any more is unhealthy, and so not ready; healthy again once it does."""
    worker = WorkerMetrics("relay")
    silent = Health(worker, list, heartbeat_age_max_s=-1.0)
    beating = Health(worker, list)

    assert answers(silent, "/healthz") == answers(silent, "/readyz") == (503, "unhealthy\n")
    assert answers(beating, "/healthz") == answers(beating, "/readyz") == (200, "ok\n")
    assert answers(beating, "/else")[0] == 404


def test_a_worker_without_its_services_lives_but_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to start it anew: it waits, and is ready as soon as they answer again."""
    monkeypatch.setattr(health, "READY_KEPT_S", -1.0)
    away = ["PostgreSQL", "Kafka"]
    answering = Health(WorkerMetrics("relay"), lambda: list(away))

    assert answers(answering, "/readyz") == (503, "no answer from PostgreSQL and Kafka\n")
    assert answers(answering, "/healthz") == (200, "ok\n")
    away.clear()
    assert answers(answering, "/readyz") == (200, "ok\n")


def test_a_worker_that_waits_is_not_ready() -> None:
    """The services answer, but not to it: a full disk, a table that somebody locked."""
    worker = WorkerMetrics("relay")
    worker.waits("DiskFull()")
    waiting = answers(Health(worker, list), "/readyz")
    worker.waits(None)

    assert waiting == (503, "waiting for a service\n")
    assert answers(Health(worker, list), "/readyz") == (200, "ok\n")


def test_services_are_not_asked_by_every_request() -> None:
    """However often somebody asks whether a worker is ready, the services are asked once a second."""
    asked: list[int] = []

    def services_away() -> list[str]:
        asked.append(1)
        return []

    with client(Health(WorkerMetrics("relay"), services_away)) as asking:
        assert {asking.get("/readyz").status_code for _ in range(20)} == {200}

    assert len(asked) < 20


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/else"])
def test_head_says_what_get_would(path: str) -> None:
    """Probes that ask for headers alone get the same status and length, and no body."""
    with client(Health(WorkerMetrics("relay"), list)) as asking:
        got, head = asking.get(path), asking.head(path)

    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.text == ""
    assert int(head.headers["content-length"]) > 0

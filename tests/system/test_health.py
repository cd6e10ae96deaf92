"""Every worker tells whether it lives, and what it did, on a port of its own."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest

from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.system.test_work_all import ALL, all_started, supervisor
from workers.operating.initialising import initialise

TIMEOUT_S: Final = 5.0
PORTS_TRIED_MAX: Final = 20
PORTS: Final = range(10_240, 32_768)
"""Below those that connections take for their own end: none of them slips in before a worker listens."""


def first_of_free_ports(count: int) -> int:
    """Return a port that is free, as are those after it."""
    for _ in range(PORTS_TRIED_MAX):
        port = secrets.choice(PORTS[:-count])
        taken = {found.laddr.port for found in psutil.net_connections("tcp") if found.laddr}
        if not taken & set(range(port, port + count)):
            return port
    raise AssertionError("no row of free ports")


@pytest.fixture
def system(settings: Settings) -> Settings:
    """Settings of an initialised system whose workers are watched."""
    initialise(settings)
    return settings.model_copy(update={"metrics_port": first_of_free_ports(len(ALL))})


def answer(port: int, path: str) -> str | None:
    """Return what a worker answers, or None while it does not."""
    try:
        found = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT_S)
    except httpx.TransportError:
        return None
    return found.text if found.is_success else None


def test_every_worker_answers_for_its_health_and_its_figures(system: Settings, tmp_path: Path) -> None:
    """Whoever watches finds each worker on the given port or one of those after it, by its name."""
    ports = range(system.metrics_port, system.metrics_port + len(ALL))
    with supervisor(system, tmp_path) as process:
        all_started(process, ALL)
        for port in ports:
            assert wait_for(partial(answer, port, "/healthz"), f"health on port {port}") == "ok\n"
            assert wait_for(partial(answer, port, "/readyz"), f"readiness on port {port}") == "ok\n"
        figures = [answer(port, "/metrics") or "" for port in ports]

    named = {name for name in ALL for text in figures if f'rma_handled_total{{worker="{name}"}}' in text}
    assert named == ALL

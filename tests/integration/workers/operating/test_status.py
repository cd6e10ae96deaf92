"""`rma status` beside real processes: it says who runs, and shows whoever may not see everything what he may."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from typer.testing import CliRunner

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_processes import processes
from workers.cli.app import app
from workers.operating.initialising import initialise
from workers.operating.status import read_status
from workers.registry import WORKERS

READER: Final = "rma_reader_of_this_test"
PASSWORD: Final = "looks"  # noqa: S105 - of a role that this test makes and drops


@pytest.fixture
def system(settings: Settings) -> Settings:
    """A system that is initialised and has no worker yet."""
    initialise(settings)
    return settings


def running(settings: Settings) -> dict[str, int]:
    return {progress.worker: progress.processes for progress in read_status(settings).workers}


def said(settings: Settings) -> str:
    result = CliRunner().invoke(app, ["status"], env=dict(settings.as_environment()))
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())  # however wide the page is


def test_every_worker_is_seen_when_it_runs_and_missed_when_it_does_not(system: Settings, tmp_path: Path) -> None:
    """By its sessions or its membership, not by what it once wrote down: one that was killed is missed, too."""
    wanted = [worker.name for worker in WORKERS if worker.wanted(system)]
    assert running(system) == dict.fromkeys(wanted, 0)
    assert f"not running: {', '.join(wanted)}; start them with: rma work all" in said(system)

    kinds = {"commands": "commands", "relay": "relay", "deadlines": "deadlines", "one": "tracking", "other": "tracking"}
    with processes(system, tmp_path, kinds) as workers:
        those = dict.fromkeys(wanted, 0) | {"commands": 1, "relay": 1, "deadlines": 1, "tracking": 2}
        wait_for(lambda: running(system) == those, "every worker to be seen", look_every_s=0.5)
        shown = said(system)
        assert "not running: refund_ledger, return_reasons, credit_notes, auditor; start them with: rma work" in shown
        assert "2 processes" in shown

        workers["relay"].kill()
        workers["other"].kill()
        left = those | {"relay": 0, "tracking": 1}
        wait_for(lambda: running(system) == left, "the killed to be missed", look_every_s=0.5)


def test_who_only_looks_is_shown_what_he_may_see(system: Settings) -> None:
    """The role for analytics has no right on the log: positions and lags of its readers are shown all the same."""
    with closing(psycopg.connect(postgres_address(system), autocommit=True)) as owner:
        owner.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}' IN ROLE rma_reader")
        try:
            dsn = make_conninfo(postgres_address(system), user=READER, password=PASSWORD)
            reader = system.model_copy(update={"postgres_dsn": SecretStr(dsn)})
            shown, found = said(reader), read_status(reader)
        finally:
            owner.execute(f"DROP ROLE {READER}")

    assert "this user may not read the log" in shown
    assert (found.log_position, found.outbox_waiting) == (None, None)
    assert {one.worker: (one.at, one.behind) for one in found.workers} == {
        "commands": (0, 0), "relay": (None, None), "tracking": (0, 0), "refund_ledger": (0, 0),
        "return_reasons": (0, 0), "deadlines": (0, 0), "credit_notes": (0, 0), "auditor": (None, None),
    }  # fmt: skip

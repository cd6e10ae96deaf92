"""The list of workers: complete, true, and what `rma work` and the documents say."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import typer.main
from pydantic import SecretStr
from typer.testing import CliRunner

from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.cli.app import app
from workers.cli.exit_codes import WRONG_USAGE
from workers.registry import READ_MODELS, WORKERS, Worker, worker_named

ARCHITECTURE = Path(__file__).parents[3] / "docs" / "architecture.md"


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_what_a_worker_runs_is_there_and_takes_what_it_is_given(worker: Worker) -> None:
    """Settings, a stop event, its figures, and the read model's name for a projector."""
    given = ["settings", "stop", "metrics", *([] if worker.of is None else [worker.of])]

    signature(resolve_name(worker.runs)).bind(*given)


def test_every_read_model_has_a_projector() -> None:
    """A read model that is added gets a worker; a worker's read model exists."""
    assert list(READ_MODELS) == list(PROJECTIONS)
    assert [worker.of for worker in WORKERS if worker.of] == list(PROJECTIONS)


def test_names_are_unique() -> None:
    assert len({worker.name for worker in WORKERS}) == len(WORKERS)


def test_a_needed_setting_exists_and_decides() -> None:
    """A worker without what it needs is not started with all others."""
    assert {name for worker in WORKERS for name in worker.needs} <= set(Settings.model_fields)
    assert not worker_named("payments").wanted(Settings(gateway_url=None))
    assert worker_named("payments").wanted(Settings(gateway_url=SecretStr("http://127.0.0.1:1")))
    assert worker_named("relay").wanted(Settings(gateway_url=None))


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_rma_work_knows_every_worker(worker: Worker) -> None:
    """Its command is there, and its help is the sentence of the list."""
    root: Any = typer.main.get_command(app)
    command = root.commands["work"].commands[worker.command[0]]

    assert worker.of is not None or command.help == worker.does


def test_an_unknown_worker_is_wrong_usage() -> None:
    """Whoever leaves out a worker that is not there is told which there are."""
    told = CliRunner().invoke(app, ["work", "all", "--without", "nobody"])

    assert told.exit_code == WRONG_USAGE
    assert all(worker.name in told.output for worker in WORKERS)


def test_the_architecture_names_every_worker_with_what_it_does() -> None:
    """The page's table is the list."""
    rows = re.findall(r"^\| `rma work ([\w ]+)` \| (.+) \|$", ARCHITECTURE.read_text(), re.MULTILINE)

    assert rows == [(" ".join(worker.command), worker.does) for worker in WORKERS]

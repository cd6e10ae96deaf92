"""The command line where the terminal writes ASCII alone: everything is printed, nothing is a traceback."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Final
from uuid import UUID

import pytest

from infra.migrate import migrate
from tests.integration.projections.test_projections import play
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID
from tests.support.stories import six_steps
from workers.runtime.supervisor import command_line

WAIT_MAX_S: Final = 60
DENIED: Final = UUID(int=2)
ASCII: Final = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}


@pytest.fixture
def dsn(postgres_dsn: str) -> str:
    """A database whose read models show a whole story."""
    migrate(postgres_dsn)
    play(postgres_dsn, recorded(six_steps().history), batch=1_000)
    return postgres_dsn


def rma(dsn: str, *arguments: str) -> bytes:
    """Return what a command prints in the plainest locale."""
    done = subprocess.run(  # noqa: S603 - our own command line
        command_line(*arguments),
        env={**os.environ, **ASCII, "RMA_POSTGRES_DSN": dsn},
        capture_output=True,
        timeout=WAIT_MAX_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["reasons"],
        ["ledger"],
        ["ledger", "O-1"],
        ["show", str(RMA_ID), "--money"],
        ["show", "O-1"],
        ["explain", str(DENIED)],
        ["explain", str(DENIED), "--lang", "zh"],
        ["review", "list"],
        ["differences", "list"],
    ],
    ids=" ".join,
)
def test_people_read_ascii(dsn: str, arguments: list[str]) -> None:
    """Bars, marks and other languages are shown by what ASCII has."""
    assert rma(dsn, *arguments).decode("ascii").strip()


def test_programs_read_utf_8(dsn: str) -> None:
    """JSON is UTF-8 whatever the terminal writes: nothing is replaced in it."""
    said = rma(dsn, "explain", str(DENIED), "--lang", "zh", "--json")

    assert "已超过退货期限" in said.decode()
    assert json.loads(said)

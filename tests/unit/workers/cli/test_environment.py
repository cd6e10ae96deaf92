"""What `rma` makes of an environment that cannot work: one line that says what to do, and the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from infra.addresses import addresses
from infra.settings import PORT_MAX, PREFIX, Settings
from workers.cli.app import app
from workers.cli.exit_codes import SAID_NO, UNREACHABLE, WRONG_USAGE
from workers.registry import WORKERS
from workers.runtime.supervisor import command_line

WAIT_MAX_S: Final = 60
CANARY: Final = "c4n4ry"
NOWHERE: Final = "127.0.0.1:1"


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str


def rma(folder: Path, *arguments: str, **environment: str) -> Said:
    """Run the command line with these settings alone; its data folder is ``data`` in ``folder``."""
    result = CliRunner().invoke(app, arguments, env=_environment(folder, environment))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def rma_process(folder: Path, *arguments: str, **environment: str) -> Said:
    """Run the command line likewise, as a process of its own: it takes signals and logging over."""
    env = {name: value for name, value in {**os.environ, **_environment(folder, environment)}.items() if value}
    done = subprocess.run(  # noqa: S603 - our own command line
        command_line(*arguments), env=env, capture_output=True, text=True, timeout=WAIT_MAX_S, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _environment(folder: Path, given: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables to set, and those of ours to unset (None)."""
    unset = {name: None for name in os.environ if name.startswith(PREFIX)}
    return {**unset, "RMA_DATA_DIR": str(folder / "data"), **given}


def test_a_misspelt_variable_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """A setting that nobody reads would be ignored in silence."""
    said = rma(tmp_path, "status", RMA_KAFKA_BOOTSTRAPP=NOWHERE)

    assert said.code == WRONG_USAGE
    assert said.err == (
        "the environment cannot be used: RMA_KAFKA_BOOTSTRAPP is no setting; did you mean RMA_KAFKA_BOOTSTRAP?\n"
    )


def test_a_variable_like_none_is_told_what_there_is(tmp_path: Path) -> None:
    """Where nothing is near, all settings are named."""
    said = rma(tmp_path, "status", RMA_XYZZY="1").err

    assert all(f"{PREFIX}{name.upper()}" in said for name in Settings.model_fields)


def test_an_empty_variable_counts_as_none(tmp_path: Path) -> None:
    """Who unsets a variable by emptying it gets what he would without it."""
    emptied = {f"{PREFIX}{name.upper()}": "" for name in Settings.model_fields if name != "data_dir"}

    said = rma(tmp_path, "status", **emptied)

    assert (said.code, "rma up" in said.err) == (UNREACHABLE, True)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RMA_POSTGRES_DSN", CANARY),
        ("RMA_POSTGRES_DSN", f"mysql://u:{CANARY}@h/d"),
        ("RMA_POSTGRES_DSN", f"postgresql://u:{CANARY}@h/d?nonsense=1"),
        ("RMA_POSTGRES_DSN", f"host=h password={CANARY} user"),
        ("RMA_KAFKA_BOOTSTRAP", "kafka"),
        ("RMA_KAFKA_BOOTSTRAP", "kafka:http"),
        ("RMA_KAFKA_BOOTSTRAP", "kafka:9092,"),
        ("RMA_KAFKA_BOOTSTRAP", "kafka:99999"),
        ("RMA_GATEWAY_URL", "foo"),
        ("RMA_GATEWAY_URL", "https://"),
        ("RMA_GATEWAY_URL", f"ftp://u:{CANARY}@h"),
        ("RMA_GATEWAY_URL", "http://h:99999"),
        ("RMA_POSTGRES_PORT", "-1"),
        ("RMA_MIN_INSYNC_REPLICAS", "2"),
    ],
)
def test_what_cannot_work_is_refused_at_start(tmp_path: Path, variable: str, value: str) -> None:
    """Nothing is asked for ever: the variable is named in one line, and what may be a password is not repeated."""
    said = rma(tmp_path, "status", **{variable: value})

    assert said.code == WRONG_USAGE, said.err
    assert said.err.startswith("the environment cannot be used: ")
    assert variable in said.err
    assert said.err.count("\n") == 1
    assert CANARY not in said.err + said.out


@pytest.mark.parametrize(("command", "occupied"), [("up", "data"), ("up", "data/below"), ("down", "data")])
def test_a_data_folder_that_cannot_be_is_named(tmp_path: Path, command: str, occupied: str) -> None:
    """A file stands where the folder should be, or above it: one line, whichever command needs it."""
    (tmp_path / "data").write_text("somebody's file")

    said = rma(tmp_path, command, RMA_DATA_DIR=str(tmp_path / occupied))

    assert said.code == WRONG_USAGE, said.err
    assert said.err.count("\n") == 1
    assert str(tmp_path / "data") in said.err
    assert (tmp_path / "data").read_text() == "somebody's file"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("variable", ["RMA_POSTGRES_PORT", "RMA_KAFKA_PORT"])
def test_a_stack_is_not_started_on_a_port_in_use(tmp_path: Path, taken: int, variable: str) -> None:
    """The port and the variable to change are named."""
    said = rma(tmp_path, "up", **{variable: str(taken)})

    assert said.code == UNREACHABLE
    assert said.err == (f"port {taken} cannot be had (Address already in use): free it, or set {variable} to another\n")


def test_metrics_are_not_served_on_a_port_in_use(tmp_path: Path, taken: int) -> None:
    """A worker that could not be watched does not start."""
    away = {"RMA_POSTGRES_DSN": f"postgresql://{NOWHERE}/x", "RMA_KAFKA_BOOTSTRAP": NOWHERE}

    said = rma_process(tmp_path, "work", "relay", **away, RMA_METRICS_PORT=str(taken))

    assert said.code == SAID_NO
    assert said.err.count("\n") == 1
    assert "set RMA_METRICS_PORT to another" in said.err


def test_a_gateway_says_what_it_cannot_have(tmp_path: Path, taken: int) -> None:
    """A port in use, a file that is no book."""
    (tmp_path / "book").write_text("no book of payouts" * 100)

    port = rma_process(tmp_path, "gateway", "--port", str(taken))
    book = rma_process(tmp_path, "gateway", "--book", str(tmp_path / "book"))

    assert (port.code, "choose another with --port" in port.err) == (SAID_NO, True)
    assert (book.code, "cannot be the gateway's book" in book.err) == (WRONG_USAGE, True)
    assert port.err.count("\n") == book.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["ledger"], {"RMA_POSTGRES_DSN": f"postgresql://u:{CANARY}@{NOWHERE}/d"}, "check RMA_POSTGRES_DSN"),
        (["ledger"], {"RMA_POSTGRES_DSN": f"postgresql://u:{CANARY}@nowhere.invalid/d"}, "check RMA_POSTGRES_DSN"),
        (
            ["dead", "list"],
            {"RMA_POSTGRES_DSN": f"postgresql://u:{CANARY}@{NOWHERE}/d", "RMA_KAFKA_BOOTSTRAP": "nowhere.invalid:9092"},
            "check RMA_KAFKA_BOOTSTRAP",
        ),
    ],
    ids=["no PostgreSQL there", "no such host", "no such broker"],
)
def test_a_service_that_is_away_is_one_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    """The variable to check is named, and no password is told."""
    said = rma_process(tmp_path, *arguments, **environment)

    assert said.code == UNREACHABLE
    assert says in said.err
    assert said.err.count("\n") == 1
    assert CANARY not in said.err


def test_settings_never_show_a_password() -> None:
    """Whoever prints, logs or formats settings or addresses shows asterisks."""
    secret = SecretStr(f"postgresql://u:{CANARY}@h/d")
    settings = Settings(
        postgres_dsn=secret, kafka_bootstrap=NOWHERE, gateway_url=SecretStr(f"https://u:{CANARY}@gateway.example")
    )
    where = addresses(settings)

    for shown in (settings, where, settings.model_dump(), dict(settings), settings.model_dump_json()):
        assert CANARY not in f"{shown} {shown!r}"


def test_the_version_is_told(tmp_path: Path) -> None:
    """The first thing asked of a program, answered without any service."""
    said = rma(tmp_path, "--version")

    assert (said.code, said.out) == (0, "rma 0.1.0\n")


@pytest.mark.parametrize("first", [65_531, 65_535])
def test_ports_that_there_are_not_are_no_ports_for_workers(tmp_path: Path, first: int) -> None:
    """Each worker takes a port after the first: one too near to the last is refused before any worker starts."""
    away = {"RMA_POSTGRES_DSN": f"postgresql://{NOWHERE}/x", "RMA_KAFKA_BOOTSTRAP": NOWHERE}
    wanted = sum(not worker.needs for worker in WORKERS)

    said = rma(tmp_path, "work", "all", **away, RMA_METRICS_PORT=str(first))

    assert said.code == WRONG_USAGE
    assert said.err == (
        f"RMA_METRICS_PORT: {wanted} workers take {first} and the ports after it, which are too few; "
        f"{PORT_MAX - wanted + 1} at most would do\n"
    )


@pytest.mark.parametrize("url", [{}, {"RMA_GATEWAY_URL": ""}], ids=["not set", "empty"])
def test_without_a_gateway_nobody_waits_to_pay(tmp_path: Path, url: dict[str, str]) -> None:
    """A worker that could do nothing says so at once, before it waits for services."""
    away = {"RMA_POSTGRES_DSN": f"postgresql://{NOWHERE}/x", "RMA_KAFKA_BOOTSTRAP": NOWHERE}

    said = rma_process(tmp_path, "work", "payments", **away, **url)

    assert said.code == WRONG_USAGE
    assert said.err == "the worker payments needs RMA_GATEWAY_URL, which is not set, or empty\n"


@pytest.mark.parametrize("worker", ["commands", "all"])
def test_a_file_of_sources_that_cannot_be_used_stops_the_start(tmp_path: Path, worker: str) -> None:
    """Before any service is asked, with the place of the fault; who only looks is told by the doctor."""
    file = tmp_path / "sources.yaml"
    file.write_text("/shop: {actors: [king]}")
    where = {"RMA_POSTGRES_DSN": f"postgresql://{NOWHERE}/rma", "RMA_KAFKA_BOOTSTRAP": NOWHERE}

    said = rma(tmp_path, "work", worker, RMA_SOURCES_FILE=str(file), **where)

    assert said.code == WRONG_USAGE
    assert f"RMA_SOURCES_FILE: {file}: $./shop.actors[0]: " in said.err

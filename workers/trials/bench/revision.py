"""Another revision of this program, made ready to run beside this one: its files, its libraries, its environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg

from domain.errors import UnusableInputError
from infra.addresses import addresses, postgres_address
from infra.settings import VAULT_KEY_NAME, Settings
from workers.trials.bench.processes import Program
from workers.trials.sandbox import sandbox

HERE: Final = Path(__file__).parents[3]
READY: Final = "ready"
"""The file that says that a checkout is whole."""

OWN_PREFIX: Final = "RMA_"
SECURITY_PREFIX: Final = "RMA_KAFKA_SECURITY_"
UV_TIMEOUT_S: Final = 600.0


class RevisionUnusableError(UnusableInputError):
    """A revision cannot be run here; the message says which, and why."""

    code = "revision_unusable"


def commit_of(revision: str) -> str:
    """Return the commit that a revision names, in full; raises ``RevisionUnusableError``."""
    if revision.startswith("-"):
        raise RevisionUnusableError(f"{revision!r} is no revision")
    return _run(
        ["git", "-C", str(HERE), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], revision
    ).strip()


def check_out(revision: str, folder: Path) -> Program:
    """Put a revision's files into a folder of its own with the libraries that it pins, unless they are there.

    Args:
        revision: Whatever git takes for a commit of this repository.
        folder: Holds the checkouts of all revisions, each under its commit.
    Raises:
        RevisionUnusableError: There is no such revision, or its libraries cannot be had.
    """
    commit = commit_of(revision)
    place = folder.absolute() / commit
    if not (place / READY).exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        packed = place.with_suffix(".tar")
        _run(["git", "-C", str(HERE), "archive", f"--output={packed}", commit], revision)
        shutil.unpack_archive(packed, place, filter="data")
        packed.unlink()
        environment = _without_ours() | {"UV_PROJECT_ENVIRONMENT": ".venv"}
        _run(
            [_uv(), "sync", "--frozen", "--quiet", "--no-default-groups"],
            revision,
            folder=place,
            environment=environment,
        )
        (place / READY).touch()
    return Program(str(place / ".venv" / "bin" / "python"), place)


def environment_for_any(own: Settings, data_dir: Path) -> dict[str, str]:
    """Return the environment that leads workers of any revision to a system.

    Revisions refuse settings that they do not know, so it holds those alone that every one has.

    Args:
        own: Lead to the system, with a master key of its vault.
        data_dir: An empty folder; gets that key, which those take from there that have a vault.
    """
    if own.vault_key is not None:
        (data_dir / VAULT_KEY_NAME).write_text(own.vault_key.get_secret_value() + "\n")
        (data_dir / VAULT_KEY_NAME).chmod(0o600)
    secure = {name: value for name, value in os.environ.items() if name.startswith(SECURITY_PREFIX)}
    return (
        _without_ours()
        | secure
        | {
            "RMA_POSTGRES_DSN": postgres_address(own),
            "RMA_KAFKA_BOOTSTRAP": addresses(own).kafka_bootstrap,
            "RMA_TOPIC_PREFIX": own.topic_prefix,
            "RMA_DATA_DIR": str(data_dir),
            "RMA_LOG_LEVEL": "warning",
            "RMA_METRICS_PORT": "0",
        }
    )


def initialise_by(program: Program, environment: dict[str, str]) -> None:
    """Make the schemas and topics of a system as a revision's own ``rma init`` does."""
    _run([program.python, "-m", "workers.cli.app", "init"], "rma init", folder=program.folder, environment=environment)


def _without_ours() -> dict[str, str]:
    """Return this process's environment without settings of ours, and without the virtual environment it is in."""
    others = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIX) and name not in others}


def _uv() -> str:
    known = [found for found in (shutil.which("uv"), str(HERE / ".tools" / "uv" / "bin" / "uv")) if found]
    for path in known:
        if Path(path).exists():
            return path
    raise RevisionUnusableError("uv, which brings the libraries of another revision, is not there: make setup")


def _run(
    command: list[str], about: str, *, folder: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(  # noqa: S603 - programs of our own, no shell
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=UV_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()[-60:]) or "no such commit here"
        raise RevisionUnusableError(f"{about}: {Path(command[0]).name} says: {said}")
    return done.stdout


@contextmanager
def system_of(
    settings: Settings, program: Program, name: str
) -> Iterator[tuple[Settings, dict[str, str], psycopg.Connection]]:
    """Let a program make a system of its own, removed afterwards: its settings, its environment, a session there."""
    with TemporaryDirectory() as folder:

        def environment(own: Settings) -> dict[str, str]:
            return environment_for_any(own, Path(folder))

        with (
            sandbox(settings, name, lambda own: initialise_by(program, environment(own))) as own,
            closing(psycopg.connect(postgres_address(own), autocommit=True)) as connection,
        ):
            yield own, environment(own), connection

"""`rma doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg

from infra.addresses import addresses, postgres_address
from infra.log.prefix import OtherPrefixError
from infra.probes import kafka_answers, postgres_answers
from infra.services import StackNotRunningError
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.law_in_use import read_law
from workers.operating.running import processes
from workers.registry import WORKERS
from workers.runtime.one_history import HistoryError
from workers.runtime.sources_file import SourcesFileError, read_sources
from workers.runtime.starting import NotInitialisedError, require_initialised

PYTHON_MIN: Final = (3, 11)
DISK_FREE_MIN_BYTES: Final = 2 * 1024**3
MEMORY_FREE_MIN_BYTES: Final = 1024**3
OPEN_FILES_MIN: Final = 1_024
PROBE_TIMEOUT_S: Final = 10
LIBRARIES: Final = ("eventsourcing", "kafka-python", "psycopg", "pydantic")
SYNC: Final = "run: uv sync"
ADDRESS_IDS: Final = "SELECT EXISTS (SELECT FROM rma_read.orders WHERE customer_id LIKE '%@%')"
ANY_SOURCE: Final = "any source may act as anyone"


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``remedy`` says what to do where it is not ``ok``."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def checks(settings: Settings) -> list[Check]:
    """Look at everything that running the platform on this machine needs."""
    return [check for look in LOOKS for check in look(settings)]


def _python(_settings: Settings) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(
        "Python", sys.version_info >= PYTHON_MIN, version, "" if sys.version_info >= PYTHON_MIN else "install 3.11"
    )


def _libraries(_settings: Settings) -> Iterator[Check]:
    for name in LIBRARIES:
        try:
            yield Check(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, False, "not installed", SYNC)


def _tools(_settings: Settings) -> Iterator[Check]:
    """Name the versions of what is nice to have; none of them has to be there."""
    for name in ("uv", "git", "docker"):
        program = shutil.which(name)
        yield Check(name, True, first_line_of([program, "--version"]) if program else "not there, and not needed")


def _sources(settings: Settings) -> Iterator[Check]:
    """Tell whether any source may act as anyone, which is no fault of this machine's."""
    try:
        sources = read_sources(settings.sources_file)
    except SourcesFileError as wrong:
        yield Check("sources", False, str(wrong), "mend the file")
        return
    if sources.known is None:
        yield Check("sources", True, ANY_SOURCE, "set RMA_SOURCES_FILE")
    else:
        yield Check("sources", True, f"each may do what {settings.sources_file} says of it")


def _data_folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir.absolute()
    above = next(at for at in (folder, *folder.parents) if at.exists())
    ok = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    found = f"{folder}" if ok else f"{above} is no folder that you may write to"
    yield Check("data folder", ok, found, "" if ok else "set RMA_DATA_DIR to another")


def _disk(settings: Settings) -> Iterator[Check]:
    folder = next(at for at in (settings.data_dir.resolve(), *settings.data_dir.resolve().parents) if at.exists())
    free_bytes = shutil.disk_usage(folder).free
    yield _at_least("disk", free_bytes, DISK_FREE_MIN_BYTES, f"free in {folder}")


def _memory(_settings: Settings) -> Iterator[Check]:
    yield _at_least("memory", psutil.virtual_memory().available, MEMORY_FREE_MIN_BYTES, "available")


def _at_least(name: str, has_bytes: int, least_bytes: int, what: str) -> Check:
    remedy = "" if has_bytes >= least_bytes else f"free at least {least_bytes / 1e9:.0f} GB"
    return Check(name, has_bytes >= least_bytes, f"{has_bytes / 1e9:.1f} GB {what}", remedy)


def _open_files(_settings: Settings) -> Iterator[Check]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    ok = limit == resource.RLIM_INFINITY or limit >= OPEN_FILES_MIN
    yield Check("open files", ok, f"at most {limit}", "" if ok else f"run: ulimit -n {OPEN_FILES_MIN}")


def _services(settings: Settings) -> Iterator[Check]:
    """Ask the services that are given, or the running local stack; none of both is no fault."""
    try:
        where = addresses(settings)
    except StackNotRunningError:
        yield Check("services", True, "none given and none running; start them with: rma up")
        return
    answers = [
        _answers("PostgreSQL", postgres_answers, postgres_address(settings), settings.postgres_dsn is None),
        _answers("Kafka", kafka_answers, where.kafka_bootstrap, settings.kafka_bootstrap is None),
    ]
    yield from answers
    if all(answer.ok for answer in answers):
        yield from _system(settings)


def _system(settings: Settings) -> Iterator[Check]:
    """Ask what stands on the services: schemas and topics, and the workers; that none runs is no fault."""
    try:
        require_initialised(settings)
    except psycopg.errors.InsufficientPrivilege:
        yield Check("schemas and topics", True, "this user may not see them")
    except NotInitialisedError as lacking:
        yield Check("schemas and topics", False, lacking.what, lacking.remedy)
    except OtherPrefixError as other:
        yield Check("schemas and topics", False, str(other))
    except HistoryError as torn:
        yield Check("log and topic", False, str(torn))
    else:
        yield Check("schemas and topics", True, "all there")
    with closing(connect(postgres_address(settings))) as connection:
        running = processes(settings, connection)
    yield from _law(settings)
    yield from _customer_ids(settings)
    run = [name for name, count in running.items() if count]
    idle = [worker.name for worker in WORKERS if worker.wanted(settings) and worker.name not in run]
    yield Check("workers", True, ", ".join(run) or "none runs", f"not running: {', '.join(idle)}" if idle else "")


def _law(settings: Settings) -> Iterator[Check]:
    """Say which edition of the law holds; that it is not the newest is for the merchant to decide, and no fault."""
    try:
        law = read_law(settings)
    except psycopg.errors.InsufficientPrivilege:
        yield Check("law", True, "this user may not see it")
    except psycopg.errors.UndefinedTable:
        return  # said above: there is no log yet
    else:
        yield Check("law", True, f"edition {law.published} of {law.newest}", law.remedy)


def _customer_ids(settings: Settings) -> Iterator[Check]:
    """Tell whether customers are named by their addresses, which stay plain whatever is erased; the shop names them."""
    try:
        with closing(connect(postgres_address(settings))) as connection:
            [(found,)] = connection.execute(ADDRESS_IDS).fetchall()
    except psycopg.Error:
        return  # not for this user to see, or there are no views yet
    said = "some are e-mail addresses: no erasure reaches them" if found else "none is an e-mail address"
    yield Check("customers' ids", True, said, "send ids of your own (docs/privacy.md)" if found else "")


def _answers(name: str, asks: Callable[[str], bool], address: str, is_local: bool) -> Check:
    if asks(address):
        return Check(name, True, "answers" if is_local else "answers where it was given")
    variable = "RMA_POSTGRES_DSN" if name == "PostgreSQL" else "RMA_KAFKA_BOOTSTRAP"
    return Check(name, False, "does not answer", "run: rma down, then: rma up" if is_local else f"check {variable}")


def first_line_of(command: list[str]) -> str:
    """Return the first line that a program prints, or why it does not run."""
    try:
        told = subprocess.run(  # noqa: S603  # a program found by its own name, asked for its version
            command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True, cwd=Path.home()
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"does not run: {error}"
    return told.stdout.strip().partition("\n")[0]


LOOKS: Final[tuple[Callable[[Settings], Iterator[Check]], ...]] = (
    _python,
    _libraries,
    _sources,
    _data_folder,
    _disk,
    _memory,
    _open_files,
    _services,
    _tools,
)

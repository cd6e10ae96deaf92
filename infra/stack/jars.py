"""Bring Apache Kafka's jars from Maven Central, each checked against the digest in ``kafka_jars.lock``."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from domain.values import dataclass
from infra.stack.errors import DownloadError

REPOSITORY: Final = "https://repo.maven.apache.org/maven2"
LOCK: Final = Path(__file__).with_name("kafka_jars.lock")
PARALLEL_MAX: Final = 6
ATTEMPTS_MAX: Final = 3
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Jar:
    """One file: its path in a Maven repository, its size and its SHA-256."""

    path: str
    size_bytes: int
    sha256: str

    def at(self, folder: Path) -> Path:
        """Return where the jar lies in ``folder``."""
        return folder / Path(self.path).name


def locked_jars() -> list[Jar]:
    """Return the jars that the lock file names."""
    rows = (line.split() for line in LOCK.read_text().splitlines() if not line.startswith("#"))
    return [Jar(path, int(size_bytes), sha256) for sha256, size_bytes, path in rows]


def missing_jars(folder: Path) -> list[Jar]:
    """Return the jars that are not in ``folder`` with their full size; a file gets its name once it was checked."""
    return [jar for jar in locked_jars() if not _complete(jar, folder)]


def _complete(jar: Jar, folder: Path) -> bool:
    file = jar.at(folder)
    return file.exists() and file.stat().st_size == jar.size_bytes


def fetch_jars(folder: Path) -> str:
    """Return Kafka's class path, having fetched into ``folder`` what is missing there, with a progress bar.

    Raises:
        DownloadError: Maven Central cannot be reached, or sent something else than the lock file names.
    """
    missing = missing_jars(folder)
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _download(missing, folder)
    return os.pathsep.join(str(jar.at(folder)) for jar in locked_jars())


def _download(jars: list[Jar], folder: Path) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, httpx.Client(timeout=TIMEOUT_S) as client:
        task = progress.add_task("Fetching Apache Kafka, once", total=sum(jar.size_bytes for jar in jars))
        with ThreadPoolExecutor(PARALLEL_MAX) as pool:
            waiting = [pool.submit(_fetch, client, jar, folder, (progress, task)) for jar in jars]
            try:
                for one in waiting:
                    one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _fetch(client: httpx.Client, jar: Jar, folder: Path, shown: tuple[Progress, TaskID]) -> None:
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            body = client.get(f"{REPOSITORY}/{jar.path}").raise_for_status().content
        except httpx.HTTPError as error:
            if attempt == ATTEMPTS_MAX:
                raise DownloadError(f"{jar.path} cannot be fetched from {REPOSITORY}: {error!r}") from error
            continue
        if hashlib.sha256(body).hexdigest() != jar.sha256:
            raise DownloadError(f"{jar.path} from {REPOSITORY} is not the file that {LOCK.name} names")
        draft = jar.at(folder).with_suffix(f".{os.getpid()}")
        draft.write_bytes(body)
        draft.replace(jar.at(folder))
        shown[0].advance(shown[1], jar.size_bytes)
        return

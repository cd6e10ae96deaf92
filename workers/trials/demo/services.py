"""What `rma demo` runs on: services, workers and a payment gateway of its own, all gone when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from domain.errors import RmaError
from infra.addresses import addresses
from infra.services import StackNotRunningError
from infra.settings import Settings
from infra.stack import local
from workers.pictures.sheet import Screen
from workers.runtime.supervisor import KILL_TIMEOUT_S, STOP_TIMEOUT_S, SUPERVISED, command_line
from workers.trials.gateway_simulator.server import GatewayServer

LOG_BYTES_SHOWN_MAX: Final = 4_000
FOLDER_PREFIX: Final = "demo-"


class DemoFailedError(RmaError):
    """The demo could not be told to its end; the message ends with what the workers said last."""

    code: ClassVar[str] = "demo_failed"


@contextmanager
def own_folder(data_dir: Path) -> Iterator[Path]:
    """Make a folder for this demo alone, and remove it in the end, with what a demo that was killed left behind."""
    local.remove_abandoned(data_dir, FOLDER_PREFIX)
    had_data_dir = data_dir.exists()
    folder = data_dir / f"{FOLDER_PREFIX}{os.getpid()}"
    with local.usable(folder):
        pass
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not had_data_dir and not any(data_dir.iterdir()):
            data_dir.rmdir()


@contextmanager
def services(settings: Settings, folder: Path, out: Screen) -> Iterator[Settings]:
    """Yield settings that lead to services: those that run, else a local stack in ``folder`` while the block lasts."""
    try:
        addresses(settings)
    except StackNotRunningError:
        pass
    else:
        out.print("PostgreSQL and Kafka are running: a database and topics of the demo's own will do")
        yield settings
        return
    out.print("starting a real PostgreSQL and a real Apache Kafka of the demo's own")
    own = settings.model_copy(update={"data_dir": folder})
    local.up(folder)
    try:
        yield own
    finally:
        local.down(folder)


@contextmanager
def all_workers(settings: Settings, log: Path) -> Iterator[None]:
    """Run every worker but those that pay and make labels while the block lasts; the story tells of these itself.

    An error of the block comes with their last words.

    Raises:
        DemoFailedError: The block raised one of our errors.
    """
    try:
        with _process(("work", "all", "--without", "payments", "--without", "labels"), settings, log):
            yield
    except RmaError as error:
        raise DemoFailedError(f"{error}\nthe workers' last words:\n{_tail(log)}") from error


@contextmanager
def payments(settings: Settings, folder: Path) -> Iterator[str]:
    """Run a payment gateway, and the worker that asks it over HTTP, while the block lasts; yield its address."""
    with (
        GatewayServer(folder / "gateway.sqlite") as gateway,
        _process(("work", "payments"), settings, folder / "workers.log", {"RMA_GATEWAY_URL": gateway.url}),
    ):
        yield gateway.url


@contextmanager
def after_the_story(settings: Settings, folder: Path) -> Iterator[None]:
    """Run what the story told of by itself, for whoever goes on: payouts are made, and labels."""
    with payments(settings, folder), _process(("work", "labels"), settings, folder / "workers.log"):
        yield


@contextmanager
def _process(
    arguments: Sequence[str], settings: Settings, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run `rma` with these arguments while the block lasts; it ends with this process, however that ends."""
    own = {
        **settings.model_copy(update={"log_format": "console", "metrics_port": 0}).as_environment(),
        SUPERVISED: "1",
    }
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command_line(*arguments),
            env={**os.environ, **own, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S + KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(KILL_TIMEOUT_S)


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_BYTES_SHOWN_MAX:].decode(errors="replace")

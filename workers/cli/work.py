"""`rma work`: the workers, in the foreground."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import SAID_NO, UNREACHABLE
from workers.registry import READ_MODELS, WORKERS, Worker, worker_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from infra.settings import Settings
    from workers.runtime.supervisor import Child

work = typer.Typer(help="Run workers in the foreground; Ctrl-C ends them in order.", no_args_is_help=True)


def _command(worker: Worker) -> Callable[[], None]:
    def run() -> None:
        settings, stop = _begin(worker.name)
        worker.run(settings, stop)

    return run


for _worker in WORKERS:
    if _worker.of is None:
        work.command(name=_worker.name, help=_worker.does)(_command(_worker))


@work.command()
def projector(
    name: Annotated[str, typer.Argument(help=" or ".join(READ_MODELS), metavar="NAME")],
) -> None:
    """Fill one read model from the events."""
    from projections.read_models import projection_named

    projection_named(name)
    settings, stop = _begin(name)
    worker_named(name).run(settings, stop)


@work.command(name="all")
def everything(
    without: Annotated[list[str] | None, typer.Option(help="Leave this worker out; may be given again.")] = None,
) -> None:
    """Run every worker as its own process; one that crashes is started again, a bounded number of times.

    Where RMA_METRICS_PORT is set, the workers take that port and those after it.
    """
    from infra.settings import Settings
    from workers.runtime.supervisor import WorkerGaveUpError, supervise

    settings, left_out = Settings(), {worker_named(name) for name in without or []}
    children = _children(settings, [one for one in WORKERS if one.wanted(settings) and one not in left_out])
    _refuse_before_init(settings)
    _, stop = _begin("all")
    try:
        supervise(children, stop)
    except WorkerGaveUpError as gave_up:
        typer.secho(f"{gave_up}; all others were stopped", err=True, fg="red")
        raise typer.Exit(UNREACHABLE if gave_up.exit_code == UNREACHABLE else SAID_NO) from gave_up


def _children(settings: Settings, workers: Sequence[Worker]) -> list[Child]:
    from infra.settings import PORT_MAX
    from workers.runtime.supervisor import Child, command_line

    instance, first_port = settings.instance or uuid4().hex, settings.metrics_port
    if first_port and first_port + len(workers) - 1 > PORT_MAX:
        raise WrongUsageError(
            f"RMA_METRICS_PORT: {len(workers)} workers take {first_port} and the ports after it, which are too few; "
            f"{PORT_MAX - len(workers) + 1} at most would do"
        )
    return [
        Child(
            worker.name,
            command_line("work", *worker.command),
            {"RMA_INSTANCE": instance, "RMA_METRICS_PORT": str(first_port + number if first_port else 0)},
        )
        for number, worker in enumerate(workers)
    ]


def _refuse_before_init(settings: Settings) -> None:
    """Raise at once what every worker would raise; services that are away are theirs to wait for."""
    import psycopg
    from kafka.errors import KafkaError

    from workers.runtime.starting import require_initialised

    with suppress(psycopg.OperationalError, KafkaError):
        require_initialised(settings)


def _begin(worker: str) -> tuple[Settings, Event]:
    """Read the settings, set up logging, and return them with the event that a signal sets.

    Raises:
        StackNotRunningError: Nobody said where the services are.
        SourcesFileError: What a command worker needs to know of sources cannot be read.
    """
    import structlog

    from infra.addresses import addresses
    from infra.logs import configure
    from infra.settings import Settings
    from workers.runtime.loop import stop_on_signals
    from workers.runtime.session_names import named
    from workers.runtime.supervisor import stop_when_supervisor_ends

    settings = Settings()
    addresses(settings)
    if worker in {"commands", "all"}:
        from workers.runtime.sources_file import read_sources

        read_sources(settings.sources_file)
    configure(settings.log_format, settings.log_level)
    structlog.contextvars.bind_contextvars(worker=worker)
    stop = stop_on_signals()
    stop_when_supervisor_ends()
    return named(settings, worker), stop

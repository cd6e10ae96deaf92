"""What stands at places of Kafka's topics, and has to begin anew where the topics are others."""

from __future__ import annotations

from typing import ClassVar, Final

from psycopg import Connection

from domain.errors import RmaError
from infra.log.poison import forget_poison
from infra.settings import Settings
from workers.operating.running import processes
from workers.registry import WORKERS

REBASE: Final = (
    # what was folded stays: the versions of streams tell what comes again
    "UPDATE rma_read_meta.positions SET next_offset = 0, updated_at = now()",
    "DELETE FROM rma_audit.offsets",
)


class WorkersRunError(RmaError):
    """Workers run that would read and write while what they stand on is changed."""

    code: ClassVar[str] = "workers_run"

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"still running: {', '.join(names)}. Stop all workers first (one that was killed counts for some ten "
            "seconds more)"
        )


def refuse_while_workers_run(settings: Settings, connection: Connection) -> None:
    """Raise ``WorkersRunError`` where a worker runs anywhere, but for those that only answer requests."""
    running = processes(settings, connection)
    names = [worker.name for worker in WORKERS if running[worker.name] and worker.reads != "requests"]
    if names:
        raise WorkersRunError(names)


def rebase(connection: Connection) -> None:
    """Let all that reads the topics begin at their beginning; to be called in a transaction."""
    for statement in REBASE:
        connection.execute(statement)
    forget_poison(connection)

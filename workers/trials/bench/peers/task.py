"""One peer at its work, as a process of its own: `python -m workers.trials.bench.peers.task NAME [RETURNS]`.

Prints, as JSON, how many items it did in how many seconds, and what that took of processor and memory. What it needs
is made ready before the time runs: connections, topics, parsed bodies.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

import orjson
import psycopg
from eventsourcing.projection import ProjectionRunner

from commands.dispatch import parse
from commands.metadata import Meta, parse_actor
from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand
from infra.settings import Settings
from workers.trials.bench import floor, load
from workers.trials.bench.peers import plain
from workers.trials.bench.peers.relays import CLIENTS, PlainRelay

TIMEOUT_S: Final = 300.0
PLAIN: Final = "eventsourcing"
RUNNER: Final = "ProjectionRunner"
FLOOR: Final = "COPY"


def main() -> None:
    """Do what the first argument names."""
    name, settings = sys.argv[1], Settings()
    if name in CLIENTS:
        relay = PlainRelay(settings, name)
        _tell(relay.run)
    elif name == FLOOR:
        with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
            rows = floor.rows_of(connection)
            _tell(lambda: floor.take(connection, rows))
    elif name == PLAIN:
        _decide(settings, int(sys.argv[2]))
    elif name == RUNNER:
        _project(settings)
    else:
        sys.exit(f"no peer is called {name}")


def _decide(settings: Settings, returns: int) -> None:
    """Decide the commands of so many returns, one after the other."""
    application = plain.PlainReturns(plain.environment(postgres_address(settings)))
    _take(application, load.publish_policy())
    commands = list(load.returns(returns))

    def decide() -> int:
        for command in commands:
            _take(application, command)
        return len(commands)

    _tell(decide)
    application.close()


def _take(application: plain.PlainReturns, command: OutgoingCommand) -> None:
    """Parse a command from its bytes, as they would come, and have it decided."""
    type_name = f"rma.{command.type}.v1"
    kind, who = parse_actor(command.actor or "")
    meta = Meta(command.id, command.source, type_name, command.time, kind, who)  # type: ignore[arg-type]  # the load's
    application.take(parse(type_name, orjson.dumps(command.data)), meta)


def _project(settings: Settings) -> None:
    """Fold every event that was recorded there."""
    environment = plain.environment(postgres_address(settings))
    application = plain.PlainReturns(environment)
    last = application.recorder.max_notification_id()
    application.close()

    def project() -> int:
        with ProjectionRunner(
            application_class=plain.PlainReturns,
            projection_class=plain.PlainTracking,
            view_class=plain.TrackingView,
            env=environment,
        ) as runner:
            runner.wait(last, timeout=TIMEOUT_S)
        return last or 0

    _tell(project)


def _tell(work: Callable[[], int]) -> None:
    """Do the work, and print what it took."""
    began, cpu = time.monotonic(), time.process_time()
    items = work()
    taken = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"items": items, **taken, "peak_bytes": peak}))


if __name__ == "__main__":
    main()

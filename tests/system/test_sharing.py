"""Two workers of each kind share the work; whoever joins or is killed lets nothing wait for long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psycopg
import pytest

from infra.kafka.command_client import OutgoingCommand
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.busy_machine import slowness
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import caught_up
from tests.support.worker_processes import KINDS, WorkerProcess, processes
from tests.system.test_freeze import SHOWN, Shop, ask, trading
from tests.system.test_kill import is_shared
from workers.cli.exit_codes import DONE
from workers.operating.initialising import initialise

PAUSE_MAX_S: Final = 10.0
"""Twice what it is where nothing else runs, and where the machine is busy as often as much as work takes longer there:
a session's silence is bounded, its turn is not."""
STARTED_AGAIN_AFTER_S: Final = 0.5
"""As long as `rma work all` waits before it starts a worker again that ended."""

LOOK_EVERY_S: Final = 0.05
UNDISTURBED_S: Final = 1.5
TWINS: Final = {f"{kind}-{number}": kind for kind in KINDS for number in (1, 2)}
JOIN: Final = {"commands-3": "commands", "tracking-3": "tracking"}
JOINED, LEFT = "two joined", "two left"
TOLD: Final = "SELECT position, partition_key, command_id FROM rma_log.events ORDER BY position"


class Looks:
    """What of the log was shown when, looked at all the time."""

    def __init__(self, dsn: str) -> None:
        self.seen: list[tuple[datetime, dict[tuple[str, int], int]]] = []
        self._dsn = dsn
        self._stop = Event()

    def look(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._stop.wait(LOOK_EVERY_S):
                rows = connection.execute(SHOWN).fetchall()
                self.seen.append((datetime.now(UTC), {(name, partition): at for name, partition, at in rows}))

    def shown_at(self, projection: str, partition: int, position: int, since: int) -> tuple[datetime, int]:
        """Return when an event was first seen to be shown, and the look that saw it; ``since`` is where to begin."""
        for number in range(since, len(self.seen)):
            moment, at = self.seen[number]
            if at.get((projection, partition), 0) >= position:
                return moment, number
        raise AssertionError(f"position {position} was never shown in {projection}")

    @classmethod
    @contextmanager
    def at(cls, dsn: str) -> Iterator[Looks]:
        made = cls(dsn)
        thread = Thread(target=made.look)
        thread.start()
        try:
            yield made
        finally:
            made._stop.set()
            thread.join()


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The system under test, to be looked at."""
    initialise(settings)
    with closing(Pipeline(settings)) as made:
        yield made


def longest_waits_s(
    pipeline: Pipeline, looks: Looks, sent_at: Mapping[str, datetime], disturbed: Mapping[datetime, str]
) -> dict[str, float]:
    """Return the longest time from sending a command to its last event being shown, by whoever was hit meanwhile.

    ``disturbed`` holds when each was, in their order: the first meanwhile counts, else the last before.
    """
    longest = dict.fromkeys(disturbed.values(), 0.0)
    events = ask(pipeline, TOLD)
    for projection in PROJECTIONS:
        since: dict[int, int] = {}
        for position, key, command_id in events:
            if command_id not in sent_at:
                continue
            partition = pipeline.placement.of(key.encode())
            moment, since[partition] = looks.shown_at(projection, partition, position, since.get(partition, 0))
            sent = sent_at[command_id]
            meanwhile = [whom for at, whom in disturbed.items() if sent <= at <= moment]
            before = [whom for at, whom in disturbed.items() if at <= sent]
            whom = (meanwhile or before[-1:])[0]
            longest[whom] = max(longest[whom], (moment - sent).total_seconds())
    return longest


def kill_as_a_supervisor_sees_it(worker: WorkerProcess) -> None:
    """Kill a worker, and start it again under its name, as `rma work all` would."""
    assert worker.runs, worker.what_it_said()
    worker.kill()
    time.sleep(STARTED_AGAIN_AFTER_S)
    worker.start()
    time.sleep(UNDISTURBED_S)


@contextmanager
def joining(settings: Settings, folder: Path) -> Iterator[None]:
    """Let further workers join while the block lasts, and leave in order."""
    with processes(settings, folder, JOIN) as further:
        yield
        for worker in further.values():
            assert worker.end() == DONE, worker.what_it_said()


def test_whoever_joins_or_is_killed_is_hardly_noticed(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From sending to showing no command takes longer than the bound, though every worker is killed once."""
    sent_at: dict[str, datetime] = {}
    disturbed: dict[datetime, str] = {}
    send = Shop.send

    def noted(shop: Shop, command: OutgoingCommand) -> None:
        sent_at[command.id] = datetime.now(UTC)
        send(shop, command)

    with processes(pipeline.settings, tmp_path, TWINS) as workers:
        for group in ("commands", *(f"{name}.v{one.version}" for name, one in PROJECTIONS.items())):
            wait_for(partial(is_shared, pipeline, group), f"two of {group} to share")
        with Looks.at(pipeline.dsn) as looks, slowness() as machine:
            with trading(pipeline):
                disturbed[datetime.now(UTC)] = JOINED
                monkeypatch.setattr(Shop, "send", noted)
                with joining(pipeline.settings, tmp_path):
                    time.sleep(UNDISTURBED_S)
                    for worker in workers.values():
                        disturbed[datetime.now(UTC)] = f"{worker.kind} killed"
                        kill_as_a_supervisor_sees_it(worker)
                    time.sleep(UNDISTURBED_S)
                    disturbed[datetime.now(UTC)] = LEFT
                time.sleep(UNDISTURBED_S)
            caught_up(pipeline)
            time.sleep(UNDISTURBED_S)
    longest = longest_waits_s(pipeline, looks, sent_at, disturbed)
    waits = ", ".join(f"{whom} {waited_s:.1f} s" for whom, waited_s in longest.items())
    print(f"{waits}; work takes {machine.times:.1f} times as long here")

    assert len(sent_at) > 100
    assert max(longest.values()) <= PAUSE_MAX_S * machine.times, longest

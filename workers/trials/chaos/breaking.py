"""Breaks what the schedule says, when it says so, and mends it again."""

from __future__ import annotations

import heapq
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

import psycopg

from infra.addresses import postgres_address
from infra.log.lane import lane_ends, standing
from infra.settings import Settings
from workers.relay import RELAY_LOCK
from workers.trials.chaos.schedule import OF_WORKERS, PlannedFault
from workers.trials.chaos.services import Services, stop_and_go
from workers.trials.chaos.ways import BLOCKS
from workers.trials.chaos.worker_processes import WorkerProcess, Workers

POLL_S: Final = 0.02
LOOK_CLOSELY_S: Final = 0.002
AT_WORK_WITHIN_S: Final = 1.0
WAYS_AT_ONCE: Final = 8
REBUILD_TIMEOUT_S: Final = 60.0
CONNECT_TIMEOUT_S: Final = 2
FOLDED: Final = "SELECT sum(next_offset) FROM rma_read_meta.positions WHERE projection = %s"
SIGNED: Final = "SELECT count(*) FROM rma_audit.checkpoints"
LEADS: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND objid = %s AND granted
"""
CUT: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(order=True)
class _Due:
    at_s: float
    number: int
    act: Callable[[], object] = field(compare=False)


class Breaker:
    """Carries out faults.

    Args:
        settings: Of the system, past everything that breaks connections.
        services: What it stands on.
        workers: Its processes.
        tell: Hears of each fault as it comes.
    """

    def __init__(
        self, settings: Settings, services: Services, workers: Workers, tell: Callable[[PlannedFault], object]
    ) -> None:
        self.done: Counter[str] = Counter()
        self._conninfo = postgres_address(settings)
        self._services = services
        self._postgres = _Restarts(services.kill_postgres, services.start_postgres)
        self._kafka = _Restarts(services.kill_kafka, services.start_kafka)
        self._ways = ThreadPoolExecutor(WAYS_AT_ONCE)
        self._workers = workers
        self._tell = tell
        self._due: list[_Due] = []
        self._numbers = count()
        self._rebuilds: list[subprocess.Popen[bytes]] = []
        self._connection: psycopg.Connection | None = None

    def run(self, faults: Iterable[PlannedFault], program: Sequence[str]) -> None:
        """Carry out all faults, and undo each; return once everything is mended.

        Raises:
            StackStartError: A service did not come back.
        """
        began = time.monotonic()
        for fault in faults:
            self._at(began + fault.at_s, partial(self._begin, fault, program))
        with closing(self._postgres), closing(self._kafka), self._ways:
            while self._due:
                if (wait_s := self._due[0].at_s - time.monotonic()) > 0:
                    time.sleep(min(wait_s, POLL_S))
                else:
                    heapq.heappop(self._due).act()
        for rebuild in self._rebuilds:
            rebuild.wait(REBUILD_TIMEOUT_S)
        if self._connection is not None:
            self._connection.close()

    def _begin(self, fault: PlannedFault, program: Sequence[str]) -> None:
        self._tell(fault)
        self.done[fault.kind] += 1
        match fault.kind:
            case "kill_postgres":
                self._postgres.restart(fault.lasts_s)
            case "kill_kafka":
                self._kafka.restart(fault.lasts_s)
            case "freeze_postgres":
                self._postgres.do(lambda: stop_and_go(self._services.postgres_processes(), fault.lasts_s))
            case "freeze_kafka":
                self._kafka.do(lambda: stop_and_go(self._services.kafka_processes(), fault.lasts_s))
            case "fill_postgres":
                self._postgres.do(lambda: self._services.fill_postgres(fault.lasts_s))
            case "fill_kafka":
                self._kafka.do(lambda: self._services.fill_kafka(fault.lasts_s))
            case "cut_sessions":
                self._ask(lambda connection: connection.execute(CUT))
            case "kill_rebuild":
                self._rebuild(fault, program)
            case "freeze_lead":
                self._strike(fault, self._workers.by_name[self._lead()])
            case "step_clock":
                self._step_clock(fault)
            case kind if kind in OF_WORKERS:
                self._break_workers(fault)
            case _:
                self._block_way(fault)

    def _at(self, at_s: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._due, _Due(at_s, next(self._numbers), act))

    def _after(self, delay_s: float, act: Callable[[], object]) -> None:
        self._at(time.monotonic() + delay_s, act)

    def _break_workers(self, fault: PlannedFault) -> None:
        for name in fault.targets:
            worker = self._workers.by_name[name]
            if fault.kind.endswith("_starting"):
                worker.kill()
                worker.start()
                self._after(fault.delay_s, partial(self._strike, fault, worker))
                continue
            if fault.kind.endswith("_at_work"):
                self._wait_until_it_writes(worker)
            self._strike(fault, worker)

    def _strike(self, fault: PlannedFault, worker: WorkerProcess) -> None:
        hit, mend = (worker.kill, worker.start) if fault.kind.startswith("kill") else (worker.stop, worker.wake)
        hit()
        self._after(fault.lasts_s, mend)

    def _lead(self) -> str:
        """Return the relay that leads at this moment; the first where none does."""
        found = self._ask(lambda connection: connection.execute(LEADS, (RELAY_LOCK,)).fetchone())
        [name] = found if isinstance(found, tuple) else ("",)
        return (
            name if name in self._workers.by_name else next(n for n in self._workers.by_name if n.startswith("relay"))
        )

    def _step_clock(self, fault: PlannedFault) -> None:
        for name in fault.targets:
            worker = self._workers.by_name[name]
            worker.set_clock(fault.step_s)
            self._after(fault.lasts_s, partial(worker.set_clock, 0.0))

    def _block_way(self, fault: PlannedFault) -> None:
        """Block a way; meanwhile other things break, and other ways, too."""
        how, _, service = fault.kind.partition("_")
        self._ways.submit(self._services.ways.block, self._services.to[service], BLOCKS[how], fault.lasts_s)

    def _wait_until_it_writes(self, worker: WorkerProcess) -> None:
        """Return at the very moment at which workers of its kind have written how far they came, if it comes soon."""
        give_up_at = time.monotonic() + AT_WORK_WITHIN_S
        before = self._ask(partial(_progress, worker.kind))
        while time.monotonic() < give_up_at and self._ask(partial(_progress, worker.kind)) == before:
            time.sleep(LOOK_CLOSELY_S)

    def _rebuild(self, fault: PlannedFault, program: Sequence[str]) -> None:
        [name] = fault.targets
        environment = self._workers.environment
        with (self._workers.folder / "rebuild.log").open("ab") as log:
            rebuild = subprocess.Popen(  # noqa: S603 - our own command line
                [*program, "rebuild", name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        self._rebuilds.append(rebuild)
        self._after(fault.lasts_s, rebuild.kill)

    def _ask(self, question: Callable[[psycopg.Connection], object]) -> object:
        """Return what PostgreSQL says, or None where it is away."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
            return question(self._connection)
        except psycopg.Error:
            return None


def _progress(kind: str, connection: psycopg.Connection) -> object:
    """Return how far workers of a kind have come."""
    match kind:
        case "commands":
            return lane_ends(connection)
        case "relay":
            return standing(connection)
        case "auditor":
            return connection.execute(SIGNED).fetchall()
        case _:
            return connection.execute(FOLDED, (kind,)).fetchall()


class _Restarts:
    """Kills a service and starts it again, in a thread of its own: meanwhile other things break."""

    def __init__(self, kill: Callable[[], None], start: Callable[[], None]) -> None:
        self._kill = kill
        self._start = start
        self._pool = ThreadPoolExecutor(1)
        self._under_way: list[Future[None]] = []

    def restart(self, away_s: float) -> None:
        self.do(lambda: self._once(away_s))

    def do(self, act: Callable[[], None]) -> None:
        """Do something to the service, after what was begun before."""
        self._under_way.append(self._pool.submit(act))

    def _once(self, away_s: float) -> None:
        self._kill()
        time.sleep(away_s)
        self._start()

    def close(self) -> None:
        """Wait until it runs; raises ``StackStartError`` where it did not come back."""
        self._pool.shutdown()
        for restarted in self._under_way:
            restarted.result()

"""`rma bench http`: what a command over HTTP adds to Kafka's own way, and how long reads and pages take under a load.

All workers run as processes of their own, the door among them. Commands go one at a time, by turns over Kafka and over
HTTP, so that both meet the same machine; reads, then pages, are asked at a steady rate, whether or not those before are
answered, and each is timed from the instant at which it was due.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
import psycopg
from psycopg import Connection

from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand, conversation
from infra.settings import Settings
from workers.http.callers import new_key
from workers.http.pages.staff.visits import COOKIE
from workers.http.staff import DEMO_PEOPLE, begin_session
from workers.http.visitors import mint_link, new_token
from workers.registry import READ_MODELS
from workers.runtime.clock import utc_now
from workers.trials.bench import load
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import StageTooSlowError
from workers.trials.sandbox import sandbox

PER_SECOND: Final = 50
ADDED_MS_MAX: Final = 20.0
READ_P99_MS_MAX: Final = 50.0
PAGE_P99_MS_MAX: Final = 150.0
STEPS: Final = 3
"""Of each return of the load: order, delivery, request."""
WARM_UP: Final = 20
EACH_WAY_MAX: Final = 200
KINDS: Final = ("system", "carrier", "customer", "agent")
THREADS: Final = 32
TIMEOUT_S: Final = 60.0
RATE: Final = 1_000_000
STRUCTURED: Final = {"content-type": "application/cloudevents+json", "prefer": "wait=30"}


@dataclass(frozen=True, slots=True)
class HttpReport:
    """Milliseconds: commands each way, what HTTP adds in the middle, reads and pages at a steady rate (p50 and p99)."""

    conditions: dict[str, object]
    kafka_ms: dict[str, float]
    http_ms: dict[str, float]
    added_ms: float
    reads: int
    per_second: int
    read_ms: dict[str, float]
    page_ms: dict[str, float]
    added_ms_max: float = ADDED_MS_MAX
    read_p99_ms_max: float = READ_P99_MS_MAX
    page_p99_ms_max: float = PAGE_P99_MS_MAX

    @property
    def missed(self) -> list[str]:
        """A sentence for each bound that was missed."""
        bounds = (
            ("a command over HTTP adds", self.added_ms, self.added_ms_max),
            (f"p99 of reads at {self.per_second} a second is", self.read_ms["p99"], self.read_p99_ms_max),
            (f"p99 of pages at {self.per_second} a second is", self.page_ms["p99"], self.page_p99_ms_max),
        )
        return [f"{what} {found:.1f} ms, {most:.0f} is the bound" for what, found, most in bounds if found > most]

    def as_data(self) -> dict[str, object]:
        return asdict(self) | {"holds": not self.missed, "missed": self.missed}


def run_http(settings: Settings, tell: Callable[[str], None], *, returns: int, seconds: int) -> HttpReport:
    """Measure all of it, with so many returns in the views; reads, and pages, for so many seconds each."""
    with _system(settings) as (own, api), closing(psycopg.connect(postgres_address(own))) as connection:
        tell(f"taking in {returns:,} returns")
        commands = [*load.returns(returns)][: returns * STEPS]
        with conversation(own) as talk:
            talk.ask(load.publish_policy().to_record())
            talk.send_all((command.to_record() for command in commands), lambda _: None)
            tell("commands, by turns over Kafka and over HTTP")
            kafka_ms, http_ms = _by_turns(lambda command: talk.ask(command.to_record()), api, returns)
        tell(f"reads, {PER_SECOND} a second for {seconds} s")
        _wait_for(api, f"/v1/returns/{_rma_id(returns - 1)}")
        read_ms = _steadily(api, _questions(returns), PER_SECOND * seconds)
        tell(f"pages, {PER_SECOND} a second for {seconds} s")
        api.cookies.set(COOKIE, _signed_in(connection))
        page_ms = _steadily(api, _pages(connection, returns), PER_SECOND * seconds)
        return HttpReport(
            conditions={"returns": returns, "workers": "all, each its own process", **conditions(connection)},
            kafka_ms=_cuts(kafka_ms),
            http_ms=_cuts(http_ms),
            added_ms=statistics.median(http_ms) - statistics.median(kafka_ms),
            reads=len(read_ms),
            per_second=PER_SECOND,
            read_ms=_cuts(read_ms),
            page_ms=_cuts(page_ms),
        )


@contextmanager
def _system(settings: Settings) -> Iterator[tuple[Settings, httpx.Client]]:
    """Yield a system of its own at work, and a client of its door."""
    with sandbox(settings, "bench_http") as own, TemporaryDirectory() as folder:
        token, line = new_key(name="bench", source=load.SOURCE, kinds=KINDS, access="write", backdate=True)
        (keys := Path(folder) / "keys.jsonl").write_text(line)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        given = {"http_port": port, "http_keys_file": keys, "http_rate": RATE, "http_rate_anonymous": RATE}
        given |= {"http_public_url": f"http://127.0.0.1:{port}", "http_demo_login": True}
        with_door = own.model_copy(update=given)
        with Workers(environment_of(with_door)) as workers:
            for name in ("commands", "relay", *(f"projector {name}" for name in READ_MODELS), "http"):
                workers.start(name)
            headers = {"authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=TIMEOUT_S) as api:
                _wait_for(api, "/readyz")
                yield own, api


def _wait_for(api: httpx.Client, path: str) -> None:
    until = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until:
        try:
            if api.get(path).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise StageTooSlowError(f"{path} did not answer within {TIMEOUT_S:.0f} s")


def _by_turns(
    ask: Callable[[OutgoingCommand], object], api: httpx.Client, first: int
) -> tuple[list[float], list[float]]:
    """Return how long registrations of orders took over Kafka and over HTTP, in milliseconds."""

    def post(command: OutgoingCommand) -> None:
        answer = api.post("/v1/commands", content=command.to_bytes(), headers=STRUCTURED)
        if not answer.is_success:
            raise StageTooSlowError(f"a command was answered {answer.status_code}: {answer.text}")

    count = WARM_UP + 2 * min(first, EACH_WAY_MAX)
    taken: tuple[list[float], list[float]] = ([], [])
    for number, command in enumerate(islice(load.returns(count, first=first), count)):
        began = time.perf_counter()
        (ask, post)[number % 2](command)
        if number >= WARM_UP:
            taken[number % 2].append((time.perf_counter() - began) * 1000)
    return taken


def _steadily(api: httpx.Client, paths: list[str], count: int) -> list[float]:
    """Ask for paths by turns at a steady rate; return how long each took from when it was due, in milliseconds."""
    for path in paths[:WARM_UP]:
        api.get(path).raise_for_status()
    began = time.perf_counter() + 0.1

    def read(number: int, path: str) -> float:
        due = began + number / PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        api.get(path).raise_for_status()
        return (time.perf_counter() - due) * 1000

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(read, range(count), islice(cycle(paths), count)))


def _rma_id(number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"B-{number}")


def _questions(returns: int) -> list[str]:
    """Return the paths that are asked by turns: returns one by one, their events, orders, lists."""
    found = []
    for number in range(min(returns, 100)):
        one = f"/v1/returns/{_rma_id(number)}"
        found += [one, f"{one}/timeline", f"/v1/orders/B-{number}", "/v1/returns?limit=50&next_step=ship"]
    return found


def _signed_in(connection: Connection) -> str:
    """Let an agent in at the desk, and return what his cookie holds."""
    token = new_token()
    begin_session(connection, token, DEMO_PEOPLE[0], utc_now())
    connection.commit()
    return token


def _pages(connection: Connection, returns: int) -> list[str]:
    """Return the pages that are asked for by turns: customers' own, the desk's of a return, its queue, its search."""
    found = []
    for number in range(min(returns, 100)):
        link = mint_link(connection, _rma_id(number), f"B-{number}", "C-1", utc_now())
        found += [f"/r/{link}", f"/desk/returns/{_rma_id(number)}", "/desk?queue=overdue", f"/desk/search?q=B-{number}"]
    connection.commit()
    return found


def _cuts(taken_ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken_ms, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}

"""`rma demo`: services, workers, the story of one return and a week of a real shop; nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final

import psycopg
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from domain.errors import RmaError
from infra.settings import Settings, addresses
from infra.stack import local
from infra.stack.errors import StackNotRunningError
from infra.topics import TopicNames, partition_of
from projections.balances import read_trial_balance
from projections.case_file import read_allocation, read_case_file, read_exchanges
from projections.reason_tables import read_reason_tables
from workers.demo_story import Chapter, Story, Telling
from workers.ground import own_ground
from workers.import_command import import_online_retail, print_imported
from workers.read_models import PROJECTIONS
from workers.reporting import reason_bars, trial_balance
from workers.scenario_views import Views
from workers.sending import Conversation, OutgoingCommand, Result, conversation, key_of
from workers.showing import picture
from workers.showing_orders import allocation
from workers.supervisor import KILL_TIMEOUT_S, STOP_TIMEOUT_S, SUPERVISED, command_line
from workers.terminal import money, stacked

SLICE: Final = Path(__file__).parents[1] / "tests" / "data" / "online_retail_2010-12-01_to_2010-12-07.csv.xz"
SOURCE: Final = "/demo"
ARTICLES_SHOWN: Final = 5
LOG_BYTES_SHOWN_MAX: Final = 4_000
FOLDER_PREFIX: Final = "demo-"
LOG_ENDS: Final = "SELECT partition_key, max(position) FROM rma_log.events GROUP BY partition_key"


class StoryWentWrongError(RmaError):
    """The system answered otherwise than the story needs."""

    code: ClassVar[str] = "story_went_wrong"


def run_demo(settings: Settings, out: Console) -> None:
    """Tell the story on the services that run, or on a local stack started for it, and clean up.

    Raises:
        ServiceUnreachableError, NeverAnsweredError, StoryWentWrongError: The demo cannot be told.
    """
    began = time.monotonic()
    with ExitStack() as opened:
        opened.enter_context(_ended_in_order())
        folder = opened.enter_context(_folder(settings.data_dir))
        services = opened.enter_context(_services(settings, folder, out))
        ground = opened.enter_context(own_ground(services, "demo"))
        out.print(f"schemas and topics are there after {_seconds(began)}; starting every worker as its own process")
        opened.enter_context(_workers(ground, folder / "workers.log"))
        views = opened.enter_context(closing(Views(addresses(ground).postgres_dsn, tuple(PROJECTIONS))))
        talk = opened.enter_context(conversation(ground))
        partitions = talk.results.partitions_of(TopicNames(ground.topic_prefix).events)
        story = Story.fresh()
        Teller(talk, views, out, partitions).tell(story)
        out.print(f"\nThe story took until {_seconds(began)}.", style="dim")
        _show_case(ground, story, out)
        _import_week(ground, views, partitions, out)
    out.print(f"\nDone in {_seconds(began)}. Everything that was started is stopped, and nothing is left behind.")


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


class Teller:
    """Sends the story's commands, one after the other, and prints what came of each."""

    def __init__(self, talk: Conversation, views: Views, out: Console, event_partitions: int) -> None:
        self._talk = talk
        self._views = views
        self._out = out
        self._event_partitions = event_partitions
        self._told = 0

    def tell(self, story: Story) -> None:
        """Tell all six steps; raises ``StoryWentWrongError``."""
        for chapter in story.chapters():
            self._tell_chapter(chapter, story)
        payouts = self._views.rows("payouts", {"rma_id": story.rma_id})
        self._tell_chapter(story.resolution(payouts), story)
        self._tell_chapter(story.feedback(), story)

    def _tell_chapter(self, chapter: Chapter, story: Story) -> None:
        self._out.print(Rule(Text(chapter.title, "bold"), align="left", style="cyan"))
        reached: dict[int, int] = {}
        for telling in chapter.tellings:
            result = self._tell_one(telling)
            for event in result["events"]:
                partition = partition_of((key_of(telling.data) or "").encode(), self._event_partitions)
                reached[partition] = max(reached.get(partition, 0), event["position"])
        self._views.wait_for(reached)
        for row in self._views.rows("returns", {"rma_id": story.rma_id}):
            said = Text("  → the return is ", "dim").append(row["status"].replace("_", " "), "bold green")
            said.append(f", next: {row['next_step']}", "dim")
            if row["refund_minor"]:
                said.append(f", refund {money(row['refund_minor'], row['currency'])}", "dim")
            self._out.print(said)

    def _tell_one(self, telling: Telling) -> Result:
        self._told += 1
        command = OutgoingCommand(
            type=telling.type,
            id=f"demo-{self._told}",
            source=SOURCE,
            key=key_of(telling.data),
            time=telling.at,
            actor=telling.actor,
            data=telling.data,
        )
        result = self._talk.ask(command.to_record())
        self._out.print(_line(telling, result))
        expected = ("refused", telling.refused) if telling.refused else ("accepted", None)
        if (result["status"], result.get("code")) != expected:
            raise StoryWentWrongError(f"{telling.type} was {result['status']}: {result.get('message')}")
        return result


def _line(telling: Telling, result: Mapping[str, Any]) -> Text:
    """Return one command with what it said and what came of it."""
    line = Text(f"  {telling.at[:10]} {telling.actor:<16} ", "dim")
    line.append(f"{telling.type:<20}", "cyan").append(telling.says)
    if result["status"] == "refused":
        return line.append(f"  ✗ {result['code']}: {result['message']}", "yellow")
    facts = ", ".join(event["type"].split(".")[2] for event in result["events"])
    return line.append(f"  ✓ {facts or 'known already, nothing new'}", "green")


def _show_case(settings: Settings, story: Story, out: Console) -> None:
    with closing(psycopg.connect(addresses(settings).postgres_dsn, autocommit=True)) as connection:
        case = read_case_file(connection, story.rma_id)
        if case is None:
            raise StoryWentWrongError("the return never showed in the read models")
        out.print(Rule(Text("rma show --money", "bold"), align="left", style="cyan"))
        out.print(picture(case))
        units, exchanges = read_allocation(connection, story.order_id), read_exchanges(connection, story.order_id)
        out.print(stacked(*allocation(story.order_id, units, exchanges)))


def _import_week(settings: Settings, views: Views, event_partitions: int, out: Console) -> None:
    out.print(Rule(Text("rma import online-retail: a real shop's week", "bold"), align="left", style="cyan"))
    imported = import_online_retail(SLICE, settings, out)
    print_imported(imported, out)
    if not imported.answers.all_accepted:
        raise StoryWentWrongError("a command of the import was not accepted")
    with closing(psycopg.connect(addresses(settings).postgres_dsn, autocommit=True)) as connection:
        views.wait_for(_log_ends(connection, event_partitions))
        out.print(Rule(Text("rma reasons", "bold"), align="left", style="cyan"))
        out.print(reason_bars(read_reason_tables(connection, skus_max=ARTICLES_SHOWN)))
        out.print(Rule(Text("rma ledger", "bold"), align="left", style="cyan"))
        balances, unbalanced = read_trial_balance(connection)
    out.print(trial_balance(balances, unbalanced))
    if unbalanced:
        raise StoryWentWrongError("the ledger does not sum to zero")


def _log_ends(connection: psycopg.Connection[Any], event_partitions: int) -> dict[int, int]:
    """Return the position of the last event of each partition."""
    ends: dict[int, int] = {}
    for key, position in connection.execute(LOG_ENDS).fetchall():
        partition = partition_of(key.encode(), event_partitions)
        ends[partition] = max(ends.get(partition, 0), position)
    return ends


@contextmanager
def _folder(data_dir: Path) -> Iterator[Path]:
    """Make a folder for this demo alone, and remove it in the end, with what a demo that was killed left behind."""
    local.remove_abandoned(data_dir, FOLDER_PREFIX)
    had_data_dir = data_dir.exists()
    folder = data_dir / f"{FOLDER_PREFIX}{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not had_data_dir and not any(data_dir.iterdir()):
            data_dir.rmdir()


@contextmanager
def _services(settings: Settings, folder: Path, out: Console) -> Iterator[Settings]:
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
def _workers(settings: Settings, log: Path) -> Iterator[None]:
    """Run every worker while the block lasts; an error of the block comes with their last words."""
    environment = {
        "RMA_POSTGRES_DSN": settings.postgres_dsn or "",
        "RMA_KAFKA_BOOTSTRAP": settings.kafka_bootstrap or "",
        "RMA_TOPIC_PREFIX": settings.topic_prefix,
        "RMA_LOG_FORMAT": "console",
        "RMA_METRICS_PORT": "0",
        SUPERVISED: "1",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command_line("work", "all"),
            env=os.environ | environment,
            stdin=subprocess.PIPE,  # ends when this process does, however it does
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield
    except RmaError as error:
        raise StoryWentWrongError(f"{error}\nthe workers' last words:\n{_tail(log)}") from error
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S + KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(KILL_TIMEOUT_S)


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_BYTES_SHOWN_MAX:].decode(errors="replace")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, so that what was started is stopped."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)

"""`rma demo`: services, workers, the story of one return and a week of a real shop; nothing stays behind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import UUID

import psycopg
from rich.rule import Rule

from domain.errors import RmaError
from infra.addresses import postgres_address
from infra.kafka.command_client import Conversation, OutgoingCommand, Result, conversation, key_of
from infra.kafka.partitioner import Placement
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from projections.refund_ledger.balances import read_trial_balance
from projections.return_reasons.rates import read_reason_tables
from projections.tracking.case_file import read_allocation, read_case_file, read_exchanges
from projections.tracking.decisions import read_decisions
from workers.pictures.catalogues import catalogue
from workers.pictures.explaining import explain
from workers.pictures.explanations import explanations
from workers.pictures.orders import allocation
from workers.pictures.returns import picture
from workers.pictures.sheet import Screen
from workers.pictures.tables import reason_bars, trial_balance
from workers.pictures.terminal import counted, money, stacked
from workers.pictures.text import Text
from workers.trials.demo import books
from workers.trials.demo.doors import doors, stay_open, tell_doors
from workers.trials.demo.services import after_the_story, all_workers, own_folder, payments, services
from workers.trials.demo.story import CURRENCY, Chapter, Step, Story
from workers.trials.online_retail.importing import import_online_retail, print_imported
from workers.trials.sandbox import ended_in_order, sandbox
from workers.trials.scenario.views import Views

SLICE: Final = Path(__file__).parents[3] / "tests" / "data" / "online_retail_2010-12-01_to_2010-12-07.csv.xz"
SOURCE: Final = "/demo"
ARTICLES_SHOWN: Final = 5
PAYOUTS_TIMEOUT_S: Final = 60.0
PAYOUTS_POLL_S: Final = 0.1


class StoryWentWrongError(RmaError):
    """The system answered otherwise than the story needs."""

    code: ClassVar[str] = "story_went_wrong"


def run_demo(settings: Settings, out: Screen, *, stay: bool = False) -> None:
    """Tell the story on the services that run, or on a local stack started for it, and clean up.

    Args:
        settings: Lead to services that run, if any do.
        out: Where it is told.
        stay: Keep the pages open when all is told, until Ctrl-C.

    Raises:
        ServiceUnreachableError, NeverAnsweredError, StoryWentWrongError, DoorStayedShutError: It cannot be told.
    """
    began = time.monotonic()
    with ExitStack() as opened:
        opened.enter_context(ended_in_order())
        folder = opened.enter_context(own_folder(settings.data_dir))
        where = opened.enter_context(services(settings, folder, out))
        shut = opened.enter_context(sandbox(where, "demo"))
        opening = opened.enter_context(doors(shut, folder))
        own = opening.settings
        out.print(f"schemas and topics are there after {_seconds(began)}; starting every worker as its own process")
        opened.enter_context(all_workers(own, folder / "workers.log"))
        views = opened.enter_context(closing(Views(postgres_address(own), tuple(PROJECTIONS))))
        talk = opened.enter_context(conversation(own))
        events = talk.placement_of(TopicNames(own.topic_prefix).events)
        story = Story.fresh()
        with payments(own, folder) as gateway_url:
            Narrator(talk, views, out, events).narrate(story, gateway_url)
        out.print()
        out.print(f"The story took until {_seconds(began)}.", style="dim")
        show_case(own, story, out)
        _import_week(own, views, events, out)
        out.print(Rule(Text("Doors", "bold"), align="left", style="cyan"))
        tell_doors(opening, story, out, stay=stay)
        if stay:
            opened.enter_context(after_the_story(own, folder))
            out.print(f"Told in {_seconds(began)}.", style="dim")
            stay_open(out)
    out.print()
    out.print(f"Done in {_seconds(began)}. Everything that was started is stopped, and nothing is left behind.")


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


class Narrator:
    """Sends the story's commands, one after the other, and prints what came of each."""

    def __init__(self, talk: Conversation, views: Views, out: Screen, events: Placement) -> None:
        self._talk = talk
        self._views = views
        self._out = out
        self._events = events
        self._told = 0

    def narrate(self, story: Story, gateway_url: str) -> None:
        """Tell all six steps; raises ``StoryWentWrongError``."""
        for chapter in story.chapters():
            self._narrate_chapter(chapter, story)
        self._await_payouts(story, gateway_url)
        self._narrate_chapter(story.feedback(), story)
        self._close_books(story)

    def _close_books(self, story: Story) -> None:
        """Tell of a purchase on invoice and of an exchange, and that nothing of either stays open.

        Raises:
            StoryWentWrongError: Something does.
        """
        self._tell(books.invoice(story))
        for row in self._views.rows("payouts", {"rma_id": story.invoice_id}):
            line = Text(f"  {money(row['amount_minor'], row['currency']):>12} less on the invoice ", "")
            self._out.print(line.append(f"✓ {row['status']} at once, no gateway is asked", "green"))
        self._await_credit_notes(story.invoice_id)
        self._say_closed(story.invoice_order_id)
        self._tell(books.exchange(story))
        self._say_closed(story.exchange_order_id, story.new_order_id)

    def _say_closed(self, *order_ids: str) -> None:
        """Print what stands open on the orders' accounts: nothing."""
        balances: Counter[str] = Counter(dict.fromkeys(books.OPEN_ACCOUNTS, 0))
        for order_id in order_ids:
            for row in self._views.rows("ledger_entries", {"order_id": order_id}):
                balances[row["account"]] += row["amount_minor"]
        stands = {account: balances[account] for account in books.OPEN_ACCOUNTS}
        if any(stands.values()):
            raise StoryWentWrongError(f"accounts of {', '.join(order_ids)} are open: {stands}")
        said = Text("  → the books are closed: ", "dim").append(money(0, CURRENCY), "bold green")
        self._out.print(said.append(f" on {', '.join(stands)}", "dim"))

    def _await_payouts(self, story: Story, gateway_url: str) -> None:
        """Wait until the payments worker has had every payout made, and print what came of each."""
        self._head("5  Resolution")
        self._out.print(f"  the payments worker asks the gateway at {gateway_url} for each payout", style="dim")
        give_up_at = time.monotonic() + PAYOUTS_TIMEOUT_S
        while any(row["status"] != "settled" for row in self._payouts(story)):
            if time.monotonic() > give_up_at:
                raise StoryWentWrongError(f"not every payout was settled within {PAYOUTS_TIMEOUT_S:.0f} s")
            time.sleep(PAYOUTS_POLL_S)
        for row in self._payouts(story):
            line = Text(f"  {money(row['amount_minor'], row['currency']):>12} back to the {row['tender_kind']} ", "")
            self._out.print(line.append(f"✓ settled, the gateway's reference {row['reference']}", "green"))
        # the ledger has the settlements, so the log has: where the return stands is another read model's to say
        self._views.wait_for_log(self._events)
        self._await_credit_notes(story.rma_id)
        self._say_where(story)

    def _await_credit_notes(self, rma_id: UUID) -> None:
        """Wait until each refund of a return has its credit note, and print them."""
        give_up_at = time.monotonic() + PAYOUTS_TIMEOUT_S
        refunds = len(self._views.rows("refunds", {"rma_id": rma_id}))
        while len(notes := self._views.rows("credit_notes", {"rma_id": rma_id})) < refunds:
            if time.monotonic() > give_up_at:
                raise StoryWentWrongError(f"not every refund had a credit note within {PAYOUTS_TIMEOUT_S:.0f} s")
            time.sleep(PAYOUTS_POLL_S)
        for note in sorted(notes, key=lambda row: str(row["number"])):
            line = Text(f"  {money(note['gross_minor'], note['currency']):>12} on credit note ", "")
            self._out.print(line.append(f"✓ {note['number']}, {counted(len(note['lines']), 'line')}", "green"))

    def _payouts(self, story: Story) -> list[dict[str, Any]]:
        return sorted(self._views.rows("payouts", {"rma_id": story.rma_id}), key=lambda row: str(row["requested_at"]))

    def _head(self, title: str) -> None:
        self._out.print(Rule(Text(title, "bold"), align="left", style="cyan"))

    def _narrate_chapter(self, chapter: Chapter, story: Story) -> None:
        self._tell(chapter)
        self._say_where(story)

    def _tell(self, chapter: Chapter) -> None:
        """Send a chapter's commands and print what came of each, until the views show it."""
        self._head(chapter.title)
        for step in chapter.steps:
            self._take(step)
        self._views.wait_for_log(self._events)  # of one command, facts of two orders may be in two partitions

    def _say_where(self, story: Story) -> None:
        """Print where the return stands."""
        for row in self._views.rows("returns", {"rma_id": story.rma_id}):
            said = Text("  → the return is ", "dim").append(row["status"].replace("_", " "), "bold green")
            said.append(f", next: {row['next_step']}", "dim")
            if row["refund_minor"]:
                said.append(f", refund {money(row['refund_minor'], row['currency'])}", "dim")
            self._out.print(said)

    def _take(self, step: Step) -> Result:
        self._told += 1
        command = OutgoingCommand(
            type=step.type,
            id=f"demo-{self._told}",
            source=SOURCE,
            key=key_of(step.data),
            time=step.at,
            actor=step.actor,
            data=step.data,
        )
        result = self._talk.ask(command.to_record())
        self._out.print(_line(step, result))
        expected = ("refused", step.refused) if step.refused else ("accepted", None)
        if (result["status"], result.get("code")) != expected:
            raise StoryWentWrongError(f"{step.type} was {result['status']}: {result.get('message')}")
        return result


def _line(step: Step, result: Mapping[str, Any]) -> Text:
    """Return one command with what it said and what came of it."""
    line = Text(f"  {step.at[:10]} {step.actor:<16} ", "dim")
    line.append(f"{step.type:<20}", "cyan").append(step.says)
    if result["status"] == "refused":
        return line.append(f"  ✗ {result['code']}: {result['message']}", "yellow")
    facts = ", ".join(event["type"].split(".")[2] for event in result["events"])
    return line.append(f"  ✓ {facts or 'known already, nothing new'}", "green")


def show_case(settings: Settings, story: Story, out: Screen) -> None:
    """Print the return whole, and why another one was denied; raises ``StoryWentWrongError`` where it does not show."""
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        case = read_case_file(connection, story.rma_id)
        if case is None:
            raise StoryWentWrongError("the return never showed in the read models")
        out.print(Rule(Text("rma show --money", "bold"), align="left", style="cyan"))
        out.print(picture(case))
        units, exchanges = read_allocation(connection, story.order_id), read_exchanges(connection, story.order_id)
        out.print(stacked(*allocation(story.order_id, units, exchanges)))
        out.print(Rule(Text("rma explain, for the bottle", "bold"), align="left", style="cyan"))
        texts = catalogue("en")
        explained = [explain(row, texts) for row in read_decisions(connection, story.denied_id)]
        out.print(explanations(explained, texts))


def _import_week(settings: Settings, views: Views, events: Placement, out: Screen) -> None:
    out.print(Rule(Text("rma import online-retail: a real shop's week", "bold"), align="left", style="cyan"))
    imported = import_online_retail(SLICE, settings, out)
    print_imported(imported, out)
    if not imported.answers.all_accepted:
        raise StoryWentWrongError("a command of the import was not accepted")
    views.wait_for_log(events)
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        out.print(Rule(Text("rma reasons", "bold"), align="left", style="cyan"))
        out.print(reason_bars(read_reason_tables(connection, skus_max=ARTICLES_SHOWN)))
        out.print(Rule(Text("rma ledger", "bold"), align="left", style="cyan"))
        balances, unbalanced = read_trial_balance(connection)
    out.print(trial_balance(balances, unbalanced))
    if unbalanced:
        raise StoryWentWrongError("the ledger does not sum to zero")

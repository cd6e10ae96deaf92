"""`rma import online-retail`: publishes a real shop's sales and returns, and says what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.kafka.command_client import Answer, Conversation, OutgoingCommand, OutgoingRecord, Result, conversation
from infra.settings import Settings
from workers.pictures.sheet import Screen
from workers.pictures.text import Text
from workers.trials.online_retail.commands import publish_policy, return_commands, sale_commands
from workers.trials.online_retail.reading import History, Totals, survey

NAMED_MAX: Final = 20
"""How many of the commands that the system did not accept are printed."""


@dataclass(slots=True)
class Answers:
    """How the commands sent were answered; of those not accepted the first ``NAMED_MAX`` are kept whole."""

    sent: int = 0
    known_before: int = 0
    """How many had been told before: they changed nothing."""
    statuses: Counter[str] = field(default_factory=Counter)
    not_accepted: list[Result] = field(default_factory=list)

    def take(self, answer: Answer) -> None:
        self.statuses[answer.result["status"]] += 1
        self.known_before += answer.repeated
        if answer.result["status"] != "accepted" and len(self.not_accepted) < NAMED_MAX:
            self.not_accepted.append(answer.result)

    @property
    def new(self) -> int:
        """How many answers were given for the first time."""
        return self.statuses.total() - self.known_before

    @property
    def all_accepted(self) -> bool:
        return self.statuses.total() == self.statuses["accepted"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to, or has come to so far: what was read of the file, and the system's answers."""

    history: History
    answers: Answers

    @property
    def totals(self) -> Totals:
        """The file's figures."""
        return self.history.totals


def import_online_retail(path: Path, settings: Settings, console: Screen) -> Imported:
    """Publish everything the file tells, with progress, and wait for every answer.

    Raises:
        FileContentError: The file is broken; nothing was sent.
        ServiceUnreachableError, NeverAnsweredError: The system is away, or does not answer.
    """
    with _progress(console) as progress:
        reading = progress.add_task("reading", total=None)
        found = survey(path)
        progress.remove_task(reading)
        told = Imported(History(path, found), Answers())
        try:
            with conversation(settings) as talk:
                _tell(told, found.rows, talk, progress)
        except KeyboardInterrupt:
            console.print(_how_far(told, found.rows))
            raise
    return told


def _how_far(told: Imported, rows: int) -> str:
    sent, answered = told.answers.sent, told.answers.statuses.total()
    return (
        f"stopped at row {told.totals.rows:,} of {rows:,}; {answered:,} of {sent:,} commands sent were answered. "
        "Run it again: what is known already changes nothing."
    )


def _progress(console: Screen) -> Progress:
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _tell(told: Imported, rows: int, talk: Conversation, progress: Progress) -> None:
    """Publish everything and take every answer; nothing but the policy where that is not accepted."""
    answers = told.answers
    talk.send_all(_counted([publish_policy()], answers), answers.take)
    if not answers.all_accepted:
        return
    shown_rows = progress.add_task("rows told", total=rows)
    shown_answers = progress.add_task("answers", total=None)

    def take(answer: Answer) -> None:
        answers.take(answer)
        progress.update(shown_rows, completed=told.totals.rows)
        progress.update(shown_answers, completed=answers.statuses.total(), total=answers.sent)

    talk.send_all(_counted(_commands(told.history, datetime.now(UTC)), answers), take)


def _counted(commands: Iterable[OutgoingCommand], answers: Answers) -> Iterator[OutgoingRecord]:
    for command in commands:
        yield command.to_record()
        answers.sent += 1


def _commands(history: History, now: datetime) -> Iterator[OutgoingCommand]:
    for sale in history.sales():
        yield from sale_commands(sale)
    for cancellation in history.cancellations():
        yield from return_commands(cancellation, now=now)


def as_data(imported: Imported) -> dict[str, Any]:
    """Return an import's figures as JSON values; money in pennies (GBP)."""
    totals, answers = imported.totals, imported.answers
    return {
        "rows": totals.rows,
        "sale_lines": totals.sale_lines,
        "matched_cancellations": totals.matched_cancellations,
        "left_out": {
            cause: {"rows": rows, "units": totals.left_out_units[cause]}
            for cause, rows in sorted(totals.left_out_rows.items())
        },
        "orders": totals.orders,
        "units_sold": totals.units_sold,
        "pennies_sold": totals.pennies_sold,
        "returns": totals.returns,
        "return_lines": totals.return_lines,
        "units_given_back": totals.units_given_back,
        "pennies_given_back": totals.pennies_given_back,
        "currency": "GBP",
        "commands": dict(answers.statuses),
        "new_commands": answers.new,
        "known_commands": answers.known_before,
        "not_accepted": answers.not_accepted,
    }


def print_imported(imported: Imported, console: Screen) -> None:
    """Print where every row went, what was sold and given back, and what the system did not accept."""
    totals = imported.totals
    console.print(_rows_table(totals))
    console.print(_figures_table(totals))
    answers, statuses = imported.answers, imported.answers.statuses
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    news = f"{answers.new:,} of them new" if answers.new else "nothing new"
    console.print(f"{told} commands, {news}; {answers.known_before:,} were known already")
    for result in imported.answers.not_accepted:
        why = f"{result['status']} {result.get('code') or ''}: {result.get('message') or ''}"
        console.print(Text().append(result["command_id"], "red").append(f" {why}"), soft_wrap=True)
    hidden = statuses.total() - statuses["accepted"] - len(imported.answers.not_accepted)
    if hidden:
        console.print(f"and {hidden:,} more that were not accepted")


def _rows_table(totals: Totals) -> Table:
    table = Table("rows of the file", "rows", "units", title="Where every row went")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("sale lines", f"{totals.sale_lines:,}", f"{totals.units_sold:,}")
    table.add_row("matched cancellations", f"{totals.matched_cancellations:,}", f"{totals.units_given_back:,}")
    for cause, rows in totals.left_out_rows.most_common():
        table.add_row(f"left out, {cause}", f"{rows:,}", f"{totals.left_out_units[cause]:,}")
    table.add_section()
    table.add_row("all", f"{totals.rows:,}", "")
    return table


def _figures_table(totals: Totals) -> Table:
    table = Table("", "", "lines", "units", "GBP", title="Sold and given back")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row(
        "orders",
        f"{totals.orders:,}",
        f"{totals.sale_lines:,}",
        f"{totals.units_sold:,}",
        _pounds(totals.pennies_sold),
    )
    table.add_row(
        "returns",
        f"{totals.returns:,}",
        f"{totals.return_lines:,}",
        f"{totals.units_given_back:,}",
        _pounds(totals.pennies_given_back),
    )
    return table


def _pounds(pennies: int) -> str:
    return f"{pennies // 100:,}.{pennies % 100:02}"

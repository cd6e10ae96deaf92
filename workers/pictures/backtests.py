"""`rma policy backtest`: what a draft would have changed, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from workers.pictures.terminal import Row, money, table
from workers.pictures.text import Text

COLOURS = {"approve": "green", "deny": "red", "review": "yellow"}


def backtest_report(
    data: Row, seconds: float, written: Sequence[Path] = (), *, recomputes: bool = False
) -> RenderableType:
    """Return a report drawn.

    Args:
        data: The report.
        seconds: How long it took.
        written: The files that hold the changed lines.
        recomputes: Whether the draft takes off what is lost of promotions, which no report counts.
    """
    aside = [Text("what the draft would take off for promotions is not counted", "yellow")] if recomputes else []
    return Group(*_parts(data, seconds, written), *aside)


def _parts(data: Row, seconds: float, written: Sequence[Path]) -> Iterator[RenderableType]:
    per_second = int(data["lines"] / seconds) if seconds else 0
    yield Text(
        f"{data['lines']:,} lines of {data['returns']:,} returns in {seconds:.1f} s ({per_second:,} a second): "
        f"{data['changed_lines']:,} lines of {data['customers']:,} customers would change",
        "bold",
    )
    yield from _shares(data, written)
    if data["outcomes"]:
        yield table(
            "Changed outcomes", ("decided by", "outcome", "draft: decided by", "outcome", "#lines"), _outcomes(data)
        )
    if data["money"]:
        columns = ("currency", "#back as decided", "#back under the draft", "#difference")
        names = ("back_before_minor", "back_after_minor", "difference_minor")
        rows = [[row["currency"], *(money(row[name], row["currency"]) for name in names)] for row in data["money"]]
        yield table("Money that goes back at the request's terms", columns, rows)
    if data["money_by_rule"]:
        rows = [
            [row["decided_by_before"], row["decided_by_after"], money(row["difference_minor"], row["currency"])]
            for row in data["money_by_rule"]
        ]
        yield table("Difference by rule", ("decided by", "draft: decided by", "#difference"), rows)
    if data["statutory_conflicts"]:
        rows = [list(row.values()) for row in data["statutory_conflicts"]]
        yield table("Lines on which the law gives more", ("statute", "#as decided", "#under the draft"), rows)
    if data["unanswered"]:
        rows = [list(row.values()) for row in data["unanswered"]]
        yield table("Requests that lack an answer: the draft would refuse them", ("question", "#lines"), rows)


def _shares(data: Row, written: Sequence[Path]) -> Iterator[RenderableType]:
    """Yield how many of the changed lines come out otherwise, and where each of them can be looked at."""
    if data["changed_lines"]:
        outcomes = sum(row["lines"] for row in data["outcomes"])
        others = data["changed_lines"] - outcomes
        yield Text(f"{outcomes:,} of them in their outcome, {others:,} in their terms or in what goes back alone")
        where = ", ".join(map(str, written))
        yield Text(f"line by line in {where}" if where else "line by line: add --csv FILE, or --parquet FILE", "dim")


def _outcomes(data: Row) -> Iterator[list[object]]:
    for row in data["outcomes"]:
        before, after = (Text(row[name], COLOURS[row[name]]) for name in ("before", "after"))
        yield [row["decided_by_before"], before, row["decided_by_after"], after, row["lines"]]

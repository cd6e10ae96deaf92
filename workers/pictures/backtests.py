"""`rma policy backtest`: what a draft would have changed, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from workers.pictures.terminal import money, table

COLOURS = {"approve": "green", "deny": "red", "review": "yellow"}


def backtest_report(data: dict[str, Any], seconds: float) -> RenderableType:
    """Return a report drawn."""
    return Group(*_parts(data, seconds))


def _parts(data: dict[str, Any], seconds: float) -> Iterator[RenderableType]:
    per_second = int(data["lines"] / seconds) if seconds else 0
    yield Text(
        f"{data['lines']:,} lines of {data['returns']:,} returns in {seconds:.1f} s ({per_second:,} a second): "
        f"{data['changed_lines']:,} lines of {data['customers']:,} customers would change",
        "bold",
    )
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


def _outcomes(data: dict[str, Any]) -> Iterator[list[Any]]:
    for row in data["outcomes"]:
        before, after = (Text(row[name], COLOURS[row[name]]) for name in ("before", "after"))
        yield [row["decided_by_before"], before, row["decided_by_after"], after, row["lines"]]

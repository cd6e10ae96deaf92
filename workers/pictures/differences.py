"""Differences between a gateway's books and ours, drawn."""

from __future__ import annotations

from rich.console import Group, RenderableType

from workers.desk.reconciliation import SHOWN_MAX, Report
from workers.pictures.terminal import counted, money, table
from workers.pictures.text import Text


def picture(report: Report) -> RenderableType:
    """Return the report drawn: what matched, what differs, what could not be read."""
    sums = ", ".join(money(amount, currency) for currency, amount in sorted(report.matched_minor.items()))
    parts: list[RenderableType] = [Text(f"{report.matched:,} payouts match" + (f": {sums}" if sums else ""), "green")]
    if report.differences:
        rows = [
            [
                found.kind.replace("_", " "),
                found.row,
                str(found.payout_id),
                money(found.here_minor, found.here_currency),
                found.here_status,
                money(found.there_minor, found.there_currency),
                found.reference,
                found.order_id,
            ]
            for found in report.differences[:SHOWN_MAX]
        ]
        headings = ("difference", "#row", "payout", "here", "status", "there", "reference", "order")
        parts.append(table(counted(len(report.differences), "difference"), headings, rows))
    if report.broken_rows:
        broken = [[found.row, found.fault] for found in report.broken_rows[:SHOWN_MAX]]
        parts.append(table(f"{counted(len(report.broken_rows), 'row')} could not be read", ("#row", "fault"), broken))
    return Group(*parts)

"""How long the shop answers for an article: so many days from delivery, and as many more as a repair took.

A unit's warranty stands still while the unit is away for repair, and goes on when it is handed back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from domain.case import Case
from domain.order.accounts import LineAccount
from domain.rma.parts import RmaRun
from domain.units import UnitRun


def ends_of(account: LineAccount, runs: Sequence[UnitRun]) -> Iterator[tuple[UnitRun, datetime | None]]:
    """Yield the units with the end of their warranty, cut where it differs; None while they are not delivered.

    Lines without a warranty yield nothing.
    """
    days = account.fact.warranty_days
    if days is None:
        return
    for wanted in runs:
        for run, extended in account.warranties.within([wanted]):
            if extended is not None:
                yield run, extended
            else:
                yield from ((part, at and at + timedelta(days=days)) for part, at in account.delivered_at(run))


def holds_on(account: LineAccount, runs: Sequence[UnitRun], at: datetime) -> bool | None:
    """Tell whether all these units are in warranty at an instant; None where the line has no warranty.

    Unlike a return window it ends within its last day, at the time of delivery; a unit on its way is in warranty.
    """
    ends = [end for _, end in ends_of(account, runs)]
    return all(end is None or at <= end for end in ends) if ends else None


def extend_over_repair(case: Case, repaired: Sequence[RmaRun]) -> None:
    """Record until when repaired units are in warranty: the time since they left the customer does not count."""
    away_since = case.rma.first_scan_at or case.at
    for part in repaired:
        account = case.order.lines[case.rma.lines[part.line].asked.line_id]
        for run, end in list(ends_of(account, [part.run])):
            if end is not None and case.at > away_since:
                case.order.trigger_event(
                    case.order.WarrantyExtended,
                    rma_id=case.rma.rma_id,
                    line_id=account.fact.line_id,
                    first=run.first,
                    count=run.count,
                    until=end + (case.at - away_since),
                    timestamp=case.at,
                )

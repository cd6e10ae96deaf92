"""Whether units may come back, as policy decides it, and what follows from that at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self

from domain.case import Case, resolution, warranty
from domain.order import Order
from domain.order.parts import Consignment
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.return_policy import PolicyVersion, ReturnPolicy
from domain.policy.statutes import statutes_for
from domain.rma.parts import LineDecision, RequestedLine, of_order
from domain.units import UnitRun, total

Holidays = Callable[[str, int], frozenset[date]]
"""The holidays of a calendar in a year, looked up by whoever may look things up."""

HOLIDAY_YEARS_AHEAD: Final = 2
HOLIDAY_YEARS_MAX: Final = 12
"""Years whose holidays a decision is given: from the order's year to two after the request's, at most so many."""

OUTCOMES: Final = ("approve", "review", "deny")


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy version an order is held to, and the holidays its calendar knows."""

    version: PolicyVersion
    holidays: Holidays

    @classmethod
    def of(cls, order: Order, policy: ReturnPolicy, holidays: Holidays) -> Self:
        """Return the version that an order is held to; where it has none yet, the first one published takes it."""
        return cls(policy.version_numbered(order.policy.number if order.policy else 1), holidays)

    def holidays_between(self, ordered_at: datetime, requested_at: datetime) -> tuple[date, ...]:
        """Return the holidays of the window's own calendar."""
        calendar = self.version.document.window.calendar
        return () if calendar is None else self._of(calendar, ordered_at.year, requested_at.year)

    def rule_holidays_between(self, ordered_at: datetime, requested_at: datetime) -> dict[str, tuple[date, ...]]:
        """Return the holidays of the calendars that rules name beside the window's own."""
        document = self.version.document
        others = set(document.calendars()) - {document.window.calendar}
        return {name: self._of(name, ordered_at.year, requested_at.year) for name in sorted(others)}

    def _of(self, calendar: str, first_year: int, request_year: int) -> tuple[date, ...]:
        last_year = request_year + HOLIDAY_YEARS_AHEAD
        years = range(max(first_year, last_year - HOLIDAY_YEARS_MAX + 1), last_year + 1)
        return tuple(sorted(day for year in years for day in self.holidays(calendar, year)))


def decide_by_policy(case: Case, numbers: Iterable[int], policy: PolicyInForce, requested_at: datetime) -> None:
    """Decide lines by policy, each on its own, and carry that out; what may be avoided is offered first."""
    decided: list[LineDecision] = []
    all_delivered_at = _whole_order_delivered_at(case.order)
    for number in numbers:
        line = case.rma.line(number)
        runs = tuple(case.rma.fitting(number, lambda state: state.is_live))
        facts = _facts(case, line.asked, runs, policy, requested_at=requested_at, all_delivered_at=all_delivered_at)
        decision = decide(policy.version.document, statutes_for(case.order.country, case.order.created_on), facts)
        decided.append(LineDecision(number, runs, decision))
    offered = tuple(one for one in decided if _may_be_avoided(case, one))
    if offered:
        case.rma.trigger_event(case.rma.RemedyOffered, lines=offered, timestamp=case.at)
    carry_out(case, [one for one in decided if one not in offered])


def _may_be_avoided(case: Case, decided: LineDecision) -> bool:
    """Tell whether something is offered before an authorization; once for each line."""
    decision = decided.decision
    return decision.outcome == "approve" and decision.remedy is not None and not case.rma.line(decided.line).was_offered


def carry_out(case: Case, lines: Sequence[LineDecision]) -> None:
    """Record policy's decisions on lines: denied units are free again, approved ones get what is due at once."""
    rma = case.rma
    decided = {outcome: [one for one in lines if one.decision.outcome == outcome] for outcome in OUTCOMES}
    for outcome, event in (("approve", rma.Authorized), ("review", rma.ReviewAsked), ("deny", rma.Denied)):
        if decided[outcome]:
            rma.trigger_event(event, lines=tuple(decided[outcome]), timestamp=case.at)
    for denied in decided["deny"]:
        runs = of_order(rma.lines[denied.line].asked.line_id, denied.runs)
        case.order.free_units(rma.rma_id, runs, "denied", case.at)
    for authorized in decided["approve"]:
        resolution.follow_policy(case, authorized.line)


def _facts(
    case: Case,
    asked: RequestedLine,
    runs: Sequence[UnitRun],
    policy: PolicyInForce,
    *,
    requested_at: datetime,
    all_delivered_at: datetime | None,
) -> Facts:
    order, account = case.order, case.order.lines[asked.line_id]
    paid = sum(asked.paid_of(run) for run in runs)
    units = total(runs)
    return Facts(
        channel=order.channel,
        seller_id=order.seller_id,
        country=order.country,
        customer_tier=order.customer_tier,
        tender_kinds=tuple(dict.fromkeys(tender.kind for tender in order.tenders)),
        category=asked.category,
        sku=asked.sku,
        final_sale=account.fact.final_sale,
        reason=asked.reason,
        wish=asked.wish,
        quantity=units,
        line_paid_minor=paid,
        unit_paid_minor=paid // units if units else 0,
        ordered_at=order.created_on,
        shipped_at=_latest(account.shipped, runs),
        delivered_at=_latest(account.delivered, runs),
        order_delivered_at=all_delivered_at,
        requested_at=requested_at,
        gift=case.rma.gift,
        gift_unproved=case.rma.gift_unproved or None,
        in_warranty=warranty.holds_on(account, runs, requested_at),
        answers=dict(asked.answers or {}),
        withdrawal_exception=account.fact.withdrawal_exception,
        holidays=policy.holidays_between(order.created_on, requested_at),
        rule_holidays=policy.rule_holidays_between(order.created_on, requested_at),
    )


def _latest(consignments: Sequence[Consignment], runs: Sequence[UnitRun]) -> datetime | None:
    """Return when the last of these units arrived, or None while one has not; units arrive in their order."""
    first, latest = 1, None
    for sent in consignments:
        end = first + sent.quantity
        if any(run.first < end and first < run.end for run in runs):
            latest = max(sent.at, latest or sent.at)
        first = end
    return latest if all(run.end <= first for run in runs) else None


def _whole_order_delivered_at(order: Order) -> datetime | None:
    times = [_latest(account.delivered, [UnitRun(1, account.fact.quantity)]) for account in order.lines.values()]
    known = [at for at in times if at is not None]
    return max(known) if len(known) == len(times) else None

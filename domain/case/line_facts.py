"""What policy is told of a line that is asked for: the order's facts, the request's, and the holidays in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Final, Self

from domain.case import warranty
from domain.order import Order
from domain.order.accounts import LineAccount
from domain.order.parts import Consignment, LineRun
from domain.policy.document import longest_business_days
from domain.policy.facts import Facts
from domain.policy.return_policy import PolicyVersion, ReturnPolicy
from domain.policy.rights import years_of_end
from domain.policy.rules import compiled
from domain.policy.statute_book import StatuteBook
from domain.policy.statutes import FIRST, Law, law_for
from domain.policy.windows import SATURDAY, day_of
from domain.rma.parts import RequestedLine
from domain.units import UnitRun, total, without
from domain.values import dataclass

Holidays = Callable[[str, int], frozenset[date]]
"""The holidays of a calendar in a year, looked up by whoever may look things up."""

HOLIDAY_YEARS_AHEAD: Final = 2
HOLIDAY_YEARS_MAX: Final = 12
"""Years whose holidays a decision is given: from the order's year to two after the request's, at most so many.

A window of more business days than fit into them is given those of as many years as it lasts.
"""
BUSINESS_DAYS_A_YEAR: Final = 200
"""Fewer than any year has."""
SHOP: Final = "store"


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy version an order is held to, the holidays its calendar knows, and the editions of the law."""

    version: PolicyVersion
    holidays: Holidays
    statutes: StatuteBook | None = None

    @classmethod
    def of(cls, order: Order, policy: ReturnPolicy, holidays: Holidays, statutes: StatuteBook | None) -> Self:
        """Return the version that an order is held to; where it has none yet, the first one published takes it."""
        return cls(policy.version_numbered(order.policy.number if order.policy else 1), holidays, statutes)

    def law(self, order: Order, requested_at: datetime) -> Law:
        """Return the rights that an order has, in the edition that is in effect at the request."""
        edition = FIRST if self.statutes is None else self.statutes.edition_for(requested_at)
        return law_for(order.country, order.created_on, edition)

    def country_holidays(self, law: Law, facts: Facts) -> tuple[date, ...]:
        """Return the weekdays on which the country rests, in all years in which a right that rolls on may end."""
        years = sorted({year for right in law.rights for year in years_of_end(right, facts)})
        days = {day for year in years for day in self.holidays(facts.country or "", year)}
        return tuple(sorted(day for day in days if day.weekday() < SATURDAY))

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
        longest = longest_business_days(self.version.document) // BUSINESS_DAYS_A_YEAR + 1
        last_year = request_year + max(HOLIDAY_YEARS_AHEAD, longest)
        years = range(max(first_year, last_year - max(HOLIDAY_YEARS_MAX, longest + 2) + 1), last_year + 1)
        return tuple(sorted(day for year in years for day in self.holidays(calendar, year)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request as all its lines share it: what it says of itself, and what is known of the whole order."""

    order: Order
    requested_at: datetime
    gift: bool
    gift_unproved: bool
    all_delivered_at: datetime | None
    """When the last unit of the order arrived; None: some have not."""
    complete_bundles: frozenset[str]
    """The kits of which every unit comes back, by this request or others."""
    informed_at: datetime | None = None

    @classmethod
    def of(
        cls,
        order: Order,
        requested_at: datetime,
        *,
        gift: bool,
        gift_unproved: bool,
        informed_at: datetime | None = None,
        asked: Iterable[LineRun] = (),
    ) -> Self:
        """Look through the order once; ``asked`` are units that the request has yet to take."""
        return cls(
            order=order,
            requested_at=requested_at,
            gift=gift,
            gift_unproved=gift_unproved,
            all_delivered_at=_every_unit_delivered_at(order),
            complete_bundles=_complete_bundles(order, asked),
            informed_at=informed_at,
        )

    def facts(self, asked: RequestedLine, runs: Sequence[UnitRun], policy: PolicyInForce, law: Law) -> Facts:
        """Return the facts of these units of one line, for a decision under this law.

        What the law looks at is among them from the second edition on; before, what the policy's rules ask of it.
        """
        facts = self._facts(asked, runs, policy)
        named = compiled(policy.version.document).asks_of_law
        if law.is_first and not named:
            return facts
        of_law = self._facts_of_law(asked, runs)
        if law.is_first:
            return facts.model_copy(update={name: of_law[name] for name in named})
        told = facts.model_copy(update=of_law | {"repair_waits": _repair_waits(asked, self.order, runs, law)})
        return told.model_copy(update={"country_holidays": policy.country_holidays(law, told)})

    def _facts_of_law(self, asked: RequestedLine, runs: Sequence[UnitRun]) -> dict[str, object]:
        order, account = self.order, self.order.lines[asked.line_id]
        said = order.circumstances
        return {
            "order_delivered_at": _whole_order_delivered_at(order),
            "distance_sale": order.channel != SHOP if said.distance_sale is None else said.distance_sale,
            "business_buyer": said.business_buyer,
            "informed": said.informed,
            "informed_at": self.informed_at,
            "second_hand": account.fact.second_hand,
            "digital_consent": account.fact.digital_consent,
            "unsealed": asked.unsealed,
            "fault_appeared_on": asked.fault_appeared_on,
            "repairs_tried": _repairs_tried(asked, account, runs),
        }

    def _facts(self, asked: RequestedLine, runs: Sequence[UnitRun], policy: PolicyInForce) -> Facts:
        order, account = self.order, self.order.lines[asked.line_id]
        paid = sum(asked.paid_of(run) for run in runs)
        units = total(runs)
        bundle = account.fact.bundle_id
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
            order_delivered_at=self.all_delivered_at,
            requested_at=self.requested_at,
            gift=self.gift,
            gift_unproved=self.gift_unproved or None,
            in_warranty=warranty.holds_on(account, runs, self.requested_at),
            bundle_complete=None if bundle is None else bundle in self.complete_bundles,
            answers=dict(asked.answers or {}),
            withdrawal_exception=account.fact.withdrawal_exception,
            holidays=policy.holidays_between(order.created_on, self.requested_at),
            rule_holidays=policy.rule_holidays_between(order.created_on, self.requested_at),
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


def _repairs_tried(asked: RequestedLine, account: LineAccount, runs: Sequence[UnitRun]) -> int | None:
    """Return how often a repair was tried on any of these units, as far as anybody says."""
    known = max(
        (sum(one.run.first <= unit < one.run.end for one in account.repaired) for unit in _firsts(account, runs)),
        default=0,
    )
    return max(known, asked.repairs_tried or 0) or asked.repairs_tried


def _repair_waits(
    asked: RequestedLine, order: Order, runs: Sequence[UnitRun], law: Law
) -> tuple[tuple[date, date], ...]:
    """Return the days from which to which units were away for repairs: of the unit that was away for longest."""
    account = order.lines[asked.line_id]
    zone = next((right.zones[order.country][0] for right in law.rights if order.country in right.zones), "UTC")
    found: tuple[tuple[date, date], ...] = ()
    for unit in sorted(_firsts(account, runs)):
        away = [
            (day_of(one.asked_at, zone), day_of(one.back_at, zone))
            for one in account.repaired
            if one.run.first <= unit < one.run.end
        ]
        if away and asked.repair_back_on is not None:
            away[-1] = (away[-1][0], max(away[-1][1], asked.repair_back_on))
        found = max(found, tuple(away), key=lambda days: sum((back - since).days + 1 for since, back in days))
    return found


def _firsts(account: LineAccount, runs: Sequence[UnitRun]) -> set[int]:
    """Return the units at which the number of repairs may change, of those asked for."""
    starts = {one.run.first for one in account.repaired} | {run.first for run in runs}
    return {start for start in starts if any(run.first <= start < run.end for run in runs)}


def _whole_order_delivered_at(order: Order) -> datetime | None:
    """Return when the last unit arrived; what was cancelled, or is settled without ever arriving, is not waited for."""
    latest: datetime | None = None
    for account in order.lines.values():
        for run, state in account.units:
            for _, at in account.delivered_at(run):
                if at is None and not state.is_returned:
                    return None
                latest = max((known for known in (at, latest) if known is not None), default=None)
    return latest


def _every_unit_delivered_at(order: Order) -> datetime | None:
    times = [_latest(account.delivered, [UnitRun(1, account.fact.quantity)]) for account in order.lines.values()]
    known = [at for at in times if at is not None]
    return max(known) if len(known) == len(times) else None


def _complete_bundles(order: Order, asked: Iterable[LineRun]) -> frozenset[str]:
    """Return the kits of which no unit stays: what was cancelled never came, and a fee cannot come back."""
    coming: dict[str, list[UnitRun]] = {}
    for run in asked:
        coming.setdefault(run.line_id, []).append(run.run)
    of_bundle: dict[str, bool] = {}
    for line_id, account in order.lines.items():
        bundle = account.fact.bundle_id
        if bundle is not None and account.fact.kind != "fee":
            stays = [run for run, state in account.units if state.is_free]
            of_bundle[bundle] = of_bundle.get(bundle, True) and not without(stays, coming.get(line_id, ()))
    return frozenset(bundle for bundle, is_complete in of_bundle.items() if is_complete)

"""Lines for the tests of the law: one that has a right, at the edges of its time, and wild ones over all countries."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.policy.decision import Decision
from domain.policy.facts import Facts
from domain.policy.proof.floor import last_day_for
from domain.policy.statutes import NEWEST, Statute, edition_numbered
from domain.rma import Rma
from domain.vocabularies import Reason, Wish, WithdrawalException
from infra.calendars import holidays_of
from tests.support.policy_cases import facts_of, plausible_facts
from tests.support.shop import Shop

LAST_EDITION: Final = NEWEST
SECOND: Final = timedelta(seconds=1)
LONG_AGO: Final = datetime(2010, 1, 1, tzinfo=UTC)
RIGHTS: Final = edition_numbered(LAST_EDITION).rights


def first_order(right: Statute) -> datetime:
    """Return noon of a day on which an order has the right: a Saturday in March of 2026, or its last day before."""
    usual = date(2026, 3, 7) if right.valid_from <= date(2026, 3, 7) else right.valid_from
    day = min(usual, right.valid_to or usual)
    return datetime.combine(day, time(12), UTC)


def line_with(right: Statute, country: str, **given: Any) -> Facts:
    """Return the facts of a line that has a right, delivered three days after the order."""
    ordered_at = first_order(right)
    delivered_at = ordered_at + timedelta(days=3)
    years = range(ordered_at.year, ordered_at.year + 9)
    rests = {day for year in years for day in holidays_of(country, year) if day.weekday() < 5}
    usual: dict[str, Any] = {
        "country": country,
        "ordered_at": ordered_at,
        "shipped_at": delivered_at,
        "delivered_at": delivered_at,
        "order_delivered_at": delivered_at,
        "requested_at": delivered_at + timedelta(hours=1),
        "reason": min(right.reasons) if right.reasons else "changed_mind",
        "wish": right.grants[0],
        "distance_sale": True,
        "repairs_tried": right.repairs_tried_min,
        "country_holidays": tuple(sorted(rests)),
        **{str(fact): value for fact, value in right.only_if.items()},
    }
    return facts_of(**{**usual, **given})


def last_instant(right: Statute, line: Facts) -> datetime:
    """Return the last second in which a line has a right, counted on its own in every zone of the country."""
    anchor_at = {"ordered": line.ordered_at, "delivered": line.delivered_at}.get(right.anchor, line.order_delivered_at)
    assert anchor_at is not None
    ends = []
    for name in right.zones[line.country or ""]:
        zone = ZoneInfo(name)
        last = last_day_for(right, line, anchor_at.astimezone(zone).date(), zone)
        assert last is not None
        ends.append(datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC))
    return max(ends) - SECOND


@st.composite
def lines_anywhere(draw: st.DrawFn) -> Facts:
    """Return facts over all countries with everything that only the law looks at, known or not."""
    country = draw(st.sampled_from([*edition_numbered(LAST_EDITION).countries, "US", "ZZ"]))
    line = draw(plausible_facts())
    truth = st.none() | st.booleans()
    days = st.dates(date(2019, 1, 1), date(2031, 1, 1))
    wide = {
        "country": country,
        "channel": draw(st.sampled_from(["web", "store"])),
        "reason": draw(st.sampled_from(get_args(Reason))),
        "wish": draw(st.sampled_from(get_args(Wish))),
        "withdrawal_exception": draw(st.none() | st.sampled_from(get_args(WithdrawalException))),
        "requested_at": line.requested_at + timedelta(days=draw(st.sampled_from([0, 0, 30, 400, 1_000, 2_500]))),
        "informed_at": draw(st.none() | st.just(line.requested_at)),
        "fault_appeared_on": draw(st.none() | days),
        "repairs_tried": draw(st.none() | st.integers(0, 2)),
        "country_holidays": tuple(draw(st.lists(days, max_size=6))),
        **{
            name: draw(truth)
            for name in ("distance_sale", "business_buyer", "second_hand", "informed", "unsealed", "digital_consent")
        },
    }
    return line.model_copy(update=wide)


class ShopWithHolidays(Shop):
    """A shop whose calendars are real, with the second edition in effect."""

    def __init__(self) -> None:
        super().__init__()
        self.send("PublishStatutes", {"edition": LAST_EDITION, "effective_from": LONG_AGO.isoformat()}, at=LONG_AGO)

    def holidays(self, calendar: str, year: int, /) -> frozenset[date]:
        return holidays_of(calendar, year)

    def decision_on(self, rma_id: UUID) -> Decision:
        """Return what was decided on the one line of a return."""
        facts = [fact for fact in self.history if isinstance(fact, Rma.Authorized | Rma.Denied | Rma.ReviewAsked)]
        return next(fact.lines[0].decision for fact in facts if fact.originator_id == f"rma/{rma_id}")

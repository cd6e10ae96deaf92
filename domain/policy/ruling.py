"""What comes out: the merchant's rules and window, then the rights that hold, then whether the wish is offered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from domain.policy.document import (
    CODE_REPAIR_FIRST,
    CODE_WINDOW_EXPIRED,
    CODE_WISH_NOT_OFFERED,
    Outcome,
    PolicyDocument,
    Window,
)
from domain.policy.facts import Facts
from domain.policy.rules import Won
from domain.policy.statutes import Statute
from domain.policy.windows import day_of, end_of_day, end_of_day_after, same_day_years_later
from domain.vocabularies import Wish

HOLDS: Final = "holds"
_WINDOW_EFFECTS: Final = tuple((key, f"window.{key}") for key in Window.model_fields)


class Verdict(NamedTuple):
    """Whether a statute holds for a line: ``holds``, or what was missing; and when its own window ends."""

    statute: Statute
    why: str
    ends_at: datetime | None


class Ruling(NamedTuple):
    """The outcome, and each step towards it."""

    window: Window
    anchor_at: datetime | None
    ends_at: datetime | None
    inside: bool
    merchant_outcome: Outcome
    merchant_codes: tuple[str, ...]
    merchant_offers: tuple[Wish, ...]
    verdicts: list[Verdict]
    outcome: Outcome
    codes: tuple[str, ...]
    offers: tuple[Wish, ...]
    decided_by: str
    deciding_statutes: tuple[str, ...]

    @property
    def holding(self) -> list[Verdict]:
        """Return the verdicts of the statutes that hold."""
        return [verdict for verdict in self.verdicts if verdict.why == HOLDS]


def rule_on(
    document: PolicyDocument,
    won: Won,
    statutes: Sequence[Statute],
    facts: Facts,
    verdicts: list[Verdict] | None = None,
) -> Ruling:
    """Return what the effects that rules won, the window and the statutes come to for these facts.

    Args:
        document: The merchant's policy.
        won: The effects that its rules win.
        statutes: The rights to look at.
        facts: The line's facts.
        verdicts: What the rights come to, where that is known already.
    """
    window = window_of(document, won)
    anchor_at = getattr(facts, f"{window.anchor}_at")
    ends_at = None if anchor_at is None else window_end(window, anchor_at, holidays_for(window, document, facts))
    inside = ends_at is None or facts.requested_at < ends_at
    outcome, codes, by = _merchant(won, inside=inside)
    offers: tuple[Wish, ...] = won["offers"][0] if "offers" in won else document.offers
    if verdicts is None:
        verdicts = [_verdict(statute, facts, window.zone) for statute in statutes]
    merchant = (outcome, codes, offers)
    holding = [verdict.statute for verdict in verdicts if verdict.why == HOLDS]
    deciding: tuple[str, ...] = ()
    if holding:
        granted = [wish for right in holding for wish in right.grants]
        offers = tuple(dict.fromkeys((*offers, *granted)))
        outcome, codes, by, deciding = _widened(outcome, codes, by, holding, facts.wish)
    if outcome == "approve" and facts.wish is not None and facts.wish not in offers:
        outcome, codes, by = "review", (CODE_WISH_NOT_OFFERED,), "offers"
    return Ruling(window, anchor_at, ends_at, inside, *merchant, verdicts, outcome, codes, offers, by, deciding)


def window_of(document: PolicyDocument, won: Won) -> Window:
    """Return the window with the keys that rules won."""
    changed = tuple((key, won[effect][0]) for key, effect in _WINDOW_EFFECTS if effect in won)
    return _changed_window(tuple(document.window), changed) if changed else document.window


@lru_cache(maxsize=1_024)
def _changed_window(base: tuple[tuple[str, Any], ...], changed: tuple[tuple[str, Any], ...]) -> Window:
    return Window.model_construct(None, **{**dict(base), **dict(changed)})


def holidays_for(window: Window, document: PolicyDocument, facts: Facts) -> tuple[date, ...]:
    """Return the holidays of the window's calendar as the facts give them; none named: none."""
    if window.calendar is None:
        return ()
    if window.calendar == document.window.calendar:
        return facts.holidays
    return facts.rule_holidays.get(window.calendar, ())


def window_end(window: Window, anchor_at: datetime, holidays: tuple[date, ...]) -> datetime:
    """Return the instant at which a window that began with ``anchor_at`` is over."""
    return end_of_day_after(
        anchor_at, window.days, zone=window.zone, count=window.count, roll=window.roll, holidays=holidays
    )


def _merchant(won: Won, *, inside: bool) -> tuple[Outcome, tuple[str, ...], str]:
    if "decide" in won:
        (outcome, code), name = won["decide"]
        return outcome, (code,) if code else (), f"rule:{name}"
    if inside:
        return "approve", (), "window"
    return "deny", (CODE_WINDOW_EXPIRED,), "window"


def _verdict(statute: Statute, facts: Facts, zone: str) -> Verdict:
    if facts.country not in statute.countries:
        return Verdict(statute, "other_country", None)
    if not statute.in_force(facts.ordered_at.date()):
        return Verdict(statute, "not_in_force", None)
    if statute.reasons is not None and facts.reason not in statute.reasons:
        return Verdict(statute, "reason_not_covered", None)
    if facts.withdrawal_exception in statute.exceptions:
        return Verdict(statute, f"excepted:{facts.withdrawal_exception}", None)
    anchor_at: datetime | None = getattr(facts, f"{statute.anchor}_at")
    if anchor_at is None:
        return Verdict(statute, HOLDS, None)
    ends_at = right_end(statute, anchor_at, zone)
    return Verdict(statute, HOLDS if facts.requested_at < ends_at else "window_expired", ends_at)


def right_end(statute: Statute, anchor_at: datetime, zone: str) -> datetime:
    """Return the instant at which a statute's own window, begun with ``anchor_at``, is over."""
    if statute.days is not None:
        return end_of_day_after(anchor_at, statute.days, zone=zone)
    return end_of_day(same_day_years_later(day_of(anchor_at, zone), statute.years or 0), zone)


def _widened(
    outcome: Outcome, codes: tuple[str, ...], by: str, holding: list[Statute], wish: Wish | None
) -> tuple[Outcome, tuple[str, ...], str, tuple[str, ...]]:
    """Return the better of the merchant's outcome and what the rights that hold say."""
    if outcome == "approve":
        return outcome, codes, by, ()
    granting = [right.id for right in holding if not right.repair_or_replacement_first or wish in right.grants]
    if granting:
        return "approve", (), f"statute:{granting[0]}", tuple(granting)
    if outcome == "deny":
        return "review", (CODE_REPAIR_FIRST,), f"statute:{holding[0].id}", tuple(right.id for right in holding)
    return outcome, codes, by, ()

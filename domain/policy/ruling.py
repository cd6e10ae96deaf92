"""What comes out: the merchant's rules and window, then the rights that hold, then whether the wish is offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from domain.policy.document import (
    CODE_GIFT_UNPROVED,
    CODE_LAW_ASKS_PERSON,
    CODE_REPAIR_FIRST,
    CODE_WINDOW_EXPIRED,
    CODE_WISH_NOT_OFFERED,
    Outcome,
    PolicyDocument,
    Window,
)
from domain.policy.facts import Facts
from domain.policy.rights import ANCHORS, HOLDS, StatuteVerdict, verdicts_on
from domain.policy.rules import CompiledPolicy, Won
from domain.policy.statutes import Law, Statute
from domain.policy.windows import end_of_day_after
from domain.vocabularies import PAID_OUT, Wish


class Ruling(NamedTuple):
    """The outcome, and each step towards it."""

    window: Window
    anchor_at: datetime | None
    ends_at: datetime | None
    inside: bool
    merchant_outcome: Outcome
    merchant_codes: tuple[str, ...]
    merchant_offers: tuple[Wish, ...]
    verdicts: list[StatuteVerdict]
    outcome: Outcome
    codes: tuple[str, ...]
    offers: tuple[Wish, ...]
    decided_by: str
    deciding_statutes: tuple[str, ...]
    holding: list[StatuteVerdict]
    """The verdicts of the statutes that hold."""


def may_any_rule_approve(policy: CompiledPolicy, facts: Facts) -> bool:
    """Tell whether there are answers of the rules by which this line would be approved where no right holds.

    False is certain: no rule says so, and even the window with the most days that any of them sets is over.
    """
    if policy.widest is None or policy.may_decide_approval:
        return True
    return merchant_on(policy, policy.widest, facts).inside


class Merchant(NamedTuple):
    """What the merchant's policy alone comes to."""

    window: Window
    anchor_at: datetime | None
    ends_at: datetime | None
    inside: bool
    outcome: Outcome
    codes: tuple[str, ...]
    by: str
    offers: tuple[Wish, ...]


class Widened(NamedTuple):
    """What comes out once the rights that hold are heard, and whether the wish is offered."""

    outcome: Outcome
    codes: tuple[str, ...]
    by: str
    offers: tuple[Wish, ...]
    deciding: tuple[str, ...]
    """The rights that decided."""


def merchant_on(policy: CompiledPolicy, won: Won, facts: Facts) -> Merchant:
    """Return what the effects that rules won and the window come to for these facts."""
    return merchant_within(policy, won, policy.window_of(won), facts)


def merchant_within(policy: CompiledPolicy, won: Won, window: Window, facts: Facts) -> Merchant:
    """Return the same where the window that the effects come to is known."""
    document = policy.document
    anchor_at = getattr(facts, ANCHORS[window.anchor])
    ends_at = None if anchor_at is None else window_end(window, anchor_at, holidays_for(window, document, facts))
    inside = ends_at is None or facts.requested_at < ends_at
    offers: tuple[Wish, ...] = won["offers"][0] if "offers" in won else document.offers
    return Merchant(window, anchor_at, ends_at, inside, *_merchant(won, inside=inside), offers)


def rule_on(
    policy: CompiledPolicy,
    won: Won,
    law: Law,
    facts: Facts,
) -> Ruling:
    """Return what the effects that rules won, the window and the statutes come to for these facts.

    Args:
        policy: The merchant's policy.
        won: The effects that its rules win.
        law: The rights to look at.
        facts: The line's facts.
    """
    merchant = merchant_on(policy, won, facts)
    window, anchor_at, ends_at, inside, outcome, codes, _, offers = merchant
    verdicts = verdicts_on(law, facts, window.zone)
    holding = [verdict for verdict in verdicts if verdict.why == HOLDS]
    ruled = widened(merchant, law, [verdict.statute for verdict in holding], facts.wish)
    if facts.gift_unproved:
        ruled = ruled._replace(outcome="review", codes=(CODE_GIFT_UNPROVED,), by="gift", deciding=())
    return Ruling(
        window, anchor_at, ends_at, inside, outcome, codes, offers, verdicts,
        ruled.outcome, ruled.codes, ruled.offers, ruled.by, ruled.deciding, holding,
    )  # fmt: skip


def widened(merchant: Merchant, law: Law, holding: Sequence[Statute], wish: Wish | None) -> Widened:
    """Return the better of what the merchant's policy and the rights that hold say."""
    outcome, codes, by, offers = merchant.outcome, merchant.codes, merchant.by, merchant.offers
    deciding: tuple[str, ...] = ()
    if holding:
        granted = [granted for right in holding for granted in right.grants]
        # from the second edition on a denial offers nothing of its own: what is offered then is the rights' alone
        own = offers if law.is_first or outcome != "deny" else ()
        offers = tuple(dict.fromkeys((*own, *granted)))
        if law.is_first:
            outcome, codes, by, deciding = _bettered(outcome, codes, by, holding, wish)
        else:
            outcome, codes, by, deciding = _bettered_as_granted(outcome, codes, by, holding, wish)
    if outcome == "approve" and wish is not None and wish not in offers:
        outcome, codes, by = "review", (CODE_WISH_NOT_OFFERED,), "offers"
    return Widened(outcome, codes, by, offers, deciding)


def approves(
    merchant: Merchant, law: Law, rights: Sequence[Statute], holds: Callable[[Statute], bool], wish: Wish | None
) -> bool:
    """Tell whether ``widened`` comes to an approval; whether a right holds is asked of as few as that takes."""
    if law.is_first:
        return widened(merchant, law, [right for right in rights if holds(right)], wish).outcome == "approve"
    is_approved = merchant.outcome == "approve"
    if is_approved and (wish is None or wish in merchant.offers):
        return True
    return any(
        (wish is None or wish in right.grants) and (is_approved or not right.asks_person) and holds(right)
        for right in rights
    )


def holidays_for(window: Window, document: PolicyDocument, facts: Facts | None) -> tuple[date, ...]:
    """Return the holidays of the window's calendar as the facts give them; none named: none."""
    if window.calendar is None or facts is None:
        return ()
    if window.calendar == document.window.calendar:
        return facts.holidays
    return facts.rule_holidays.get(window.calendar, ())


def window_end(window: Window, anchor_at: datetime, holidays: tuple[date, ...]) -> datetime:
    """Return the instant at which a window that began with ``anchor_at`` is over."""
    zone, count, roll = window.zone, window.count, window.roll
    return end_of_day_after(anchor_at, window.days, zone=zone, count=count, roll=roll, holidays=holidays)


def _merchant(won: Won, *, inside: bool) -> tuple[Outcome, tuple[str, ...], str]:
    if "decide" in won:
        (outcome, code), name = won["decide"]
        return outcome, (code,) if code else (), f"rule:{name}"
    if inside:
        return "approve", (), "window"
    return "deny", (CODE_WINDOW_EXPIRED,), "window"


def _bettered(
    outcome: Outcome, codes: tuple[str, ...], by: str, holding: Sequence[Statute], wish: Wish | None
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


def _bettered_as_granted(
    outcome: Outcome, codes: tuple[str, ...], by: str, holding: Sequence[Statute], wish: Wish | None
) -> tuple[Outcome, tuple[str, ...], str, tuple[str, ...]]:
    """Return the better of the merchant's outcome and what the rights that hold grant, from the second edition on.

    A right lifts a denial only for a wish that it grants; of another the customer learns what there is instead.
    """
    if outcome == "approve":
        return outcome, codes, by, ()
    granting = [right.id for right in holding if not right.asks_person and (wish is None or wish in right.grants)]
    if granting:
        return "approve", (), f"statute:{granting[0]}", tuple(granting)
    if outcome == "deny":
        return "review", (_code_of(holding, wish),), f"statute:{holding[0].id}", tuple(right.id for right in holding)
    return outcome, codes, by, ()


def _code_of(holding: Sequence[Statute], wish: Wish | None) -> str:
    """Return why a person has to answer a wish that no right grants by itself."""
    if any(right.asks_person and wish in right.grants for right in holding):
        return CODE_LAW_ASKS_PERSON
    if wish in PAID_OUT and any(right.repair_or_replacement_first for right in holding):
        return CODE_REPAIR_FIRST
    return CODE_WISH_NOT_OFFERED

"""The changes of a denied line's facts that are worth trying, in a fixed order: what flips are found among."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast, get_args

from domain.policy.conditions import moment_of
from domain.policy.document import Window
from domain.policy.facts import Facts
from domain.policy.moments import (
    ANCHOR_FACTS,
    EARLIER,
    LATER,
    SECOND,
    Change,
    OfOneFact,
    beside_numbers,
    bounds_of,
    changes_in_time,
)
from domain.policy.rights import may_grant
from domain.policy.rules import CompiledPolicy, Mentions
from domain.policy.statutes import Law, Statute
from domain.policy.values import Expected, plain_values
from domain.policy.when import ANSWER_PREFIX
from domain.vocabularies import Reason, TenderKind, Wish, WithdrawalException

TRIALS_MAX: Final = 400
"""How many changes are tried for one denial, in a fixed order; what lies beyond is not looked for."""
VALUES_MAX: Final = 32
"""How many values of one fact without an order are tried, up to the fourth edition of the law."""
EVERY_FROM_EDITION: Final = 5
"""The edition from which on every value that is named is tried, and every pair of changes, up to bounds that are told.

What was decided under those before comes out as it did.
"""
FACTS_FROM_EDITION: Final = 3
"""The edition from which on flips also name the facts that only the law looks at."""
FROM_NOTHING: Final = 2
"""The direction of a number where there is none yet."""

_VOCABULARIES: Final[dict[str, tuple[str, ...]]] = {
    "reason": ("other", *get_args(Reason)),
    "wish": get_args(Wish),
    "tender_kinds": get_args(TenderKind),
    "withdrawal_exception": get_args(WithdrawalException),
    "country": ("ZZ", "XX", "XY", "XZ"),  # user-assigned: no country is called so
}
_CLOSED: Final = frozenset({"reason", "wish", "tender_kinds", "withdrawal_exception"})
"""Facts that can have no other values than those of their vocabulary."""


def changes_of_facts(policy: CompiledPolicy, law: Law, facts: Facts) -> Iterator[OfOneFact]:
    """Yield what would meet the conditions of rights that may grant the wish, or make them last longer; each once.

    From the third edition on: what was decided under the second comes out as it did.
    """
    if law.pin is None or law.pin.edition < FACTS_FROM_EDITION:
        return
    met = {
        change: None
        for right in law.rights
        if may_grant(right, facts.wish, facts.reason)
        for change in _met(right, facts)
    }
    for fact, value in met:
        if isinstance(value, bool) and fact not in policy.mentions:  # what rules compare it with is tried already
            yield fact, [(fact, value, None, 0)]
        elif not isinstance(value, bool):
            yield fact, [(fact, value, None, LATER)]


def tries_every(law: Law) -> bool:
    """Tell whether every change is tried under a law, up to a bound that is told where it was met."""
    return law.pin is not None and law.pin.edition >= EVERY_FROM_EDITION


def _met(right: Statute, facts: Facts) -> Iterator[tuple[str, bool | int]]:
    """Yield each change of one fact that meets a condition of a right."""
    yield from ((fact, wanted) for fact, wanted in right.only_if.items() if getattr(facts, fact) is not wanted)
    yield from ((fact, not bad) for fact, bad in right.not_if.items() if getattr(facts, fact) is bad)
    known = right.exceptions_if.get(facts.withdrawal_exception) if facts.withdrawal_exception else None
    yield from ((fact, not bad) for fact, bad in (known or {}).items() if getattr(facts, fact) is bad)
    if right.repairs_tried_min is not None and (facts.repairs_tried or 0) < right.repairs_tried_min:
        yield "repairs_tried", right.repairs_tried_min
    if right.asks_notice and facts.informed is not False:
        yield "informed", False


def tried(facts: Facts, fact: str, value: object) -> Facts:
    """Return what looks like the facts with one changed; a model of its own for each trial would take longer."""
    return changing(facts, fact)(value)


def changing(facts: Facts, fact: str) -> Callable[[Any], Facts]:
    """Return what gives one fact another value, in what looks like the facts: the same again for each value."""
    tried = SimpleNamespace()
    values = vars(tried)
    values.update(vars(facts))

    def change_to(value: object) -> Facts:
        values.update(_changes(facts, fact, value))  # whatever the value is: of the same names
        return cast("Facts", tried)

    return change_to


def fact_of(facts: Facts, fact: str) -> object:
    """Return the value of a fact by its name, ``None`` where it is missing."""
    if fact.startswith(ANSWER_PREFIX):
        return facts.answers.get(fact.removeprefix(ANSWER_PREFIX))
    return getattr(facts, fact)


def with_fact(facts: Facts, fact: str, value: object) -> Facts:
    """Return the facts with one changed; the whole order is never delivered earlier than the units asked for."""
    return facts.model_copy(update=_changes(facts, fact, value))


def _changes(facts: Facts, fact: str, value: object) -> dict[str, object]:
    if fact.startswith(ANSWER_PREFIX):
        return {"answers": {**facts.answers, fact.removeprefix(ANSWER_PREFIX): value}}
    if fact == "delivered_at" and facts.order_delivered_at is not None and isinstance(value, datetime):
        return {fact: value, "order_delivered_at": max(value, facts.order_delivered_at)}
    return {fact: value}


def candidates(policy: CompiledPolicy, window: Window, statutes: tuple[Statute, ...], facts: Facts) -> Iterator[Change]:
    """Return the changes to try, in a fixed order, those of one fact in one direction from the smallest on.

    Args:
        policy: The merchant's policy.
        window: The window as its rules leave it for these facts.
        statutes: The rights to look at.
        facts: The line's facts.
    """
    found = all_candidates(policy, window, statutes, facts)
    return islice((change for _, changes in found for change in changes), TRIALS_MAX)


def all_candidates(
    policy: CompiledPolicy,
    window: Window,
    statutes: tuple[Statute, ...],
    facts: Facts,
    *,
    in_time: tuple[Statute, ...] | None = None,
    every: bool = False,
) -> Iterator[OfOneFact]:
    """Yield the changes to try without a bound.

    Args:
        policy: The merchant's policy.
        window: The window as its rules leave it for these facts.
        statutes: The rights to look at.
        facts: The line's facts.
        in_time: The rights that time may help; None: all.
        every: Of facts without an order too every value that is named, not only the first ``VALUES_MAX``.
    """
    zone = policy.document.window.zone
    bounds = bounds_of(policy, window, statutes if in_time is None else in_time, facts)
    for fact in ANCHOR_FACTS:
        yield fact, changes_in_time(bounds, facts, fact, zone)
    most = None if every else VALUES_MAX
    for fact, tries in _tries_of(policy, statutes, facts.withdrawal_exception, most):
        yield fact, _of_one_fact(fact, tries, fact_of(facts, fact), most)


class _Tries(NamedTuple):
    """What is worth trying of one fact, whatever it is now: values with an order, and others."""

    steps: tuple[Any, ...]
    values: tuple[object, ...]


@lru_cache(maxsize=256)
def _tries_of(
    policy: CompiledPolicy, statutes: tuple[Statute, ...], exception: str | None, values_max: int | None
) -> tuple[tuple[str, _Tries], ...]:
    """Return what to try of each fact that rules or rights compare with something; the same for many lines."""
    zone = policy.document.window.zone
    mentions = _mentions(policy, statutes, exception)
    return tuple(
        (fact, _tries_of_one(fact, compared, zone, values_max))
        for fact, compared in mentions.items()
        if not fact.startswith("days_since_")
    )


def _tries_of_one(fact: str, mentions: Sequence[tuple[str, Expected]], zone: str, values_max: int | None) -> _Tries:
    if fact == "withdrawal_exception":
        return _Tries((), (None, *_values(fact, mentions, values_max)))
    if fact == "ordered_at":
        return _Tries(tuple(dict.fromkeys(_beside_moments(mentions, zone))), ())
    return _Tries(tuple(dict.fromkeys(beside_numbers(mentions))), tuple(_values(fact, mentions, values_max)))


def _mentions(policy: CompiledPolicy, statutes: Sequence[Statute], exception: str | None) -> Mentions:
    """Return what the rules and rights compare each fact with."""
    mentions = dict(policy.mentions)
    for right in statutes:
        if right.reasons is not None:
            mentions["reason"] = (*mentions.get("reason", ()), ("in", tuple(sorted(right.reasons))))
        if right.repair_or_replacement_first:
            mentions["wish"] = (*mentions.get("wish", ()), ("in", right.grants))
        if exception in right.exceptions:
            mentions["withdrawal_exception"] = ()
    return mentions


def _of_one_fact(fact: str, tries: _Tries, now: Any, values_max: int | None) -> list[Change]:
    changes: list[Change] = []
    if tries.steps:
        origin = now if _has_order(now) else None
        steps = _nearest_first([step for step in tries.steps if step != now], origin)
        if origin is None:
            changes += [(fact, step, None, FROM_NOTHING) for step in steps]
        else:
            changes += [(fact, step, None, LATER if step > now else EARLIER) for step in steps]
    is_truth = isinstance(now, bool)
    values = [value for value in tries.values if value != now or isinstance(value, bool) != is_truth]
    changes += [(fact, value, None, 0) for value in values[:values_max]]
    return changes


def _nearest_first(steps: list[Any], origin: Any) -> list[Any]:
    if origin is None:
        return sorted(steps, key=lambda step: (abs(step), step))  # from nothing to the smallest that does
    return sorted(steps, key=lambda step: (abs(step - origin), step))


def _has_order(value: object) -> bool:
    return isinstance(value, datetime) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _beside_moments(mentions: Iterable[tuple[str, Expected]], zone: str) -> Iterator[datetime]:
    for _, expected in mentions:
        moment = moment_of(expected, zone) if isinstance(expected, str) else None
        if moment is not None and 1901 <= moment.year <= 8999:
            yield from (moment.astimezone(UTC) - SECOND, moment.astimezone(UTC) + SECOND)


def _values(fact: str, mentions: Iterable[tuple[str, Expected]], values_max: int | None) -> Iterator[object]:
    """Yield the texts and truth values that are named for a fact, each once, and a text that is not."""
    named = [value for _, expected in mentions for value in plain_values(expected)]
    texts = list(dict.fromkeys(value for value in named if isinstance(value, str)))
    if any(isinstance(value, bool) for value in named):
        yield from (True, False)
    vocabulary = _VOCABULARIES.get(fact, tuple(f"other-{i}" if i else "other" for i in range(len(texts) + 1)))
    known = [text for text in texts if fact not in _CLOSED or text in vocabulary]
    unnamed = [text for text in vocabulary if text not in texts][:1] if texts else []
    for text in (*known[: values_max and values_max - 1], *unnamed):
        yield (text,) if fact == "tender_kinds" else text

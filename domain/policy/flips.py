"""Flips: each smallest single change of one fact that would have led from a denial to approval.

Found by search: the values just at and beside the bounds that comparisons, windows and rights set. Each is verified by
deciding again. Numbers change as little as possible in either direction, times by whole days (``ordered_at`` against a
``before`` or ``after`` by seconds); of other facts every value that a rule or right names is tried, and one that none
does. A unit delivered later than the whole order was moves the order's last delivery along.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import compress, groupby, islice
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast, get_args

from domain.policy.conditions import Answer, as_json, moment_of
from domain.policy.decision import Flip
from domain.policy.document import Window
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS, beside_numbers, bounds_of, day_shifts
from domain.policy.rules import CompiledPolicy, Mentions, Reader, Won
from domain.policy.ruling import (
    HOLDS,
    WINDOW_EXPIRED,
    Ruling,
    in_time,
    may_any_rule_approve,
    merchant_on,
    verdict_on,
    widened,
)
from domain.policy.statutes import Law, Statute
from domain.policy.when import ANSWER_PREFIX
from domain.vocabularies import Reason, TenderKind, Wish

TRIALS_MAX: Final = 400
"""How many changes are tried for one denial, in a fixed order; what lies beyond is not looked for."""
VALUES_MAX: Final = 32
"""How many values of one fact without an order are tried."""
SECOND: Final = timedelta(seconds=1)

_COUNTED_FROM: Final = {
    "ordered_at": ("days_since_ordered",),
    "delivered_at": ("days_since_delivered",),
    "requested_at": ("days_since_ordered", "days_since_delivered"),
}
_LOOKED_AT_BEYOND_RULES: Final = frozenset({*ANCHOR_FACTS, "country", "reason", "withdrawal_exception", "wish"})
"""What windows, rights and offers look at: a change may count though it changes no rule."""
_MOVED_IN_TIME: Final = frozenset(ANCHOR_FACTS) - {"ordered_at"}
"""Of a right these change at most whether the request came in time; ``ordered_at`` also whether it is in force."""
Change = tuple[str, Any, int | None, int]
"""A change to try: fact, new value, whole days for a change in time, and direction (0: no order)."""
_FACT_OF: Final = itemgetter(0)
_VOCABULARIES: Final[dict[str, tuple[str, ...]]] = {
    "reason": ("other", *get_args(Reason)),
    "wish": get_args(Wish),
    "tender_kinds": get_args(TenderKind),
    "country": ("ZZ", "XX", "XY", "XZ"),  # user-assigned: no country is called so
}


def flips_of(policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> tuple[Flip, ...]:
    """Return the single changes that lead from a denial to approval, by fact; none where there is no such change."""
    rights = law.rights
    trials = _Trials(policy, rights, facts, denial)
    found: list[Change] = []
    done: set[tuple[str, int]] = set()
    for fact, changes in groupby(candidates(policy, denial.window, rights, facts), _FACT_OF):
        if trials.is_kept_by_more(fact):
            found += _turning_points(trials, changes)
        elif trials.may_matter(fact):
            for change in changes:
                _, value, _, direction = change
                # a smaller change in this direction may do already
                if (not direction or (fact, direction) not in done) and trials.approved(fact, value):
                    found.append(change)
                    done.add((fact, direction))
    return tuple(
        {"fact": fact, "from": as_json(fact_of(facts, fact)), "to": as_json(value), "days": days}
        for fact, value, days, _ in found
    )


def _turning_points(trials: _Trials, changes: Iterable[Change]) -> list[Change]:
    """Return the smallest change in each direction that is approved, where all greater ones are approved too."""
    by_direction: dict[int, list[Change]] = {}
    for change in changes:
        by_direction.setdefault(change[3], []).append(change)
    found = []
    for directed in by_direction.values():
        place = bisect_left(directed, True, key=lambda change: trials.approved(*change[:2]))
        found += directed[place : place + 1]
    # the nearest first, and of two as near the later, as they came
    return sorted(found, key=lambda change: (abs(change[2] or 0), -change[3]))


class _Asked(NamedTuple):
    """What the rules ask of the facts that one change changes."""

    readers: tuple[tuple[str, Reader], ...]
    places: tuple[int, ...]
    """The rules whose answer may change, by place."""
    answers: tuple[Answer, ...]
    before: list[bool]


class _Trials:
    """Deciding again with one fact changed: only what this can change is asked again."""

    def __init__(self, policy: CompiledPolicy, statutes: tuple[Statute, ...], facts: Facts, denial: Ruling) -> None:
        self.policy, self.statutes, self.facts = policy, statutes, facts
        self._values = policy.values_of(facts)
        self._asked: dict[str, _Asked] = {}
        self._matched = [rule.condition.answer(self._values) for rule in policy.deciding]
        self._won = self._won_by(self._matched)
        self._late = [verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED]
        # of no right it is plain that it does not hold if a rule may set the zone in which rights end
        self._is_plain = policy.zone is not None or not statutes
        self._rules_may_help = may_any_rule_approve(policy, facts)

    def is_kept_by_more(self, fact: str) -> bool:
        """Tell whether what a change of this fact approves, a greater one in the same direction approves too.

        So it is with the times from which windows and rights run, where no rule looks at them.
        """
        if fact not in _MOVED_IN_TIME or not self._is_plain or self._asked_of(fact).places:
            return False
        now: datetime | None = getattr(self.facts, fact)
        return now is not None and now <= self.facts.requested_at

    def may_matter(self, fact: str) -> bool:
        """Tell whether any change of a fact may lead to approval; False is certain."""
        if fact in _LOOKED_AT_BEYOND_RULES:
            return True
        return self._rules_may_help and bool(self._asked_of(fact).places)

    def approved(self, fact: str, value: Any) -> bool:
        """Tell whether the line would be approved with this change."""
        asked = self._asked_of(fact)
        facts = _tried(self.facts, fact, value)
        won = self._won_with(asked, facts)
        if won is self._won and fact not in _LOOKED_AT_BEYOND_RULES:
            return False
        merchant = merchant_on(self.policy, won, facts)
        return widened(merchant, self._holding(fact, facts, merchant.window.zone), facts.wish).outcome == "approve"

    def _holding(self, fact: str, facts: Facts, zone: str) -> list[Statute]:
        """Return the rights that hold with a change; none did at the denial."""
        if self._is_plain and fact not in _LOOKED_AT_BEYOND_RULES:
            return []
        if self._is_plain and fact in _MOVED_IN_TIME:
            return [right for right in self._late if in_time(right, facts, zone).why == HOLDS]
        return [right for right in self.statutes if verdict_on(right, facts, zone).why == HOLDS]

    def _won_with(self, asked: _Asked, facts: Facts) -> Won:
        """Return the effects that the rules win with a change; the very same as before where it changes none."""
        if not asked.places:
            return self._won
        values = {name: read(facts) for name, read in asked.readers}
        now = [answer(values) for answer in asked.answers]
        if now == asked.before:
            return self._won
        matched = self._matched.copy()
        for place, answer in zip(asked.places, now, strict=True):
            matched[place] = answer
        return self._won_by(matched)

    def _asked_of(self, fact: str) -> _Asked:
        """Return what the rules ask of a fact, and of those counted from it; found once for each fact."""
        asked = self._asked.get(fact)
        if asked is None:
            names = {fact, *_COUNTED_FROM.get(fact, ())}
            left = [
                (place, answer)
                for place, rule in enumerate(self.policy.deciding)
                if not names.isdisjoint(rule.facts)
                and not isinstance(answer := rule.condition.rest(self._values, names), bool)
            ]
            places = tuple([place for place, _ in left])
            readers = tuple([(name, self.policy.readers[name]) for name in names if name in self.policy.readers])
            before = [self._matched[place] for place in places]
            asked = self._asked[fact] = _Asked(readers, places, tuple([answer for _, answer in left]), before)
        return asked

    def _won_by(self, matched: Sequence[bool]) -> Won:
        won = Won()
        for rule in compress(self.policy.deciding, matched):
            for effect, value in rule.effects:
                won.setdefault(effect, (value, rule.name))
        return won


def _tried(facts: Facts, fact: str, value: Any) -> Facts:
    """Return what looks like the facts with one changed; a model of its own for each trial would take longer."""
    tried = SimpleNamespace()
    vars(tried).update(vars(facts), **_changes(facts, fact, value))
    return cast("Facts", tried)


def fact_of(facts: Facts, fact: str) -> Any:
    """Return the value of a fact by its name, ``None`` where it is missing."""
    if fact.startswith(ANSWER_PREFIX):
        return facts.answers.get(fact.removeprefix(ANSWER_PREFIX))
    return getattr(facts, fact)


def with_fact(facts: Facts, fact: str, value: Any) -> Facts:
    """Return the facts with one changed; the whole order is never delivered earlier than the units asked for."""
    return facts.model_copy(update=_changes(facts, fact, value))


def _changes(facts: Facts, fact: str, value: Any) -> dict[str, Any]:
    if fact.startswith(ANSWER_PREFIX):
        return {"answers": {**facts.answers, fact.removeprefix(ANSWER_PREFIX): value}}
    if fact == "delivered_at" and facts.order_delivered_at is not None and value is not None:
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
    return islice(_all_candidates(policy, window, statutes, facts), TRIALS_MAX)


def _all_candidates(
    policy: CompiledPolicy, window: Window, statutes: tuple[Statute, ...], facts: Facts
) -> Iterator[Change]:
    zone = policy.document.window.zone
    bounds = bounds_of(policy, window, statutes, facts)
    for fact in ANCHOR_FACTS:
        for moment, days, direction in day_shifts(bounds, facts, fact, zone):
            yield fact, moment, days, direction
    for fact, tries in _tries_of(policy, statutes, facts.withdrawal_exception):
        yield from _of_one_fact(fact, tries, fact_of(facts, fact))


class _Tries(NamedTuple):
    """What is worth trying of one fact, whatever it is now: values with an order, and others."""

    steps: tuple[Any, ...]
    values: tuple[Any, ...]


@lru_cache(maxsize=256)
def _tries_of(
    policy: CompiledPolicy, statutes: tuple[Statute, ...], exception: str | None
) -> tuple[tuple[str, _Tries], ...]:
    """Return what to try of each fact that rules or rights compare with something; the same for many lines."""
    zone = policy.document.window.zone
    mentions = _mentions(policy, statutes, exception)
    return tuple(
        (fact, _tries_of_one(fact, compared, zone))
        for fact, compared in mentions.items()
        if not fact.startswith("days_since_")
    )


def _tries_of_one(fact: str, mentions: Sequence[tuple[str, Any]], zone: str) -> _Tries:
    if fact == "withdrawal_exception":
        return _Tries((), (None,))
    if fact == "ordered_at":
        return _Tries(tuple(dict.fromkeys(_beside_moments(mentions, zone))), ())
    return _Tries(tuple(dict.fromkeys(beside_numbers(mentions))), tuple(_values(fact, mentions)))


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


def _of_one_fact(fact: str, tries: _Tries, now: Any) -> Iterator[Change]:
    if tries.steps:
        origin = now if _has_order(now) else None
        for step in _nearest_first([step for step in tries.steps if step != now], origin):
            yield fact, step, None, 2 if origin is None else 1 if step > now else -1
    is_truth = isinstance(now, bool)
    values = [value for value in tries.values if value != now or isinstance(value, bool) != is_truth]
    for value in values[:VALUES_MAX]:
        yield fact, value, None, 0


def _nearest_first(steps: list[Any], origin: Any) -> list[Any]:
    if origin is None:
        return sorted(steps, key=lambda step: (abs(step), step))  # from nothing to the smallest that does
    return sorted(steps, key=lambda step: (abs(step - origin), step))


def _has_order(value: object) -> bool:
    return isinstance(value, datetime) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _beside_moments(mentions: Iterable[tuple[str, Any]], zone: str) -> Iterator[datetime]:
    for _, expected in mentions:
        moment = moment_of(expected, zone) if isinstance(expected, str) else None
        if moment is not None and 1901 <= moment.year <= 8999:
            yield from (moment.astimezone(UTC) - SECOND, moment.astimezone(UTC) + SECOND)


def _values(fact: str, mentions: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the texts and truth values that are named for a fact, each once, and a text that is not."""
    named = [value for operator, expected in mentions for value in (expected if operator == "in" else (expected,))]
    texts = list(dict.fromkeys(value for value in named if isinstance(value, str)))
    if any(isinstance(value, bool) for value in named):
        yield from (True, False)
    vocabulary = _VOCABULARIES.get(fact, tuple(f"other-{i}" if i else "other" for i in range(len(texts) + 1)))
    known = [text for text in texts if fact not in {"reason", "wish", "tender_kinds"} or text in vocabulary]
    unnamed = [text for text in vocabulary if text not in texts][:1] if texts else []
    for text in (*known[: VALUES_MAX - 1], *unnamed):
        yield (text,) if fact == "tender_kinds" else text

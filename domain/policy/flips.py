"""Flips: each smallest single change of one fact that would have led from a denial to approval.

Found by search: the values just at and beside the bounds that comparisons, windows and rights set. Each is verified by
deciding again. Numbers change as little as possible in either direction, times by whole days (``ordered_at`` against a
``before`` or ``after`` by seconds); of other facts every value that a rule or right names is tried, and one that none
does. A unit delivered later than the whole order was moves the order's last delivery along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress, islice
from typing import Any, Final, get_args

from domain.policy.conditions import Answer, as_json, moment_of
from domain.policy.decision import Flip
from domain.policy.document import ANSWER_PREFIX, PolicyDocument
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS, beside_numbers, bounds_of, day_shifts
from domain.policy.rules import CompiledPolicy, Mentions, Won, compiled
from domain.policy.ruling import rule_on, window_of
from domain.policy.statutes import Statute
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
_VOCABULARIES: Final[dict[str, tuple[str, ...]]] = {
    "reason": ("other", *get_args(Reason)),
    "wish": get_args(Wish),
    "tender_kinds": get_args(TenderKind),
    "country": ("ZZ", "XX", "XY", "XZ"),  # user-assigned: no country is called so
}


def flips_of(document: PolicyDocument, statutes: Sequence[Statute], facts: Facts) -> tuple[Flip, ...]:
    """Return the single changes that lead to approval, by fact; none where there is no such change."""
    trials = _Trials(compiled(document), statutes, facts)
    found: list[Flip] = []
    done: set[tuple[str, int]] = set()
    for fact, value, days, direction in islice(_candidates(trials), TRIALS_MAX):
        # a smaller change in this direction may do already
        if (not direction or (fact, direction) not in done) and trials.approved(fact, value):
            found.append({"fact": fact, "from": as_json(fact_of(facts, fact)), "to": as_json(value), "days": days})
            done.add((fact, direction))
    return tuple(found)


class _Trials:
    """Deciding again with one fact changed, asking only the rules that this can change."""

    def __init__(self, policy: CompiledPolicy, statutes: Sequence[Statute], facts: Facts) -> None:
        self.policy, self.statutes, self.facts = policy, statutes, facts
        self.values = policy.values_of(facts)
        self._looking: dict[str, list[tuple[int, Answer]]] = {}
        self.matched = [rule.condition.answer(self.values) for rule in policy.deciding]
        won = self._won(self.matched)
        self.window = window_of(policy.document, won)
        # a rule may set the zone in which rights end, so that another change may change their answer
        zoned = any(effect == "window.zone" for rule in policy.deciding for effect, _ in rule.effects)
        self.verdicts = None if zoned else rule_on(policy.document, won, statutes, facts).verdicts

    def approved(self, fact: str, value: Any) -> bool:
        """Tell whether the line would be approved with this change."""
        facts = with_fact(self.facts, fact, value)
        matched = self._matched(facts, fact)
        if matched == self.matched and fact not in _LOOKED_AT_BEYOND_RULES:
            return False
        won = self._won(matched)
        if not self.statutes and "decide" in won and won["decide"][0][0] != "approve":
            return False  # nothing stands above the rule that denies
        known = None if fact in _LOOKED_AT_BEYOND_RULES else self.verdicts
        return rule_on(self.policy.document, won, self.statutes, facts, known).outcome == "approve"

    def _matched(self, facts: Facts, fact: str) -> list[bool]:
        """Return which rules match, asking those again that look at what has changed."""
        changed = {fact, *_COUNTED_FROM.get(fact, ())}
        values = self.values.copy()
        for name in changed & values.keys():
            values[name] = self.policy.readers[name](facts)
        matched = self.matched.copy()
        for index, answer in self._asked_again(fact):
            matched[index] = answer(values)
        return matched

    def _asked_again(self, fact: str) -> list[tuple[int, Answer]]:
        """Return the rules, by place, that look at what a change of this fact changes; found once for each fact."""
        if fact not in self._looking:
            changed = {fact, *_COUNTED_FROM.get(fact, ())}
            self._looking[fact] = [
                (index, rule.condition.answer)
                for index, rule in enumerate(self.policy.deciding)
                if not changed.isdisjoint(rule.facts)
            ]
        return self._looking[fact]

    def _won(self, matched: Sequence[bool]) -> Won:
        won = Won()
        for rule in compress(self.policy.deciding, matched):
            for effect, value in rule.effects:
                won.setdefault(effect, (value, rule.name))
        return won


def apply_flip(facts: Facts, flip: Flip) -> Facts:
    """Return the facts with the one change that a flip names."""
    value: Any = flip["to"]
    if flip["fact"] in {"ordered_at", *ANCHOR_FACTS} and isinstance(value, str):
        value = datetime.fromisoformat(value).astimezone(UTC)
    elif isinstance(value, list):
        value = tuple(value)
    return with_fact(facts, flip["fact"], value)


def fact_of(facts: Facts, fact: str) -> Any:
    """Return the value of a fact by its name, ``None`` where it is missing."""
    if fact.startswith(ANSWER_PREFIX):
        return facts.answers.get(fact.removeprefix(ANSWER_PREFIX))
    return getattr(facts, fact)


def with_fact(facts: Facts, fact: str, value: Any) -> Facts:
    """Return the facts with one changed; the whole order is never delivered earlier than the units asked for."""
    if fact.startswith(ANSWER_PREFIX):
        return facts.model_copy(update={"answers": {**facts.answers, fact.removeprefix(ANSWER_PREFIX): value}})
    if fact == "delivered_at" and facts.order_delivered_at is not None and value is not None:
        return facts.model_copy(update={fact: value, "order_delivered_at": max(value, facts.order_delivered_at)})
    return facts.model_copy(update={fact: value})


def _candidates(trials: _Trials) -> Iterator[tuple[str, Any, int | None, int]]:
    """Yield changes to try: fact, new value, whole days for a change in time, and direction (0: no order)."""
    policy, statutes, facts = trials.policy, trials.statutes, trials.facts
    zone = policy.document.window.zone
    bounds = bounds_of(policy, {*policy.windows, trials.window}, statutes, facts)
    for fact in ANCHOR_FACTS:
        yield from ((fact, *shift) for shift in day_shifts(bounds, facts, fact, zone))
    for fact, mentions in _mentions(policy, statutes, facts).items():
        if not fact.startswith("days_since_"):
            yield from _of_one_fact(fact, mentions, fact_of(facts, fact), zone)


def _mentions(policy: CompiledPolicy, statutes: Sequence[Statute], facts: Facts) -> Mentions:
    """Return what the rules and rights compare each fact with."""
    mentions = dict(policy.mentions)
    for right in statutes:
        if right.reasons is not None:
            mentions["reason"] = (*mentions.get("reason", ()), ("in", tuple(sorted(right.reasons))))
        if right.repair_or_replacement_first:
            mentions["wish"] = (*mentions.get("wish", ()), ("in", right.grants))
        if facts.withdrawal_exception in right.exceptions:
            mentions["withdrawal_exception"] = ()
    return mentions


def _of_one_fact(
    fact: str, mentions: Sequence[tuple[str, Any]], now: Any, zone: str
) -> Iterator[tuple[str, Any, int | None, int]]:
    if fact == "withdrawal_exception":
        yield fact, None, None, 0
        return
    if fact == "ordered_at":
        steps: Iterable[Any] = _beside_moments(mentions, zone)
    else:
        steps = beside_numbers(mentions)
    ordered = sorted({step for step in steps if step != now}, key=lambda step: (_distance(step, now), step))
    yield from ((fact, step, None, _direction(step, now)) for step in ordered)
    if fact != "ordered_at":
        values = [
            value
            for value in _values(fact, mentions)
            if value != now or isinstance(value, bool) != isinstance(now, bool)
        ]
        yield from ((fact, value, None, 0) for value in values[:VALUES_MAX])


def _distance(step: Any, now: Any) -> Any:
    if isinstance(step, datetime):
        return abs(step - now)
    return abs(step - now) if _is_number(now) else abs(step)


def _direction(step: Any, now: Any) -> int:
    if isinstance(now, datetime) or _is_number(now):
        return 1 if step > now else -1
    return 2  # from nothing to the smallest that does


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

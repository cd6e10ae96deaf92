"""Deciding a denied line again with some of its facts changed: only what the changes can change is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Final, NamedTuple

from domain.policy.changes import Change, law_of, tried
from domain.policy.conditions import Answer
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS
from domain.policy.rights import HOLDS, WINDOW_EXPIRED, in_time, verdict_in_force, verdict_on
from domain.policy.rules import CompiledPolicy, Reader, Won
from domain.policy.ruling import Merchant, Ruling, approves, may_any_rule_approve, merchant_on
from domain.policy.statutes import Law, Statute
from domain.policy.when import LAW_FACTS

_COUNTED_FROM: Final = {
    "ordered_at": ("days_since_ordered",),
    "delivered_at": ("days_since_delivered",),
    "requested_at": ("days_since_ordered", "days_since_delivered"),
}
_TIMES: Final = frozenset(ANCHOR_FACTS)
_LOOKED_AT_BEYOND_RULES: Final = _TIMES | LAW_FACTS | {"country", "reason", "withdrawal_exception", "wish"}
"""What windows, rights and offers look at: a change may count though it changes no rule."""
_OF_ANOTHER_LAW: Final = frozenset({"country", "ordered_at"})
"""What may bring a line under rights that it is not under now."""
_MOVED_IN_TIME: Final = _TIMES - {"ordered_at"}
"""Of a right these change at most whether the request came in time; ``ordered_at`` also whether it is in force."""


class _Asked(NamedTuple):
    """What the rules ask of the facts that some changes change."""

    readers: tuple[tuple[str, Reader], ...]
    places: tuple[int, ...]
    """The rules whose answer may change, by place."""
    answers: tuple[Answer, ...]
    before: list[bool]


class Trials:
    """The line of a denial, to be decided again with changes."""

    def __init__(self, policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> None:
        self.policy, self.law, self.facts = policy, law, facts
        self._values = policy.values_of(facts)
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self._matched = [rule.condition.answer(self._values) for rule in policy.deciding]
        self._won = self._won_by(self._matched)
        self._merchant = merchant_on(policy, self._won, facts)
        self._late = [verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED]
        # of no right it is plain that it does not hold if a rule may set the zone in which rights end
        self._is_plain = policy.zone is not None or not law.rights
        self._rules_may_help = may_any_rule_approve(policy, facts)

    def is_kept_by_more(self, fact: str) -> bool:
        """Tell whether what a change of this fact approves, a greater one in the same direction approves too.

        So it is with the times from which windows and rights run, where no rule looks at them: a later beginning may
        help, or an earlier request, and nothing else.
        """
        if fact not in _MOVED_IN_TIME or not self._is_plain or self._asked_of((fact,)).places:
            return False
        now = getattr(self.facts, fact)
        return now is not None and now <= self.facts.requested_at

    def may_matter(self, fact: str) -> bool:
        """Tell whether any change of a fact may lead to approval; False is certain."""
        if fact in _LOOKED_AT_BEYOND_RULES:
            return True
        return self._rules_may_help and bool(self._asked_of((fact,)).places)

    def approved(self, *changes: Change) -> bool:
        """Tell whether the line would be approved with all of these changes."""
        facts = self.facts
        for fact, value, _, _ in changes:
            facts = tried(facts, fact, value)
        names = tuple([change[0] for change in changes])
        won = self._won_with(self._asked_of(names), facts)
        if won is self._won and _LOOKED_AT_BEYOND_RULES.isdisjoint(names):
            return False
        merchant = self._merchant_by(won, names, facts)
        rights, holds = self._rights_with(names, facts, merchant.window.zone)
        return approves(merchant, self.law, rights, holds, facts.wish)

    def _merchant_by(self, won: Won, names: Sequence[str], facts: Facts) -> Merchant:
        """Return what the merchant's policy comes to with changes of facts of these names."""
        if won is self._won and _TIMES.isdisjoint(names):
            return self._merchant
        return merchant_on(self.policy, won, facts)

    def _rights_with(
        self, names: Sequence[str], facts: Facts, zone: str
    ) -> tuple[Sequence[Statute], Callable[[Statute], bool]]:
        """Return the rights that may hold with a change, and what tells whether one does; none did at the denial."""
        if self._is_plain and _LOOKED_AT_BEYOND_RULES.isdisjoint(names):
            return (), bool
        if self._is_plain and _MOVED_IN_TIME.issuperset(names):
            return self._late, lambda right: in_time(right, facts, zone).why == HOLDS
        if self.law.is_first:
            return self.law.rights, lambda right: verdict_on(right, facts, zone).why == HOLDS
        law = self.law if _OF_ANOTHER_LAW.isdisjoint(names) else law_of(self.law, facts)
        return law.rights, lambda right: verdict_in_force(right, facts, zone).why == HOLDS

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

    def _asked_of(self, facts: tuple[str, ...]) -> _Asked:
        """Return what the rules ask of facts, and of those counted from them; found once for each combination."""
        asked = self._asked.get(facts)
        if asked is None:
            names = {*facts, *(name for fact in facts for name in _COUNTED_FROM.get(fact, ()))}
            left = [
                (place, answer)
                for place in sorted({place for name in names for place in self.policy.places.get(name, ())})
                if not isinstance(answer := self.policy.deciding[place].condition.rest(self._values, names), bool)
            ]
            places = tuple([place for place, _ in left])
            readers = tuple([(name, self.policy.readers[name]) for name in names if name in self.policy.readers])
            before = [self._matched[place] for place in places]
            asked = self._asked[facts] = _Asked(readers, places, tuple([answer for _, answer in left]), before)
        return asked

    def _won_by(self, matched: Sequence[bool]) -> Won:
        won = Won()
        for rule in compress(self.policy.deciding, matched):
            for effect, value in rule.effects:
                won.setdefault(effect, (value, rule.name))
        return won

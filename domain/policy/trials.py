"""Deciding a denied line again with some of its facts changed: only what the changes can change is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, Final, Literal, NamedTuple

from domain.policy.changes import changing, tried
from domain.policy.conditions import Answer
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS, Change
from domain.policy.other_laws import law_of, may_be_granted_elsewhere
from domain.policy.rights import HOLDS, WINDOW_EXPIRED, granting, in_time, verdict_covering, verdict_on
from domain.policy.rules import CompiledPolicy, Reader, Won
from domain.policy.ruling import Merchant, Ruling, approves, may_any_rule_approve, merchant_on, merchant_within
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
_ASKED_FOR: Final = frozenset({"reason", "wish"})
"""What decides which rights are heard, and nothing of what they ask else."""
_OF_ANOTHER_LAW: Final = frozenset({"country", "ordered_at"})
"""What may bring a line under rights that it is not under now."""
_MOVED_IN_TIME: Final = _TIMES - {"ordered_at"}
"""Of a right these change at most whether the request came in time; ``ordered_at`` also whether it is in force."""


_Rights = Literal["none", "late", "heard", "first", "same", "another"]
"""Which rights may come to hold: none, the late ones, those that were not heard, or any: of the first edition, of this
or of another law."""


class _Scope(NamedTuple):
    """What changes of some facts can change, whatever their new values."""

    names: frozenset[str]
    """The facts, and those counted from them."""
    readers: tuple[tuple[str, Reader], ...]
    places: tuple[int, ...]
    """The rules whose answer may change, by place."""
    answers: tuple[Answer, ...]
    before: list[bool]
    counts_alone: bool
    """More than rules looks at the facts: a change may count though it changes no rule."""
    moves_window: bool
    rights: _Rights


class Trials:
    """The line of a denial, to be decided again with changes."""

    def __init__(self, policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> None:
        self.policy, self.law, self.facts = policy, law, facts
        self._values = policy.values_of(facts)
        self._scopes: dict[tuple[str, ...], _Scope] = {}
        self._matched = [rule.condition.answer(self._values) for rule in policy.deciding]
        self._won = self._won_by(self._matched)
        self._window = policy.window_of(self._won)
        self._merchant = merchant_within(policy, self._won, self._window, facts)
        self._late = [verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED]
        self._heard: dict[str, bool] = {}
        # of no right it is plain that it does not hold if a rule may set the zone in which rights end
        self._is_plain = policy.zone is not None or not law.rights
        self._rules_may_help = may_any_rule_approve(policy, facts)

    def is_kept_by_more(self, fact: str) -> bool:
        """Tell whether what a change of this fact approves, a greater one in the same direction approves too.

        So it is with the times from which windows and rights run, where no rule looks at them: a later beginning may
        help, or an earlier request, and nothing else.
        """
        if fact not in _MOVED_IN_TIME or not self._is_plain or self._scope_of((fact,)).places:
            return False
        now = getattr(self.facts, fact)
        return now is not None and now <= self.facts.requested_at

    def may_matter(self, fact: str) -> bool:
        """Tell whether any change of a fact may lead to approval; False is certain."""
        if fact == "country" and not self.law.is_first and self._is_plain and not self._scope_of((fact,)).places:
            return may_be_granted_elsewhere(self.law, self.facts)
        if fact in _LOOKED_AT_BEYOND_RULES:
            return True
        return self._rules_may_help and bool(self._scope_of((fact,)).places)

    def approved(self, *changes: Change) -> bool:
        """Tell whether the line would be approved with all of these changes."""
        scope, facts = self._scope_of(tuple([change[0] for change in changes])), self.facts
        for fact, value, _, _ in changes:
            facts = tried(facts, fact, value)
        return self._is_approved_with(scope, facts)

    def approving(self, fact: str) -> Callable[[Change], bool]:
        """Return what tells whether the line would be approved with one change of this fact."""
        scope = self._scope_of((fact,))
        if scope.rights == "heard" and not scope.places:
            return lambda change: self._is_approved_asking(fact, change[1])
        change_to = changing(self.facts, fact)
        return lambda change: self._is_approved_with(scope, change_to(change[1]))

    def _is_approved_asking(self, fact: str, value: Any) -> bool:
        """Tell whether another wish or reason would do where no rule looks at it: it decides which rights are heard."""
        wish, reason = (value, self.facts.reason) if fact == "wish" else (self.facts.wish, value)
        rights = granting(self.law, wish, reason, self.facts.withdrawal_exception)
        return approves(self._merchant, self.law, rights, self._holds, wish)

    def _is_approved_with(self, scope: _Scope, facts: Facts) -> bool:
        won = self._won_with(scope, facts)
        if won is self._won and not scope.counts_alone:
            return False
        if won is not self._won:
            merchant = merchant_on(self.policy, won, facts)
        elif scope.moves_window:
            merchant = merchant_within(self.policy, won, self._window, facts)
        else:
            merchant = self._merchant
        return self._is_approved(merchant, scope, facts)

    def _is_approved(self, merchant: Merchant, scope: _Scope, facts: Facts) -> bool:
        """Tell whether the merchant or a right that may come to hold approves; none held at the denial."""
        law, zone, wish = self.law, merchant.window.zone, facts.wish
        if scope.rights == "none":
            return approves(merchant, law, (), bool, wish)
        if scope.rights == "late":
            return approves(merchant, law, self._late, lambda right: in_time(right, facts, zone).why == HOLDS, wish)
        if scope.rights == "first":
            return approves(merchant, law, law.rights, lambda right: verdict_on(right, facts, zone).why == HOLDS, wish)
        if scope.rights == "another":
            law = law_of(law, facts)
        rights = granting(law, wish, facts.reason, facts.withdrawal_exception)
        if scope.rights == "heard":
            return approves(merchant, law, rights, self._holds, wish)
        return approves(merchant, law, rights, lambda right: verdict_covering(right, facts, zone).why == HOLDS, wish)

    def _holds(self, right: Statute) -> bool:
        """Tell whether a right that covers the line would hold for it as it is; found once for each."""
        holds = self._heard.get(right.id)
        if holds is None:
            verdict = verdict_covering(right, self.facts, self._window.zone)
            holds = self._heard[right.id] = verdict.why == HOLDS
        return holds

    def _won_with(self, scope: _Scope, facts: Facts) -> Won:
        """Return the effects that the rules win with a change; the very same as before where it changes none."""
        if not scope.places:
            return self._won
        values = {name: read(facts) for name, read in scope.readers}
        now = [answer(values) for answer in scope.answers]
        if now == scope.before:
            return self._won
        matched = self._matched.copy()
        for place, answer in zip(scope.places, now, strict=True):
            matched[place] = answer
        return self._won_by(matched)

    def _scope_of(self, facts: tuple[str, ...]) -> _Scope:
        """Return what changes of these facts can change; found once for each combination."""
        scope = self._scopes.get(facts)
        if scope is None:
            scope = _scope_of(self.policy, facts, self._is_plain, self.law.is_first)
            if scope.places:
                scope = self._narrowed(scope)
            self._scopes[facts] = scope
        return scope

    def _narrowed(self, scope: _Scope) -> _Scope:
        """Return the same without the rules that the other facts settle."""
        left = [
            (place, answer)
            for place in scope.places
            if not isinstance(answer := self.policy.deciding[place].condition.rest(self._values, scope.names), bool)
        ]
        return scope._replace(
            places=tuple([place for place, _ in left]),
            answers=tuple([answer for _, answer in left]),
            before=[self._matched[place] for place, _ in left],
        )

    def _won_by(self, matched: Sequence[bool]) -> Won:
        won = Won()
        for rule in compress(self.policy.deciding, matched):
            for effect, value in rule.effects:
                won.setdefault(effect, (value, rule.name))
        return won


@lru_cache(maxsize=1_024)
def _scope_of(policy: CompiledPolicy, facts: tuple[str, ...], is_plain: bool, is_first: bool) -> _Scope:
    """Return what changes of these facts can change in any line: all rules that look at them."""
    names = frozenset({*facts, *(name for fact in facts for name in _COUNTED_FROM.get(fact, ()))})
    return _Scope(
        names=names,
        readers=tuple([(name, policy.readers[name]) for name in names if name in policy.readers]),
        places=tuple(sorted({place for name in names for place in policy.places.get(name, ())})),
        answers=(),
        before=[],
        counts_alone=not _LOOKED_AT_BEYOND_RULES.isdisjoint(facts),
        moves_window=not _TIMES.isdisjoint(facts),
        rights=_rights_of(facts, is_plain, is_first),
    )


def _rights_of(facts: tuple[str, ...], is_plain: bool, is_first: bool) -> _Rights:
    if is_plain and _LOOKED_AT_BEYOND_RULES.isdisjoint(facts):
        return "none"
    if is_plain and _MOVED_IN_TIME.issuperset(facts):
        return "late"
    if is_first:
        return "first"
    if is_plain and _ASKED_FOR.issuperset(facts):
        return "heard"
    return "same" if _OF_ANOTHER_LAW.isdisjoint(facts) else "another"

"""Flips: each smallest single change of one fact that would have led from a denial to approval.

Found by search: the values just at and beside the bounds that comparisons, windows and rights set. Each is verified by
deciding again. Numbers change as little as possible in either direction, times by whole days (``ordered_at`` against a
``before`` or ``after`` by seconds); of other facts every value that a rule or right names is tried, and one that none
does. A unit delivered later than the whole order was moves the order's last delivery along.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations, compress, groupby, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from domain.policy.changes import (
    TRIALS_MAX,
    Change,
    all_candidates,
    changes_of_facts,
    changes_of_law,
    fact_of,
    law_of,
    tried,
)
from domain.policy.conditions import Answer, as_json
from domain.policy.decision import Flip
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS
from domain.policy.rights import HOLDS, WINDOW_EXPIRED, in_time, verdict_on
from domain.policy.rules import CompiledPolicy, Reader, Won
from domain.policy.ruling import Ruling, may_any_rule_approve, merchant_on, widened
from domain.policy.statutes import Law, Statute
from domain.policy.when import LAW_FACTS

LATER_TRIALS_MAX: Final = 2_000
"""The same from the second edition of the law on; where there are more, the trace says so."""
PAIRS_MAX: Final = 300
"""How many pairs of changes are tried where no single one helps."""
PAIRED_OF_FACT_MAX: Final = 6
"""How many changes of one fact are tried together with others."""
_COUNTED_FROM: Final = {
    "ordered_at": ("days_since_ordered",),
    "delivered_at": ("days_since_delivered",),
    "requested_at": ("days_since_ordered", "days_since_delivered"),
}
_LOOKED_AT_BEYOND_RULES: Final = frozenset(
    {*ANCHOR_FACTS, *LAW_FACTS, "country", "reason", "withdrawal_exception", "wish"}
)
"""What windows, rights and offers look at: a change may count though it changes no rule."""
_OF_ANOTHER_LAW: Final = frozenset({"country", "ordered_at"})
"""What may bring a line under rights that it is not under now."""
_MOVED_IN_TIME: Final = frozenset(ANCHOR_FACTS) - {"ordered_at"}
"""Of a right these change at most whether the request came in time; ``ordered_at`` also whether it is in force."""
_FACT_OF: Final = itemgetter(0)


class Flips(NamedTuple):
    """The changes that lead to approval, and how many were looked at where there were more (None: all were)."""

    found: tuple[Flip, ...]
    bound: int | None


def flips_of(policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> Flips:
    """Return the single changes that lead from a denial to approval, by fact; none where there is no such change.

    From the second edition of the law on also changes to another country's law and to the days of another law, and the
    smallest pair of changes where no single one helps; none that could not happen.
    """
    trials = _Trials(policy, law, facts, denial)
    most = TRIALS_MAX if law.is_first else LATER_TRIALS_MAX
    tries = list(islice(_all_changes(policy, law, facts, denial), most + 1))
    bound = most if len(tries) > most else None
    if not law.is_first:
        tries = [change for change in tries if _can_happen(facts, change)]
    found = _single(trials, tries[:most])
    if found or law.is_first:
        return Flips(tuple(_flip(facts, change) for change in found), None if law.is_first else bound)
    pair, met = smallest_pair(trials, tries[:most])
    if pair is None:
        return Flips((), bound or met)
    first, second = (_flip(facts, change) for change in pair)
    return Flips(({**first, "also": [second]},), bound)


def _all_changes(policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> Iterator[Change]:
    if law.is_first:
        yield from all_candidates(policy, denial.window, law.rights, facts)
        return
    # time alone helps only rights that were too late
    late = tuple(verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED)
    yield from all_candidates(policy, denial.window, law.rights, facts, in_time=late)
    yield from changes_of_law(law, facts)
    yield from changes_of_facts(policy, law, facts)


def _single(trials: _Trials, tries: Sequence[Change]) -> list[Change]:
    """Return the smallest changes that are approved, of each fact and direction one, of facts without order all."""
    found: list[Change] = []
    done: set[tuple[str, int]] = set()
    for fact, changes in groupby(tries, _FACT_OF):
        if trials.is_kept_by_more(fact):
            found += _turning_points(trials, changes)
        elif trials.may_matter(fact):
            for change in changes:
                _, value, _, direction = change
                # a smaller change in this direction may do already
                if (not direction or (fact, direction) not in done) and trials.approved(fact, value):
                    found.append(change)
                    done.add((fact, direction))
    return found


def _flip(facts: Facts, change: Change) -> Flip:
    fact, value, days, _ = change
    return {"fact": fact, "from": as_json(fact_of(facts, fact)), "to": as_json(value), "days": days}


def _can_happen(facts: Facts, change: Change) -> bool:
    """Tell whether things happen in their order after a change: nothing is delivered before it is ordered."""
    fact, value, _, _ = change
    if fact not in ANCHOR_FACTS or not isinstance(value, datetime):
        return True
    changed = tried(facts, fact, value)
    times = (changed.ordered_at, changed.shipped_at, changed.delivered_at, changed.order_delivered_at)
    known = [at for at in times if at is not None]
    return known[0] == min(known) and known == sorted(known) and changed.requested_at >= changed.ordered_at


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

    def __init__(self, policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> None:
        self.policy, self.law, self.statutes, self.facts = policy, law, law.rights, facts
        self._values = policy.values_of(facts)
        self._asked: dict[str, _Asked] = {}
        self._matched = [rule.condition.answer(self._values) for rule in policy.deciding]
        self._won = self._won_by(self._matched)
        self._late = [verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED]
        # of no right it is plain that it does not hold if a rule may set the zone in which rights end
        self._is_plain = policy.zone is not None or not law.rights
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
        facts = tried(self.facts, fact, value)
        won = self._won_with(asked, facts)
        if won is self._won and fact not in _LOOKED_AT_BEYOND_RULES:
            return False
        merchant = merchant_on(self.policy, won, facts)
        holding = self._holding(fact, facts, merchant.window.zone)
        return widened(merchant, self.law, holding, facts.wish).outcome == "approve"

    def _holding(self, fact: str, facts: Facts, zone: str) -> list[Statute]:
        """Return the rights that hold with a change; none did at the denial."""
        if self._is_plain and fact not in _LOOKED_AT_BEYOND_RULES:
            return []
        if self._is_plain and fact in _MOVED_IN_TIME:
            return [right for right in self._late if in_time(right, facts, zone).why == HOLDS]
        rights = self.statutes if self.law.is_first or fact not in _OF_ANOTHER_LAW else law_of(self.law, facts).rights
        return [right for right in rights if verdict_on(right, facts, zone).why == HOLDS]

    def approved_with(self, changes: Sequence[Change]) -> bool:
        """Tell whether the line would be approved with all of these changes."""
        facts = self.facts
        for fact, value, _, _ in changes:
            facts = tried(facts, fact, value)
        merchant = merchant_on(self.policy, self.policy.won(facts), facts)
        rights = law_of(self.law, facts).rights
        holding = [right for right in rights if verdict_on(right, facts, merchant.window.zone).why == HOLDS]
        return widened(merchant, self.law, holding, facts.wish).outcome == "approve"

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


def smallest_pair(trials: _Trials, tries: Sequence[Change]) -> tuple[tuple[Change, Change] | None, int | None]:
    """Return two changes of different facts that lead to approval together, the smallest first tried; or the bound met.

    Of each fact the smallest changes in either direction are tried.
    """
    firsts: list[tuple[int, Change]] = []
    for _, changes in groupby(tries, _FACT_OF):
        firsts += enumerate(islice(changes, PAIRED_OF_FACT_MAX))
    pairs = sorted(
        ((one, other) for one, other in combinations(firsts, 2) if one[1][0] != other[1][0]),
        key=lambda pair: pair[0][0] + pair[1][0],
    )
    for (_, one), (_, other) in pairs[:PAIRS_MAX]:
        if trials.approved_with((one, other)):
            return (one, other), None
    return None, PAIRS_MAX if len(pairs) > PAIRS_MAX else None

"""Flips: each smallest single change of one fact that would have led from a denial to approval.

Found by search: the values just at and beside the bounds that comparisons, windows and rights set. Each is verified by
deciding again. Numbers change as little as possible in either direction, times by whole days (``ordered_at`` against a
``before`` or ``after`` by seconds); of other facts every value that a rule or right names is tried, and one that none
does. A unit delivered later than the whole order was moves the order's last delivery along.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from domain.policy.changes import (
    TRIALS_MAX,
    all_candidates,
    changes_of_facts,
    fact_of,
    tries_every,
)
from domain.policy.conditions import as_json
from domain.policy.decision import Flip
from domain.policy.facts import Facts
from domain.policy.moments import EARLIER, LATER, Change, OfOneFact
from domain.policy.other_laws import changes_of_law
from domain.policy.rights import WINDOW_EXPIRED
from domain.policy.rules import CompiledPolicy
from domain.policy.ruling import Ruling
from domain.policy.statutes import Law
from domain.policy.trials import Trials

LATER_TRIALS_MAX: Final = 2_000
"""The same from the second edition of the law on; where there are more, the trace says so."""
PAIRS_MAX: Final = 300
"""How many pairs of changes are tried where no single one helps, of the first changes of each fact."""
PAIRED_OF_FACT_MAX: Final = 6
"""How many changes of one fact are tried together with others."""
LATER_PAIRS_MAX: Final = 3_000
"""How many pairs are tried from the fifth edition of the law on, of all changes."""
_IN_ORDER: Final = ("ordered_at", "shipped_at", "delivered_at", "order_delivered_at")
_BEFORE: Final = {fact: _IN_ORDER[:place] for place, fact in enumerate(_IN_ORDER)} | {"requested_at": ("ordered_at",)}
"""What happens before each."""
_AFTER: Final = {
    "ordered_at": ("shipped_at", "delivered_at", "order_delivered_at", "requested_at"),
    "shipped_at": ("delivered_at", "order_delivered_at"),
    "delivered_at": (),
    "order_delivered_at": (),
    "requested_at": (),
}
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Flips(NamedTuple):
    """The changes that lead to approval, and how many were looked at where there were more (None: all were)."""

    found: tuple[Flip, ...]
    bound: int | None


def flips_of(policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> Flips:
    """Return the single changes that lead from a denial to approval, by fact; none where there is no such change.

    From the second edition of the law on also changes to another country's law and to the days of another law, and the
    smallest pair of changes where no single one helps; none that could not happen.
    """
    trials = Trials(policy, law, facts, denial)
    most = TRIALS_MAX if law.is_first else LATER_TRIALS_MAX
    tries = _first_of(_all_changes(policy, law, facts, denial), most + 1)
    bound = most if sum(len(changes) for _, changes in tries) > most else None
    if not law.is_first:
        tries = [(fact, _that_can_happen(facts, fact, changes)) for fact, changes in tries]
    if bound is not None:
        tries = _first_of(tries, most)
    found = _single(trials, tries)
    if found or law.is_first:
        return Flips(tuple(_flip(facts, change) for change in found), None if law.is_first else bound)
    pair, met = smallest_pair(trials, tries, every=tries_every(law))
    if pair is None:
        return Flips((), bound or met)
    first, second = (_flip(facts, change) for change in pair)
    return Flips(({**first, "also": [second]},), bound)


def _first_of(found: Iterable[OfOneFact], most: int) -> list[OfOneFact]:
    """Return the first so many changes; those of one fact that follow upon another are put together."""
    first: list[OfOneFact] = []
    for fact, changes in found:
        if first and first[-1][0] == fact:
            first[-1] = (fact, first[-1][1] + changes[:most])
        elif changes:
            first.append((fact, changes[:most]))
        most -= len(changes)
        if most <= 0:
            break
    return first


def _all_changes(policy: CompiledPolicy, law: Law, facts: Facts, denial: Ruling) -> Iterator[OfOneFact]:
    if law.is_first:
        yield from all_candidates(policy, denial.window, law.rights, facts)
        return
    # time alone helps only rights that were too late
    late = tuple(verdict.statute for verdict in denial.verdicts if verdict.why == WINDOW_EXPIRED)
    yield from all_candidates(policy, denial.window, law.rights, facts, in_time=late, every=tries_every(law))
    yield from changes_of_law(law, facts)
    yield from changes_of_facts(policy, law, facts)


def _single(trials: Trials, tries: Sequence[OfOneFact]) -> list[Change]:
    """Return the smallest changes that are approved, of each fact and direction one, of facts without order all."""
    found: list[Change] = []
    done: set[tuple[str, int]] = set()
    for fact, changes in tries:
        if trials.is_kept_by_more(fact):
            found += _turning_point(trials, fact, changes)
        elif trials.may_matter(fact):
            is_approved = trials.approving(fact)
            for change in changes:
                direction = change[3]
                # a smaller change in this direction may do already
                if (not direction or (fact, direction) not in done) and is_approved(change):
                    found.append(change)
                    done.add((fact, direction))
    return found


def _flip(facts: Facts, change: Change) -> Flip:
    fact, value, days, _ = change
    return {"fact": fact, "from": as_json(fact_of(facts, fact)), "to": as_json(value), "days": days}


def _turning_point(trials: Trials, fact: str, changes: Sequence[Change]) -> list[Change]:
    """Return the smallest change that is approved, where all greater ones are approved too and only one way helps."""
    helping = EARLIER if fact == "requested_at" else LATER
    directed = [change for change in changes if change[3] == helping]
    is_approved = trials.approving(fact)
    if not directed or not is_approved(directed[-1]):
        return []
    return [directed[bisect_left(directed, True, hi=len(directed) - 1, key=is_approved)]]


def _that_can_happen(facts: Facts, fact: str, changes: list[Change]) -> list[Change]:
    """Return the changes of a fact after which things still happen in their order."""
    if fact not in _BEFORE or not changes:
        return changes
    first, last = _span_of(facts, fact)
    return [change for change in changes if first <= change[1] <= last]


def _span_of(facts: Facts, moved: str) -> tuple[datetime, datetime]:
    """Return between which instants a time may lie for things to happen in their order; none: the first is the later.

    Nothing is delivered before it is ordered. The order's last delivery moves along with that of the units asked for.
    """
    staying = [fact for fact in _IN_ORDER if fact != moved and (fact, moved) != ("order_delivered_at", "delivered_at")]
    known = [at for fact in staying if (at := getattr(facts, fact)) is not None]
    asked_after_order = facts.requested_at >= facts.ordered_at or moved in {"ordered_at", "requested_at"}
    if known != sorted(known) or not asked_after_order:
        return _LAST, _FIRST
    earlier = [at for fact in _BEFORE[moved] if (at := getattr(facts, fact)) is not None]
    later = [at for fact in _AFTER[moved] if (at := getattr(facts, fact)) is not None]
    return max(earlier, default=_FIRST), min(later, default=_LAST)


def smallest_pair(
    trials: Trials, tries: Sequence[OfOneFact], *, every: bool
) -> tuple[tuple[Change, Change] | None, int | None]:
    """Return two changes of different facts that lead to approval together, the smallest first tried; or the bound met.

    Small is what stands at the front of the changes of its fact. Of each fact all are tried, or only the first few.
    """
    most = LATER_PAIRS_MAX if every else PAIRS_MAX
    placed: list[tuple[int, Change]] = []
    for _, changes in tries:
        placed += enumerate(changes if every else changes[:PAIRED_OF_FACT_MAX])
    for number, pair in enumerate(_pairs(placed)):
        if number == most:
            return None, most
        if trials.approved(*pair):
            return pair, None
    return None, None


def _pairs(placed: Sequence[tuple[int, Change]]) -> Iterator[tuple[Change, Change]]:
    """Yield pairs of changes of different facts, each with its place; those whose places add up to least first."""
    places_of: dict[int, list[int]] = {}
    for index, (place, _) in enumerate(placed):
        places_of.setdefault(place, []).append(index)
    for total in range(2 * max(places_of, default=-1) + 1):
        for index, (place, one) in enumerate(placed):
            beside = places_of.get(total - place, [])
            for other in beside[bisect_right(beside, index) :]:
                if one[0] != placed[other][1][0]:
                    yield one, placed[other][1]

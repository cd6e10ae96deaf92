"""Proving the floor: no facts that can happen get less than the statutes grant, or here are some that do.

Searched are all cases that a document's rules and windows and a right tell apart (``cells``, ``timelines``); each is
decided, and each decision held against the right's own terms (``floor``). What that proves, and what it takes for
granted, is decision record 0008.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, NamedTuple

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.proof.cells import Terrain
from domain.policy.proof.floor import EFFECTS, NOT_IN_DOCUMENTS, Demand, shortfalls
from domain.policy.proof.regions import TooManyError
from domain.policy.proof.timelines import TIME_FACTS, Signature, Timeline, clockwork_of
from domain.policy.rules import reader
from domain.policy.statutes import FIRST, NO_LAW, Statute, edition_numbered, law_for

DecideLine = Callable[[Facts], Decision]
CASES_MAX: Final = 30_000
"""How many cases one search decides for one right; where there are more, nothing is proved."""
_QUESTIONS: Final = (
    frozenset({"decide", "window.", "offers"}),
    frozenset({"fees.", "method", "window.zone"}),
    frozenset({"refund_due", "window.zone"}),
)
"""Effects that bear on a demand together; each question has its own cases, so that they add up and do not multiply."""

_NOT_LOOKED_AT: Final[dict[str, Any]] = {"holidays": (), "rule_holidays": {}}


class Shortfall(NamedTuple):
    """A counterexample: facts for which a decision gives less than a right grants."""

    right: str
    demand: Demand
    facts: Facts


@dataclass(frozen=True, slots=True)
class Search:
    """What one search came to: how many cases it decided, one shortfall per right and effect, what it left out."""

    cases: int
    shortfalls: tuple[Shortfall, ...]
    not_searched: tuple[str, ...]

    @property
    def proved(self) -> bool:
        """Tell whether everything was looked at and nothing was found."""
        return not self.shortfalls and not self.not_searched


@dataclass(frozen=True, slots=True)
class Proof:
    """The floor under what is decided, and under what the merchant's document would decide by itself."""

    merged: Search
    alone: Search


class Ground:
    """A document, and the courses of events that it and each right tell apart, found once."""

    def __init__(self, document: PolicyDocument) -> None:
        self.document = document
        self.terrain = Terrain(document)
        self._found: dict[str, list[tuple[Timeline, Signature]]] = {}

    def timelines(self, right: Statute) -> list[tuple[Timeline, Signature]]:
        """Return the courses of events for a right; raises ``TooManyError`` where they are too many."""
        if right.id not in self._found:
            beside = tuple(other for other in edition_numbered(FIRST).rights if other.countries & right.countries)
            self._found[right.id] = list(clockwork_of(self.document).timelines(right, beside))
        return self._found[right.id]


def prove(document: PolicyDocument) -> Proof:
    """Return whether a document's decisions keep to the statutes, with the statutes above it and without."""
    ground = Ground(document)
    return Proof(merged=search_merged(ground), alone=search_alone(ground))


def search_merged(ground: Ground) -> Search:
    """Return whether the decisions that are really made, under the statutes, ever give less than these grant."""
    return search(ground, lambda facts: merged(ground.document, facts))


def search_alone(ground: Ground) -> Search:
    """Return where a document without the statutes gives less than they grant.

    A document has no word for the order's last delivery nor for how soon money goes out; it is held to neither.
    """
    effects = frozenset(EFFECTS) - {NOT_IN_DOCUMENTS}
    return search(ground, lambda facts: alone(ground.document, facts), effects=effects, together=True)


def merged(document: PolicyDocument, facts: Facts) -> Decision:
    """Return the decision on facts under the statutes of their country and time."""
    return decide_without_reasons(document, law_for(facts.country or "", facts.ordered_at), facts)


def alone(document: PolicyDocument, facts: Facts) -> Decision:
    """Return what a document by itself would decide."""
    return decide_without_reasons(document, NO_LAW, facts)


def fallen_short(facts: Facts, decision: Decision) -> tuple[Shortfall, ...]:
    """Return in what a decision on given facts falls short: running a counterexample shows its shortfall again."""
    rights = law_for(facts.country or "", facts.ordered_at).rights
    return tuple(
        Shortfall(right.id, demand, facts) for right in rights for demand in shortfalls(right, facts, decision)
    )


def search(
    ground: Ground,
    decide_line: DecideLine,
    *,
    effects: frozenset[str] = frozenset(EFFECTS),
    together: bool = False,
) -> Search:
    """Return where decisions give less than a right grants, among all cases that can be told apart.

    Args:
        ground: The document whose rules, windows and rights tell cases apart.
        decide_line: What decides.
        effects: The effects that are held to the rights.
        together: Take the whole order as delivered with the units asked for.
    """
    found: dict[tuple[str, str], Shortfall] = {}
    cases, left_out = 0, []
    for right in edition_numbered(FIRST).rights:
        try:
            for facts in _cases(ground, right, together=together):
                cases += 1
                for demand in shortfalls(right, facts, decide_line(facts)):
                    if demand.effect in effects:
                        found.setdefault((right.id, demand.effect), Shortfall(right.id, demand, facts))
        except TooManyError:
            left_out.append(right.id)
    return Search(cases, tuple(found.values()), tuple(left_out))


def _cases(ground: Ground, right: Statute, *, together: bool) -> Iterator[Facts]:
    """Yield facts for every case; raises ``TooManyError`` where there are more than can be looked at."""
    exceptions = (None,) if right.exceptions or together else (None, "custom_made")
    count = 0
    for question in _QUESTIONS:
        for timeline in _told_apart(ground, right, question, together=together):
            values = _time_values(ground.document, timeline)
            for cell in ground.terrain.cells(values, right, question):
                for sample, exception in product(ground.terrain.samples(cell, right), exceptions):
                    count += 1
                    if count > CASES_MAX:
                        raise TooManyError
                    yield Facts.model_construct(
                        **_NOT_LOOKED_AT, **sample, **timeline._asdict(), withdrawal_exception=exception
                    )


def _told_apart(ground: Ground, right: Statute, question: frozenset[str], *, together: bool) -> Iterator[Timeline]:
    seen: set[object] = set()
    for timeline, signature in ground.timelines(right):
        # what no window bears on is the same inside and outside of it
        key = signature if "window." in question else signature.beside_windows
        if key not in seen and (timeline.together or not together):
            seen.add(key)
            yield timeline


def _time_values(document: PolicyDocument, timeline: Timeline) -> dict[str, object]:
    facts = Facts.model_construct(**_NOT_LOOKED_AT, **timeline._asdict(), answers={})
    return {fact: reader(fact, document.window)(facts) for fact in TIME_FACTS}

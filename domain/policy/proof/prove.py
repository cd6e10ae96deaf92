"""Proving the floor: no line that can happen gets less than the law grants, or here are some that do.

Asked is of each right and each effect: which values would be too little, and is there a line for which one wins? Rules
that do not speak of the effect are not looked at. Where there may be such a line one is made and decided by the
evaluator itself, and the decision is held against the right's own terms (``floor``): what is found is real. What is
proved, and what is taken for granted, is decision record 0008.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import product
from typing import Final, NamedTuple, get_args

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument, Window
from domain.policy.evaluate import decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.proof.demands import TooLittle, demands_on
from domain.policy.proof.floor import NOT_IN_DOCUMENTS, Demand, shortfalls
from domain.policy.proof.lines import Holidays, Lines, classes_of_countries, told_apart
from domain.policy.proof.regions import Box, Region, TooManyError
from domain.policy.proof.winners import WINDOW_KEYS, Winners, start_of
from domain.policy.statutes import NEWEST, NO_LAW, Statute, edition_numbered, law_for
from domain.policy.when import LAW_FACTS
from domain.vocabularies import Reason, Wish

TRIES_MAX: Final = 3_000
"""How many lines are made for one right and effect; where there may be more, nothing is proved."""
ROLLED_DAYS: Final = 12
"""How much longer than its days a right may last for weekends and holidays."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
WISHES: Final[tuple[Wish, ...]] = get_args(Wish)
Tell = Callable[[int, int, str], None]


class Shortfall(NamedTuple):
    """A counterexample: facts for which a document gives less than a right grants, and what the law makes of it."""

    right: str
    demand: Demand
    facts: Facts
    widened: tuple[Demand, ...] = ()
    """In what the decision under the law still falls short: nothing, unless the engine is wrong."""


class Left(NamedTuple):
    """A right and an effect of which too much would have had to be looked at."""

    right: str
    effect: str


@dataclass(slots=True)
class Proof:
    """What a search came to: how many lines were decided, one shortfall per right and effect, what was left out."""

    edition: int
    lines: int = 0
    shortfalls: list[Shortfall] = field(default_factory=list)
    not_searched: list[Left] = field(default_factory=list)
    not_held_to: list[str] = field(default_factory=list)
    """Rights that hang on what no document can see; the law adds them to whatever it says."""
    countries: dict[str, int] = field(default_factory=dict)
    """How many effects fall short in each country."""

    @property
    def proved(self) -> bool:
        """Tell whether everything was looked at and nothing was found."""
        return not self.shortfalls and not self.not_searched

    @property
    def widened(self) -> bool:
        """Tell whether the law makes every shortfall good."""
        return not any(one.widened for one in self.shortfalls)


def no_holidays(_country: str, _year: int, /) -> frozenset[date]:
    """Return no holidays, for whoever may look up none."""
    return frozenset()


def prove(
    document: PolicyDocument, edition: int = NEWEST, tell: Tell | None = None, holidays: Holidays = no_holidays
) -> Proof:
    """Return whether a document by itself keeps to every right of an edition of the law.

    Args:
        document: The merchant's document.
        edition: The number of the edition.
        tell: Called with how many rights were looked at, of how many, and which is next.
        holidays: Of every country; the last days of rights fall on them.
    """
    rights = edition_numbered(edition).rights
    proof = Proof(edition, countries=dict.fromkeys(edition_numbered(edition).countries, 0))
    search = _Search(document, proof, holidays)
    for done, right in enumerate(rights):
        if tell is not None:
            tell(done, len(rights), right.id)
        search.under(right)
    return proof


def alone(document: PolicyDocument, facts: Facts) -> Decision:
    """Return what a document by itself would decide."""
    return decide_without_reasons(document, NO_LAW, facts)


def merged(document: PolicyDocument, facts: Facts, edition: int = NEWEST) -> Decision:
    """Return the decision on facts under the law of their country and time."""
    return decide_without_reasons(document, law_for(facts.country or "", facts.ordered_at, edition), facts)


def fallen_short(facts: Facts, decision: Decision, edition: int = NEWEST) -> tuple[Shortfall, ...]:
    """Return in what a decision on given facts falls short: running a counterexample shows its shortfall again."""
    rights = law_for(facts.country or "", facts.ordered_at, edition).rights
    return tuple(
        Shortfall(right.id, demand, facts) for right in rights for demand in shortfalls(right, facts, decision)
    )


class _Search:
    """The search through one document."""

    def __init__(self, document: PolicyDocument, proof: Proof, holidays: Holidays) -> None:
        self._document = document
        self._proof = proof
        self._winners = Winners(document)
        self._lines = Lines(self._winners, holidays)

    def under(self, right: Statute) -> None:
        """Look for lines that get less than a right grants, effect by effect."""
        if right.only_if or right.repairs_tried_min:
            self._proof.not_held_to.append(right.id)
            return
        self._of_effect(right, "outcome", self._outcomes(right))
        asked: dict[str, list[Iterator[Facts]]] = {}
        for demand in demands_on(right):
            asked.setdefault(demand.effect, []).append(self._worse_off(right, demand))
        for effect, found in asked.items():
            self._of_effect(right, effect, (line for lines in found for line in lines))

    def _of_effect(self, right: Statute, effect: str, lines: Iterator[Facts]) -> None:
        """Decide lines until one falls short in an effect."""
        try:
            for facts in _at_most(TRIES_MAX, lines):
                self._proof.lines += 1
                for demand in shortfalls(right, facts, alone(self._document, facts)):
                    if demand.effect == effect != NOT_IN_DOCUMENTS:
                        self._found(right, demand, facts)
                        return
        except TooManyError:
            self._proof.not_searched.append(Left(right.id, effect))

    def _found(self, right: Statute, demand: Demand, facts: Facts) -> None:
        decided = merged(self._document, facts, self._proof.edition)
        still = tuple(one.demand for one in fallen_short(facts, decided, self._proof.edition))
        self._proof.shortfalls.append(Shortfall(right.id, demand, facts, still))
        for country in right.countries:
            self._proof.countries[country] += 1

    def _start(self, right: Statute) -> Region:
        at_distance = right.not_if.get("distance_sale") is False
        reasons = right.reasons or REASONS
        box = start_of(self._winners, right.countries, reasons, WISHES, at_distance=at_distance)
        return [box | {fact: mask for fact, mask in self._known_of(right) if fact not in box}]

    def _known_of(self, right: Statute) -> Iterator[tuple[str, int]]:
        """Yield for each fact of the law that rules look at the classes in which the right may hold."""
        classes = self._winners.classes
        for fact in LAW_FACTS & {*classes}:
            known = classes[fact]
            mask = known.everything
            if fact in right.not_if:
                mask &= ~known.mask("is", right.not_if[fact])
            if fact in right.only_if:
                mask &= known.mask("is", right.only_if[fact])
            if fact == "repairs_tried" and right.repairs_tried_min is not None:
                mask &= known.mask("at_least", right.repairs_tried_min)
            yield fact, mask
        if "withdrawal_exception" in classes:
            known = classes["withdrawal_exception"]
            yield "withdrawal_exception", known.everything & ~known.mask("in", tuple(right.exceptions))

    def _worse_off(self, right: Statute, demand: TooLittle) -> Iterator[Facts]:
        """Yield lines for which values win that are too little."""
        for won, region in self._winners.together(demand.keys, self._start(right), demand.may):
            price = won["fees.return_shipping_minor"] if demand.caps_price else None
            for box in region:
                for reason, wish in self._said(box, partial(demand.said, won)):
                    for country in self._countries(right, box)[:1]:
                        said = {"reason": reason, "wish": wish}
                        yield from self._lines.in_box(box, right, country, said, paid_minor_max=price)

    def _outcomes(self, right: Statute) -> Iterator[Facts]:
        """Yield lines that rules deny or send to review, and those whose window is over while the right holds."""
        for decided, region in self._winners.of("decide", self._start(right)):
            outcome = decided[0] if isinstance(decided, tuple) else None
            if outcome == "approve":
                continue
            for box in region:
                yield from self._undecided(right, box) if outcome is None else self._refused(right, box, outcome)

    def _refused(self, right: Statute, box: Box, outcome: str) -> Iterator[Facts]:
        def lifts(_reason: str, wish: str, /) -> bool:
            return outcome == "deny" or (wish in right.grants and not right.asks_person)

        for reason, wish in self._said(box, lifts):
            for country in self._countries(right, box)[:1]:
                yield from self._lines.in_box(box, right, country, {"reason": reason, "wish": wish})

    def _undecided(self, right: Statute, box: Box) -> Iterator[Facts]:
        keys = [key for key in WINDOW_KEYS if key != "window.calendar"]
        for won, region in self._winners.together(keys, [box], lambda _won: True):
            window = Window.model_construct(
                None, calendar=None, **{key.removeprefix("window."): value for key, value in won.items()}
            )
            if _covers(window, right):
                continue
            for inside, (reason, wish) in ((one, said) for one in region for said in self._said(one, _anything)):
                for country in told_apart(right, self._countries(right, inside)):
                    said = {"reason": reason, "wish": wish}
                    yield from self._lines.in_box(inside, right, country, said, window=window)

    def _said(self, box: Box, fits: Callable[[str, str], bool]) -> Iterator[tuple[str, str]]:
        """Yield the first reason and wish of a box that fit: which it is makes no difference to the rules."""
        reasons, wishes = (self._texts(fact, box) for fact in ("reason", "wish"))
        found = next(((reason, wish) for reason, wish in product(reasons, wishes) if fits(reason, wish)), None)
        if found is not None:
            yield found

    def _texts(self, fact: str, box: Box) -> list[str]:
        return [str(value) for i, value in enumerate(self._winners.classes[fact].unordered) if box[fact] >> i & 1]

    def _countries(self, right: Statute, box: Box) -> list[str]:
        return classes_of_countries(self._winners.classes["country"], right, box["country"])


def _at_most(most: int, lines: Iterator[Facts]) -> Iterator[Facts]:
    for count, facts in enumerate(lines):
        if count >= most:
            raise TooManyError
        yield facts


def _anything(_reason: str, _wish: str, /) -> bool:
    return True


def _covers(window: Window, right: Statute) -> bool:
    """Tell whether a window is longer than a right in any case."""
    if window.anchor != "delivered" or right.endless or right.anchor == "ordered":
        return False
    days = right.days or 31 * (right.months or 0) + 366 * (right.years or 0)
    if right.rolls:
        days += days + ROLLED_DAYS if right.count == "business" else ROLLED_DAYS
    return window.days >= days + 2

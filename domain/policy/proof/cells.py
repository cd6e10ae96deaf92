"""All cases that a document's rules tell apart at one moment, each once, with facts that stand for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final, NamedTuple

from domain.policy.conditions import holds
from domain.policy.document import PolicyDocument, Rule
from domain.policy.proof.regions import (
    PIECES_MAX,
    Box,
    Classes,
    Region,
    TooManyError,
    classes_of,
    meet,
    minus,
    region_of,
)
from domain.policy.proof.timelines import TIME_FACTS
from domain.policy.rules import mentions_of
from domain.policy.statutes import Statute
from domain.policy.when import ANSWER_PREFIX, Condition

CELLS_MAX: Final = 5_000
"""How many cases of one question may be looked at for one course of events."""
CHOICES_MAX: Final = 2_000
"""How many values of amounts are tried for one that a line can have."""
ALWAYS: Final = Condition(all_of=())
NEVER: Final = Condition(any_of=())
_AMOUNTS: Final = ("line_paid_minor", "unit_paid_minor", "quantity")
_COUNTED_BEYOND: Final = 10**9
"""Where the last class of a number ends; how far up it reaches makes no difference."""
Effect = tuple[str, Any]
Won = dict[str, Any]


class Cell(NamedTuple):
    """Where the same rules win: the facts, as boxes, and what they win."""

    region: Region
    won: Won


class Terrain:
    """A document's rules and the classes of facts that they tell apart."""

    def __init__(self, document: PolicyDocument) -> None:
        self.document = document
        mentions = mentions_of(rule.when for rule in document.rules)
        zone = document.window.zone
        named = {"country": (), "reason": (), "wish": (), **mentions}
        questions = {question.fact: question for question in document.questions}
        self.classes = {
            fact: classes_of(fact, seen, zone, questions.get(fact))
            for fact, seen in named.items()
            if fact not in TIME_FACTS
        }

    def cells(self, values: Mapping[str, Any], right: Statute, question: frozenset[str]) -> Iterator[Cell]:
        """Yield each case in which other rules win the effects asked about, where a right may hold.

        Args:
            values: What the facts about time are.
            right: The right.
            question: The effects asked about; ``window.`` stands for all of its keys.

        Raises:
            TooManyError: A rule, or the cases, are more than can be looked into.
        """
        rules = [(rule, effects) for rule in self.document.rules if (effects := _asked(rule, question))]
        zone = self.document.window.zone
        regions = [region_of(at_moment(rule.when, values, zone), self.classes) for rule, _ in rules]
        waiting: list[tuple[int, Region, Won]] = [(0, [self._start(right)], {})]
        found = 0
        while waiting:  # bounded: each case is counted
            index, region, won = waiting.pop()
            while index < len(rules) and not (regions[index] and _tells(rules[index][1], won)):
                index += 1
            if index == len(rules):
                found += 1
                if found > CELLS_MAX:
                    raise TooManyError
                yield Cell(region, won)
                continue
            inside, outside = _split(region, regions[index], self.classes)
            if outside:
                waiting.append((index + 1, outside, won))
            if inside:
                waiting.append((index + 1, inside, {**dict(rules[index][1]), **won}))

    def _start(self, right: Statute) -> Box:
        """Return where a right may hold: in its countries, for its reasons."""
        countries = self.classes["country"].unordered
        named = [country in right.countries for country in countries[:-1]]
        named.append(bool(right.countries - set(countries)))
        reasons = [right.reasons is None or reason in right.reasons for reason in self.classes["reason"].unordered]
        return {"country": _mask(named), "reason": _mask(reasons), "wish": self.classes["wish"].everything}

    def samples(self, cell: Cell, right: Statute) -> Iterator[dict[str, Any]]:
        """Yield facts for a case: for each kind of wish (offered, granted), with a reason that waives fees and not."""
        offers = cell.won.get("offers", self.document.offers)
        waived = cell.won.get("fees.waived_for", self.document.fees.waived_for)
        seen: set[tuple[bool, ...]] = set()
        for box in cell.region:
            for reason, wish in product(self._texts("reason", box), self._texts("wish", box)):
                if (key := (wish in offers, wish in right.grants, reason in waived)) in seen:
                    continue
                values = self._values({fact: mask for fact, mask in box.items() if fact not in {"reason", "wish"}})
                if values is not None:
                    seen.add(key)
                    yield self._facts({**values, "reason": reason, "wish": wish}, right)

    def _texts(self, fact: str, box: Box) -> list[str]:
        return [value for i, value in enumerate(self.classes[fact].unordered) if box[fact] >> i & 1]

    def _values(self, box: Box) -> dict[str, Any] | None:
        """Return one value for each fact of a box; ``None`` where no line can have such amounts."""
        amounts = {fact: box[fact] for fact in _AMOUNTS if fact in box}
        values = {fact: self._value(fact, _lowest(mask)) for fact, mask in box.items() if fact not in amounts}
        choices = product(*(list(_places(amounts[fact])) if fact in amounts else [None] for fact in _AMOUNTS))
        for chosen in islice(choices, CHOICES_MAX):
            spans = [self._span(fact, place) for fact, place in zip(_AMOUNTS, chosen, strict=True)]
            if (triple := _amounts(*spans)) is not None:
                return {**values, **dict(zip(_AMOUNTS, triple, strict=True))}
        if amounts and next(islice(choices, 1), None) is not None:
            raise TooManyError
        return None

    def _value(self, fact: str, place: int) -> Any:
        known = self.classes[fact]
        values = [*known.unordered, *known.ordered]
        return values[place] if place < len(values) else None

    def _span(self, fact: str, place: int | None) -> tuple[int, int]:
        """Return the least and the most of a class of amounts."""
        if place is None:
            return (1 if fact == "quantity" else 0), _COUNTED_BEYOND
        ordered = self.classes[fact].ordered
        least = int(ordered[place])
        return least, max(least, int(ordered[place + 1]) - 1 if place + 1 < len(ordered) else least + _COUNTED_BEYOND)

    def _facts(self, values: dict[str, Any], right: Statute) -> dict[str, Any]:
        """Return the values as facts; what no rule looks at is plain."""
        plain = {"channel": "web", "category": "any", "sku": "any", "final_sale": False, "gift": False}
        answers = {name.removeprefix(ANSWER_PREFIX): v for name, v in values.items() if name.startswith(ANSWER_PREFIX)}
        given = {name: value for name, value in values.items() if not name.startswith(ANSWER_PREFIX)}
        country = given["country"] if given.get("country") is not None else ""
        unnamed = min(right.countries - set(self.classes["country"].unordered), default="")
        return {
            "tender_kinds": ("card",),
            **plain,
            **given,
            "country": country if country in right.countries else unnamed,
            "answers": {name: value for name, value in answers.items() if value is not None},
        }


def at_moment(condition: Condition, values: Mapping[str, Any], zone: str) -> Condition:
    """Return a condition with its comparisons of time settled."""
    if condition.negated is not None:
        return condition.model_copy(update={"negated": at_moment(condition.negated, values, zone)})
    for name in ("all_of", "any_of"):
        if (parts := getattr(condition, name)) is not None:
            return condition.model_copy(update={name: tuple(at_moment(part, values, zone) for part in parts)})
    if condition.fact not in TIME_FACTS:
        return condition
    found = values[condition.fact]
    held = found is not None and all(holds(*pair, zone)(found) for pair in condition.comparisons())
    return ALWAYS if held else NEVER


def _asked(rule: Rule, question: frozenset[str]) -> tuple[Effect, ...]:
    return tuple(
        pair for pair in rule.then.spoken() if pair[0] in question or f"{pair[0].partition('.')[0]}." in question
    )


def _tells(effects: Sequence[Effect], won: Won) -> bool:
    """Tell whether any effect is still to be won; the window is asked about only where no rule decides."""
    decided = "decide" in won
    return any(
        name not in won and not (decided and name.startswith("window.") and name != "window.zone")
        for name, _ in effects
    )


def _split(region: Region, taken: Region, classes: Mapping[str, Classes]) -> tuple[Region, Region]:
    inside = [both for box in region for other in taken if (both := meet(box, other)) is not None]
    if len(inside) > PIECES_MAX:
        raise TooManyError
    outside = region
    for box in taken:
        outside = minus(outside, box, classes)
    return inside, outside


def _mask(chosen: Sequence[bool]) -> int:
    return sum(1 << place for place, is_in in enumerate(chosen) if is_in)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _places(mask: int) -> Iterator[int]:
    while mask:  # bounded: each round takes a bit away
        yield _lowest(mask)
        mask &= mask - 1


def _amounts(line: tuple[int, int], unit: tuple[int, int], quantity: tuple[int, int]) -> tuple[int, int, int] | None:
    """Return a line's amount, a unit's and their number within these bounds, the second the quotient of the others."""
    number = max(quantity[0], -(-(line[0] + 1) // (unit[1] + 1)))
    if number > quantity[1] or unit[0] * number > line[1]:
        return None
    total = max(line[0], unit[0] * number)
    return total, total // number, number

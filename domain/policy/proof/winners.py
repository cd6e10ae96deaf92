"""Who wins an effect where: of each effect the values that rules give it, each with the facts for which it wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from domain.policy.document import PolicyDocument, Window
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
from domain.policy.rules import mentions_of
from domain.policy.when import Condition
from domain.vocabularies import Reason, Wish

WINDOW_KEYS: Final = tuple(f"window.{key}" for key in Window.model_fields)
ALWAYS_TOLD_APART: Final = ("country", "reason", "wish", "channel")
Values = dict[str, Any]
May = Callable[[Values], bool]


class Winners:
    """A document's rules by the effect they speak of; facts are told apart as far as these rules do."""

    def __init__(self, document: PolicyDocument) -> None:
        self.document = document
        zone = document.window.zone
        mentions = {**dict.fromkeys(ALWAYS_TOLD_APART, ()), **mentions_of(rule.when for rule in document.rules)}
        questions = {question.fact: question for question in document.questions}
        self.classes: dict[str, Classes] = {
            fact: classes_of(fact, seen, zone, questions.get(fact)) for fact, seen in mentions.items()
        }
        self._regions = [self._region(rule.when) for rule in document.rules]
        self._speakers: dict[str, list[tuple[int, object]]] = {}
        for index, rule in enumerate(document.rules):
            for effect, value in rule.then.spoken():
                self._speakers.setdefault(effect, []).append((index, value))
        self._kept: dict[tuple[str, str], list[tuple[object, Region]]] = {}

    def _region(self, condition: Condition) -> Region | None:
        try:
            return region_of(condition, self.classes)
        except TooManyError:
            return None

    def texts(self, fact: str, chosen: Iterable[str]) -> int:
        """Return the classes of a fact that these texts are in; those that no rule names are all in one."""
        known = self.classes[fact].unordered
        wanted = set(chosen)
        mask = sum(1 << place for place, value in enumerate(known) if value in wanted)
        unnamed = known[-1] if fact in {"country", "channel"} else None
        return mask | (1 << len(known) - 1 if unnamed is not None and wanted - set(known[:-1]) else 0)

    def spoken_of(self, effect: str) -> bool:
        """Tell whether any rule speaks of an effect."""
        return effect in self._speakers

    def of(self, effect: str, start: Region) -> list[tuple[object, Region]]:
        """Return each value that may win an effect within a region, with where; the document's own stands last.

        Raises:
            TooManyError: A rule, or what is left beside rules, is too tangled to be looked into.
        """
        if effect not in self._speakers:
            return [(self._own(effect), start)]
        key = (effect, repr(start))
        if key not in self._kept:
            self._kept[key] = list(self._won(effect, start))
        return self._kept[key]

    def _won(self, effect: str, start: Region) -> Iterator[tuple[object, Region]]:
        left = start
        for index, value in self._speakers[effect]:
            region = self._regions[index]
            if region is None:
                raise TooManyError
            if inside := _both(left, region):
                yield value, inside
                for box in region:
                    left = minus(left, box, self.classes)
            if not left:
                return
        yield self._own(effect), left

    def _own(self, effect: str) -> object:
        """Return what the document itself says of an effect."""
        if effect == "decide":
            return None
        found: object = self.document
        for step in effect.split("."):
            found = getattr(found, step)
        return found

    def together(self, effects: Sequence[str], start: Region, may: May) -> Iterator[tuple[Values, Region]]:
        """Yield which values may win several effects together, with where.

        Args:
            effects: The effects, by which to tell apart in this order.
            start: Where to look.
            may: Whether values found so far may still be what is looked for.
        """
        yield from self._together(effects, start, {}, may)

    def _together(
        self, effects: Sequence[str], region: Region, values: Values, may: May
    ) -> Iterator[tuple[Values, Region]]:
        if not effects:
            yield values, region
            return
        for value, inside in self.of(effects[0], region):
            won = {**values, effects[0]: value}
            if may(won):
                yield from self._together(effects[1:], inside, won, may)


def _both(left: Region, right: Region) -> Region:
    inside: Region = [both for box in left for other in right if (both := meet(box, other)) is not None]
    if len(inside) > PIECES_MAX:
        raise TooManyError
    return inside


def start_of(
    winners: Winners, countries: Iterable[str], reasons: Iterable[Reason], wishes: Iterable[Wish], *, at_distance: bool
) -> Box:
    """Return the box of lines from these countries, for these reasons and wishes; ``at_distance``: not from a shop."""
    box = {
        "country": winners.texts("country", countries),
        "reason": winners.texts("reason", reasons),
        "wish": winners.texts("wish", wishes),
    }
    if at_distance:
        box["channel"] = winners.classes["channel"].everything & ~_exactly(winners.classes["channel"], "store")
    return box


def _exactly(classes: Classes, text: str) -> int:
    return sum(1 << place for place, value in enumerate(classes.unordered) if value == text)

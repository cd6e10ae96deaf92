"""Conditions as regions of what facts can be: exact, finite, and bounded.

A fact's possible values fall into classes that no comparison of the document tells apart; one representative stands
for each, and one bit of an integer for each representative. A box says for some facts which classes they may be in;
a region is a list of boxes. Facts are taken to be independent of each other, so that a region may hold more than can
happen, and never less.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, combinations, pairwise
from typing import Any, Final, NamedTuple, TypeGuard, get_args

from domain.policy.conditions import holds, json_key, moment_of
from domain.policy.question import Question
from domain.policy.values import Expected, Plain, plain_values
from domain.policy.when import ANSWER_PREFIX, NUMBER_FACTS, TRUTH_FACTS, Condition
from domain.vocabularies import Reason, TenderKind, Wish, WithdrawalException

Box = dict[str, int]
Region = list[Box]

BOXES_MAX: Final = 64
"""How many boxes one condition may come to; a condition of more is not looked into."""
PIECES_MAX: Final = 2_000
"""Into how many pieces a region may be cut while others are taken from it."""
VOCABULARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "reason": get_args(Reason),
    "wish": get_args(Wish),
    "tender_kinds": get_args(TenderKind),
    "withdrawal_exception": get_args(WithdrawalException),
}
NUMBER_MIN: Final[Mapping[str, int]] = {name: int(name == "quantity") for name in NUMBER_FACTS}
NEVER_MISSING: Final = frozenset(
    "ordered_at days_since_ordered channel country sku reason wish tender_kinds final_sale gift".split()
    + "quantity line_paid_minor unit_paid_minor distance_sale".split()
)
"""What every request has: the shop, the order and the request itself say so."""


class TooManyError(Exception):
    """A condition or a difference is too large to be looked into; nothing is known of it."""


class Classes(NamedTuple):
    """The classes of one fact's values: without an order, then in order, then missing unless it never is."""

    unordered: tuple[object, ...]
    ordered: Sequence[Any]
    position: Mapping[tuple[str, object], int]
    size: int
    zone: str

    @property
    def everything(self) -> int:
        """Return the mask of all classes."""
        return (1 << self.size) - 1

    def mask(self, operator: str, expected: Expected) -> int:
        """Return the classes in which a comparison holds."""
        if operator in {"is", "in"}:
            if self.unordered and isinstance(self.unordered[0], tuple):
                test = holds(operator, expected, self.zone)
                return _bits(i for i, value in enumerate(self.unordered) if test(value))
            keys = map(json_key, plain_values(expected))
            return _bits(self.position[key] for key in keys if key in self.position)
        bound = moment_of(str(expected), self.zone) if operator in {"before", "after"} else expected
        start, end = 0, len(self.ordered)
        if operator in {"at_least", "after"}:
            start = (bisect_left if operator == "at_least" else bisect_right)(self.ordered, bound)
        else:
            end = (bisect_right if operator == "at_most" else bisect_left)(self.ordered, bound)
        return ((1 << end - start) - 1) << start + len(self.unordered)


def _bits(positions: Iterable[int]) -> int:
    places = set(positions)
    bits = bytearray(max(places, default=0) // 8 + 1)
    for place in places:
        bits[place // 8] |= 1 << place % 8
    return int.from_bytes(bits, "little")


def classes_of(
    fact: str, mentions: Iterable[tuple[str, Expected]], zone: str, question: Question | None = None
) -> Classes:
    """Return the classes of a fact's values that these comparisons can tell apart.

    Args:
        fact: Its name.
        mentions: The comparisons: operator and expected value.
        zone: Where dates begin.
        question: What an answer is given to; None for other facts, and for answers that no question asks for.
    """
    named = [value for _, expected in mentions for value in plain_values(expected)]
    unordered, ordered = _representatives(fact, named, zone) if question is None else _answers(question, named)
    position = {json_key(value): i for i, value in enumerate((*unordered, *ordered))}
    is_given = fact in NEVER_MISSING or (question is not None and question.required and question.when is None)
    return Classes(unordered, ordered, position, len(position) + (not is_given), zone)


def _representatives(fact: str, named: Sequence[Plain], zone: str) -> tuple[tuple[object, ...], Sequence[Any]]:
    if fact == "tender_kinds":
        unnamed = next((kind for kind in VOCABULARIES[fact] if kind not in named), None)
        kinds = [kind for kind in VOCABULARIES[fact] if kind in named or kind == unnamed]  # the others are all alike
        return tuple(chain.from_iterable(combinations(kinds, size) for size in range(len(kinds) + 1))), ()
    if fact in VOCABULARIES:
        return VOCABULARIES[fact], ()
    if fact == "ordered_at":
        return (), _moments(named, zone)
    if fact in TRUTH_FACTS:
        return (True, False), ()
    if fact in NUMBER_FACTS:
        return (), _integers(named, NUMBER_MIN[fact])
    texts = tuple(dict.fromkeys(value for value in named if isinstance(value, str)))
    texts += (next(name for i in range(len(texts) + 1) if (name := f"other-{i}") not in texts),)
    return ((*texts, True, False), _numbers(named)) if fact.startswith(ANSWER_PREFIX) else (texts, ())


def _answers(question: Question, named: Sequence[Plain]) -> tuple[tuple[object, ...], Sequence[Any]]:
    if question.choices is not None:
        return question.choices, ()
    return ((True, False), ()) if question.kind == "truth" else ((), _numbers(named))


def _integers(named: Iterable[Plain], least: int) -> list[int]:
    beside = {int(value) + step for value in named if _is_number(value) for step in (-1, 0, 1)}
    return sorted(value for value in beside | {least} if value >= least)


def _numbers(named: Iterable[Plain]) -> list[float]:
    exact = sorted({value for value in named if _is_number(value)})
    if not exact:
        return [0]
    return sorted({*exact, exact[0] - 1, exact[-1] + 1, *((low + high) / 2 for low, high in pairwise(exact))})


def _moments(named: Iterable[Plain], zone: str) -> list[datetime]:
    found = {moment_of(value, zone) for value in named if isinstance(value, str)}
    exact = sorted(moment.astimezone(UTC) for moment in found if moment is not None)
    ends = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    return sorted({*exact, *ends, *(low + (high - low) / 2 for low, high in pairwise(exact))})


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def region_of(condition: Condition, classes: Mapping[str, Classes], *, holding: bool = True) -> Region:
    """Return the region in which a condition holds, or in which it does not.

    Raises:
        TooManyError: It comes to more than ``BOXES_MAX`` boxes.
    """
    if condition.negated is not None:
        return region_of(condition.negated, classes, holding=not holding)
    for parts, joined in ((condition.all_of, holding), (condition.any_of, not holding)):
        if parts is not None:
            regions = [region_of(part, classes, holding=holding) for part in parts]
            return _intersection(regions) if joined else _union(regions)
    fact = condition.fact or ""
    known = classes[fact]
    mask = known.everything
    for operator, expected in condition.comparisons():
        mask &= known.mask(operator, expected)
    mask = mask if holding else known.everything & ~mask
    return [{fact: mask}] if mask else []


def _union(regions: Iterable[Region]) -> Region:
    single: Box = {}
    others: Region = []
    for box in chain.from_iterable(regions):
        if len(box) == 1:
            ((fact, mask),) = box.items()
            single[fact] = single.get(fact, 0) | mask
        else:
            others.append(box)
    return _few([*({fact: mask} for fact, mask in single.items()), *others])


def _intersection(regions: Sequence[Region]) -> Region:
    result: Region = [{}]
    for region in regions:
        both = (meet(left, right) for left in result for right in region)
        result = _few([box for box in both if box is not None])
    return result


def _few(region: Region) -> Region:
    if len(region) > BOXES_MAX:
        raise TooManyError
    return region


def meet(left: Box, right: Box) -> Box | None:
    """Return the box that lies in both, ``None`` if there is none."""
    result = dict(left)
    for fact, mask in right.items():
        both = result[fact] & mask if fact in result else mask
        if not both:
            return None
        result[fact] = both
    return result


def minus(region: Region, taken: Box, classes: Mapping[str, Classes]) -> Region:
    """Return what is left of a region when a box is taken from it.

    Raises:
        TooManyError: It falls into more than ``PIECES_MAX`` pieces.
    """
    left: Region = []
    for box in region:
        if meet(box, taken) is None:
            left.append(box)
            continue
        inside = dict(box)
        for fact, mask in taken.items():
            whole = inside.get(fact, classes[fact].everything)
            if outside := whole & ~mask:
                left.append({**inside, fact: outside})
            inside[fact] = whole & mask
        if len(left) > PIECES_MAX:
            raise TooManyError
    return left

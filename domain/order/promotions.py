"""Promotions: discounts inside those of an order, what each hung on, and what is lost of it as units go.

A promotion is spread over its units like the order's discount. What the units that went back carried of it went back
with their price; where those that stay no longer meet what it hung on, the rest of it is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from domain.errors import DuplicateLineError, UnknownLineError
from domain.money import run_minor, share_by_largest_remainder
from domain.order.errors import DuplicatePromotionError, PromotionExceedsDiscountsError
from domain.order.parts import OrderLine
from domain.units import UnitRun
from domain.values import dataclass

Going = tuple[str, UnitRun]
"""Units of an order line, by its ``line_id``."""


@dataclass(frozen=True, slots=True)
class Requires:
    """What the units that are kept have to meet, each that is named; amounts after the lines' own discounts.

    Where ``skus`` are named only these articles count; alone, one of each has to be kept. Nothing named: always met.
    """

    at_least_minor: int | None = None
    at_least_quantity: int | None = None
    skus: tuple[str, ...] = ()

    @property
    def names_a_threshold(self) -> bool:
        """Tell whether an amount or a quantity is asked for."""
        return self.at_least_minor is not None or self.at_least_quantity is not None

    def counts(self, line: OrderLine) -> bool:
        """Tell whether the units of a line count."""
        return not self.skus or line.sku in self.skus

    def are_met_by(self, *, amount_minor: int, quantities: Mapping[str, int]) -> bool:
        """Tell whether units of so much and so many, by article, meet it."""
        if self.at_least_minor is not None and amount_minor < self.at_least_minor:
            return False
        if self.at_least_quantity is not None and sum(quantities.values()) < self.at_least_quantity:
            return False
        return self.names_a_threshold or all(quantities.get(sku, 0) > 0 for sku in self.skus)


@dataclass(frozen=True, slots=True)
class PromotedLine:
    """A line that a promotion is over, and its share of it (minor units)."""

    line_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Promotion:
    """A discount that is inside those of the order, with the lines it is over and what it hung on (minor units)."""

    promotion_id: str
    amount_minor: int
    lines: tuple[PromotedLine, ...]
    requires: Requires


@dataclass(frozen=True, slots=True)
class GivenPromotion:
    """A promotion as the shop tells of it; no ``line_ids``: over all lines."""

    promotion_id: str
    amount_minor: int
    line_ids: tuple[str, ...]
    requires: Requires


@dataclass(frozen=True, slots=True)
class PromotionChange:
    """What a refund takes off for a promotion that no longer holds, or gives back of it, below zero (minor units)."""

    promotion_id: str
    amount_minor: int


def shared(given: Sequence[GivenPromotion], lines: Sequence[OrderLine], discount_minor: int) -> tuple[Promotion, ...]:
    """Return promotions with their shares of the lines they are over; fees and deposits bear none.

    Args:
        given: As the shop tells of them.
        lines: The order's lines, with their own figures.
        discount_minor: The discount on the whole order, minor units.
    Raises:
        DuplicatePromotionError, DuplicateLineError: A promotion, or a line of one, is there twice.
        UnknownLineError: A line is not the order's.
        PromotionExceedsDiscountsError: The discounts given are less: on its lines and the order, or all together.
    """
    by_id = {line.line_id: line for line in lines}
    seen: set[str] = set()
    promotions = []
    for one in given:
        if one.promotion_id in seen:
            raise DuplicatePromotionError(one.promotion_id)
        seen.add(one.promotion_id)
        _check(one, by_id, discount_minor)
        promotions.append(_over(one, [by_id[line_id] for line_id in one.line_ids] or lines))
    if given:
        _check_within(given[-1], sum(one.amount_minor for one in given), lines, discount_minor)
    return tuple(promotions)


def _check(given: GivenPromotion, lines: Mapping[str, OrderLine], discount_minor: int) -> None:
    for place, line_id in enumerate(given.line_ids):
        if line_id not in lines:
            message = f"the order has no line {line_id}, which the promotion is over"
            raise UnknownLineError(message, line_id=line_id, promotion_id=given.promotion_id)
        if line_id in given.line_ids[:place]:
            message = f"line {line_id} is there twice in the promotion"
            raise DuplicateLineError(message, line_id=line_id, promotion_id=given.promotion_id)
    over = [lines[line_id] for line_id in given.line_ids] or lines.values()
    _check_within(given, given.amount_minor, over, discount_minor)


def _check_within(given: GivenPromotion, asked_minor: int, lines: Iterable[OrderLine], discount_minor: int) -> None:
    available = discount_minor + sum(line.discount_minor for line in lines)
    if asked_minor > available:
        raise PromotionExceedsDiscountsError(given.promotion_id, asked=asked_minor, available=available)


def _over(given: GivenPromotion, lines: Sequence[OrderLine]) -> Promotion:
    bearing = [line for line in lines if not line.is_aside] or list(lines)
    weights = [0 if line.is_aside else line.after_own_discount_minor for line in bearing]
    shares = share_by_largest_remainder(
        given.amount_minor, weights if any(weights) else [line.quantity for line in bearing]
    )
    over = tuple(PromotedLine(line.line_id, share) for line, share in zip(bearing, shares, strict=True))
    return Promotion(given.promotion_id, given.amount_minor, over, given.requires)


@dataclass(slots=True)
class PromotionAccount:
    """A promotion with what of its units is still kept, what those that went carried of it, what was taken off for it.

    Kept by line and article, never by unit: a line of 100,000 units costs what a line of one costs.
    """

    fact: Promotion
    lines: dict[str, OrderLine]
    """Those that it is over."""
    shares: dict[str, int] = field(init=False)
    kept_minor: int = field(init=False)
    kept: Counter[str] = field(init=False)
    """How many units of each article."""
    was_met: bool = field(init=False)
    """Whether what was sold met it; what never did is not broken by what comes back."""
    carried_minor: int = 0
    taken_minor: int = 0

    def __post_init__(self) -> None:
        self.shares = {line.line_id: line.amount_minor for line in self.fact.lines}
        self.kept_minor, self.kept = self._counted(
            (line_id, UnitRun(1, self.lines[line_id].quantity)) for line_id in self.shares
        )
        self.was_met = self.fact.requires.are_met_by(amount_minor=self.kept_minor, quantities=self.kept)

    def go(self, going: Sequence[Going], *, returned: bool) -> None:
        """Count units out that went back, or were cancelled: these carry their part away, and break nothing."""
        self.carried_minor += self._carried(going)
        if returned:
            amount, units = self._counted(going)
            self.kept_minor -= amount
            self.kept -= units

    def lost_after(self, going: Sequence[Going], *, returned: bool) -> int:
        """Return what is lost of the promotion in all, once these units went, too (minor units)."""
        amount, units = self._counted(going if returned else ())
        quantities = {sku: count - units[sku] for sku, count in self.kept.items()}
        requires = self.fact.requires
        if not self.was_met or requires.are_met_by(amount_minor=self.kept_minor - amount, quantities=quantities):
            return 0
        return max(self.fact.amount_minor - self.carried_minor - self._carried(going), 0)

    def _carried(self, going: Iterable[Going]) -> int:
        return sum(
            run_minor(self.shares[line_id], self.lines[line_id].quantity, run.first, run.count)
            for line_id, run in going
            if line_id in self.shares
        )

    def _counted(self, going: Iterable[Going]) -> tuple[int, Counter[str]]:
        """Return what units come to that count for what it hung on: their amount, and how many of each article."""
        amount, units = 0, Counter[str]()
        for line_id, run in going:
            if line_id in self.shares and self.fact.requires.counts(line := self.lines[line_id]):
                amount += run_minor(line.after_own_discount_minor, line.quantity, run.first, run.count)
                units[line.sku] += run.count
        return amount, units

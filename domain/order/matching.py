"""Which sold units the goods of a customer came from, where there is no order at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Goods:
    """So many units of an article that a customer gives back."""

    customer_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReturnableLine:
    """An order line with delivered units that may still be returned; ``place`` is its number in the order.

    ``unit_paid_minor`` is what was paid for one of its units, goods and tax, rounded down.
    """

    customer_id: str
    sku: str
    order_id: str
    line_id: str
    place: int
    ordered_at: datetime
    last_delivered_at: datetime
    free: int
    unit_paid_minor: int
    currency: str

    @property
    def age(self) -> tuple[datetime, str, int]:
        """What lines are ordered by: when they were sold, then order and place."""
        return self.ordered_at, self.order_id, self.place


@dataclass(frozen=True, slots=True)
class Share:
    """So many units of the goods came from this line."""

    sold: ReturnableLine
    quantity: int


@dataclass(frozen=True, slots=True)
class Match:
    """Where goods came from, the newest line first, and how many units came from nowhere known."""

    goods: Goods
    shares: tuple[Share, ...]
    left: int


def match(goods: Iterable[Goods], sold: Iterable[ReturnableLine]) -> list[Match]:
    """Return for each of the goods, in their order, the lines they came from: the newest first, no unit twice."""
    newest_first: dict[tuple[str, str], list[ReturnableLine]] = {}
    for line in sorted(sold, key=lambda line: line.age, reverse=True):
        newest_first.setdefault((line.customer_id, line.sku), []).append(line)
    taken: dict[tuple[str, str], int] = {}
    return [_match(one, newest_first.get((one.customer_id, one.sku), ()), taken) for one in goods]


def _match(goods: Goods, lines: Sequence[ReturnableLine], taken: dict[tuple[str, str], int]) -> Match:
    """Match one of the goods; ``taken`` counts, by order and line, the units that went to others before it."""
    left, shares = goods.quantity, []
    for line in lines:
        key = (line.order_id, line.line_id)
        units = min(left, line.free - taken.get(key, 0))
        if units > 0:
            taken[key] = taken.get(key, 0) + units
            left -= units
            shares.append(Share(line, units))
        if not left:
            break
    return Match(goods, tuple(shares), left)

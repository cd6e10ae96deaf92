"""Every cent of an order is allocated once, to its lines, when it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import DiscountExceedsAmountError
from domain.money import share_by_largest_remainder
from domain.order.parts import OrderLine


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order carries beside its lines, in minor units. Shipping's tax counts only where tax comes on top."""

    discount_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    tax_included: bool

    @property
    def shipping_charged_minor(self) -> int:
        """Outward shipping with the tax on it, minor units."""
        return self.shipping_minor + (0 if self.tax_included else self.shipping_tax_minor)


def allocate(lines: Sequence[OrderLine], charges: Charges) -> tuple[OrderLine, ...]:
    """Return the lines with their shares of the order's cents; together they are what was charged.

    The order's discount is shared by the lines' amounts after their own discounts, outward shipping by their amounts
    after all discounts; where all of these are zero, by quantity. Largest remainder, ties to the earlier line.

    Args:
        lines: With their own figures: amount before discounts, own discount, tax (minor units).
        charges: What the order carries beside them.
    Raises:
        DiscountExceedsAmountError: A discount is larger than what it is taken from.
    """
    for index, line in enumerate(lines):
        if line.discount_minor > line.amount_minor:
            raise DiscountExceedsAmountError(
                "a line's discount exceeds its amount", path=f"$.lines[{index}].discount_minor"
            )
    after_own = [line.amount_minor - line.discount_minor for line in lines]
    if charges.discount_minor > sum(after_own):
        raise DiscountExceedsAmountError("the order's discount exceeds its lines", path="$.discount_minor")
    quantities = [line.quantity for line in lines]
    discounts = share_by_largest_remainder(charges.discount_minor, after_own)
    goods = [amount - discount for amount, discount in zip(after_own, discounts, strict=True)]
    shipping = share_by_largest_remainder(charges.shipping_charged_minor, goods if any(goods) else quantities)
    return tuple(
        replace(
            line,
            goods_minor=goods[index],
            tax_minor=0 if charges.tax_included else line.tax_minor,
            shipping_minor=shipping[index],
        )
        for index, line in enumerate(lines)
    )

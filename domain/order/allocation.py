"""Every cent of an order is allocated once, to its lines, when it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.errors import DiscountExceedsAmountError
from domain.money import share_by_largest_remainder
from domain.order import taxes
from domain.order.parts import OrderLine, TaxShare
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order carries beside its lines, in minor units. Shipping's tax is charged only where tax comes on top."""

    discount_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    tax_included: bool
    shipping_taxes: tuple[TaxShare, ...] = ()
    rounding_minor: int = 0
    """What cash was rounded by, up or down."""

    @property
    def shipping_charged_minor(self) -> int:
        """Outward shipping with the tax on it, minor units."""
        return self.shipping_minor + (0 if self.tax_included else self.shipping_tax_minor)


def allocate(lines: Sequence[OrderLine], charges: Charges) -> tuple[OrderLine, ...]:
    """Return the lines with their shares of the order's cents; together they are what was charged.

    The order's discount is shared by the lines' amounts after their own discounts, outward shipping by their amounts
    after all discounts; where all of these are zero, by quantity. Fees and deposits bear neither, but shipping where
    nothing else is there to bear it. Largest remainder, ties to the earlier line; each tax on shipping goes like it,
    over the lines that bear a cent of it.

    Args:
        lines: With their own figures: amount before discounts, own discount, tax (minor units).
        charges: What the order carries beside them.
    Raises:
        DiscountExceedsAmountError: A discount is larger than what it is taken from.
        DuplicateTaxError: A tax code is there twice on a line, or on the shipping.
        TaxesDoNotSumError: Taxes are not the tax given beside them, or more than the amount they are inside of.
    """
    goods = _after_discounts(lines, charges.discount_minor)
    bearing = [0 if line.is_aside else amount for line, amount in zip(lines, goods, strict=True)]
    quantities = [0 if line.is_aside else line.quantity for line in lines]
    weights = next((some for some in (bearing, quantities) if any(some)), [line.quantity for line in lines])
    shipping = share_by_largest_remainder(charges.shipping_charged_minor, weights)
    taxed = [weight if share else 0 for weight, share in zip(weights, shipping, strict=True)]
    shipping_taxes = taxes.over_lines(_shipping_taxes(charges), taxed)
    return tuple(
        replace(
            line,
            goods_minor=goods[index],
            tax_minor=0 if charges.tax_included else line.tax_minor,
            shipping_minor=shipping[index],
            taxes=_line_taxes(line, goods[index], tax_included=charges.tax_included),
            shipping_taxes=shipping_taxes[index],
        )
        for index, line in enumerate(lines)
    )


def _after_discounts(lines: Sequence[OrderLine], discount_minor: int) -> list[int]:
    """Return what is charged for the goods of each line."""
    for index, line in enumerate(lines):
        if line.discount_minor > line.amount_minor:
            raise DiscountExceedsAmountError(
                "a line's discount exceeds its amount", path=f"$.lines[{index}].discount_minor"
            )
    after_own = [line.amount_minor - line.discount_minor for line in lines]
    bearing = [0 if line.is_aside else amount for line, amount in zip(lines, after_own, strict=True)]
    if discount_minor > sum(bearing):
        raise DiscountExceedsAmountError("the order's discount exceeds its lines", path="$.discount_minor")
    discounts = share_by_largest_remainder(discount_minor, bearing)
    return [amount - discount for amount, discount in zip(after_own, discounts, strict=True)]


def _line_taxes(line: OrderLine, goods_minor: int, *, tax_included: bool) -> tuple[TaxShare, ...]:
    found = taxes.by_code(line.taxes, line.tax_minor, line_id=line.line_id)
    if tax_included:
        taxes.check_inside(found, goods_minor, line_id=line.line_id)
    return found


def _shipping_taxes(charges: Charges) -> tuple[TaxShare, ...]:
    found = taxes.by_code(charges.shipping_taxes, charges.shipping_tax_minor)
    if charges.tax_included:
        taxes.check_inside(found, charges.shipping_minor)
    return found

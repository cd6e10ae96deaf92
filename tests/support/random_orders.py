"""Orders whose figures are drawn at random, and add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def order_of(
    lines: list[tuple[int, int, int, int]],
    *,
    discount_bps: int,
    shipping_minor: int,
    tax_included: bool,
    names_taxes: bool,
    split_bps: list[int],
    country: str,
    kinds: Sequence[str] = ("card", "gift_card", "wallet"),
    rounding_minor: int = 0,
) -> dict[str, Any]:
    """Return an order whose discount is a share of its goods and whose tenders sum to what is charged."""
    if tax_included:  # no more than what is left of the price, rounded down twice
        left_bps = 10_000 - discount_bps
        lines = [
            (units, amount, percent, min(tax, max((amount - amount * percent // 100) * left_bps // 10_000 - 1, 0)))
            for units, amount, percent, tax in lines
        ]
    shipping_tax = min(7, shipping_minor) if tax_included else 7
    told = [
        {"line_id": f"L{n}", "sku": f"S{n}", "quantity": quantity, "amount_minor": amount,
         "discount_minor": amount * percent // 100, **_taxes("tax_minor", "taxes", tax, names_taxes=names_taxes)}
        for n, (quantity, amount, percent, tax) in enumerate(lines, start=1)
    ]  # fmt: skip
    goods = sum(amount - amount * percent // 100 for _, amount, percent, _ in lines)
    discount = goods * discount_bps // 10_000
    charged = goods - discount + shipping_minor + (0 if tax_included else sum(tax for *_, tax in lines) + shipping_tax)
    rounding_minor = max(rounding_minor, -charged)
    charged += rounding_minor
    tenders = []
    for number, share_bps in enumerate([*split_bps, 10_000]):
        part = charged * share_bps // 10_000 if number < len(split_bps) else charged
        tenders.append({"tender_id": f"T{number}", "kind": kinds[number], "amount_minor": part})
        charged -= part
    return {
        "order_id": "O-1", "customer_id": "C", "country": country, "channel": "web", "currency": "EUR", "lines": told,
        "tenders": tenders, "tax_included": tax_included, "discount_minor": discount, "shipping_minor": shipping_minor,
        "rounding_minor": rounding_minor,
        **_taxes("shipping_tax_minor", "shipping_taxes", shipping_tax, names_taxes=names_taxes),
    }  # fmt: skip


def _taxes(total: str, named: str, tax: int, *, names_taxes: bool) -> dict[str, Any]:
    """Return a tax as one total, or as two taxes by code."""
    if not names_taxes:
        return {total: tax}
    parts = {"A": tax - tax // 3, "B": tax // 3}
    return {named: [{"code": code, "rate_bps": 1_000, "amount_minor": part} for code, part in parts.items()]}

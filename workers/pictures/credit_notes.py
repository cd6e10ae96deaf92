"""A credit note as people read it in a terminal, and the words that it shares with its PDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType

from domain.money import amount_text
from workers.pictures.terminal import Row, money, stacked, table
from workers.pictures.text import Text

if TYPE_CHECKING:
    from infra.sellers import Seller

TITLES: Final = {"credit": "Credit note", "debit": "Debit note"}
KEPT: Final = {
    "restocking": "Restocking fee",
    "promotion": "Promotion that no longer holds",
    "return_shipping": "Return shipping",
    "rounding": "Cash rounding",
    "claim": "Claimed",
}
ABOUT: Final = {"refund_id": "Refund", "claim_id": "Claim", "external_id": "Chargeback won"}
COLUMNS: Final = ("what", "#quantity", "#net", "#tax", "#gross")
TOTAL: Final = "Total"
BASIS_POINTS: Final = 100


def picture(note: Row, seller: Seller) -> RenderableType:
    """Return a note drawn for a terminal."""
    title, *rest = headings(note, seller)
    sums = (Text(f"{name}: {amount}", "bold" if name == TOTAL else "") for name, amount in totals(note))
    return stacked(Group(Text(title, "bold"), *map(Text, rest)), table(None, COLUMNS, line_cells(note)), Group(*sums))


def headings(note: Row, seller: Seller) -> Iterator[str]:
    """Yield what stands above the lines: number, day, seller, buyer, what it corrects."""
    yield f"{TITLES[note['kind']]} {note['number']}"
    yield f"Date: {note['issued_on']}"
    yield f"Seller: {', '.join((seller.name, *seller.address))}"
    if seller.tax_id:
        yield f"Tax number: {seller.tax_id}"
    yield f"Customer: {note['customer_id']}"
    yield f"Order: {note['order_id']}"
    if note["rma_id"]:
        yield f"Return: {note['rma_id']}"
    yield next(f"{name}: {note[column]}" for column, name in ABOUT.items() if note[column])


def line_cells(note: Row) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the lines of a note as texts: what, quantity, net, tax, gross."""
    currency = note["currency"]
    for line in note["lines"]:
        tax = sum(share["amount_minor"] for share in line["taxes"])
        amounts = (_bare(amount, currency) for amount in (line["net_minor"], tax, line["gross_minor"]))
        net, taxed, gross = amounts
        yield _what(line), str(line["quantity"] or ""), net, taxed, gross


def _what(line: dict[str, Any]) -> str:
    """Return what a line is about."""
    if line["kind"] != "goods":
        return KEPT[line["kind"]]
    sold = f"{line['sku']} ({line['line_id']})"
    return sold if line["quantity"] else f"Outward shipping of {sold}"


def totals(note: Row) -> list[tuple[str, str]]:
    """Return what stands below the lines: net, tax by code, gross."""
    currency = note["currency"]
    taxes = [(_tax_name(share), money(share["amount_minor"], currency)) for share in note["taxes"]]
    return [
        ("Net", money(note["net_minor"], currency)),
        *taxes,
        (TOTAL, money(note["gross_minor"], currency)),
    ]


def _tax_name(share: dict[str, Any]) -> str:
    rate = share["rate_bps"]
    return f"Tax {share['code']}" + (f" {rate / BASIS_POINTS:g} %" if rate is not None else "")


def _bare(amount_minor: int, currency: str) -> str:
    return amount_text(amount_minor, currency).removesuffix(f" {currency}")

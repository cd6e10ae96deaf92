"""An order as people look at it: where its units and its cents are, its returns, and what was exchanged for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType

from domain.money import run_minor
from workers.pictures.terminal import Row, money, stacked, table
from workers.pictures.text import Text

UNITS_SPELT_OUT_MAX: Final = 6
"""Lines of more units show the least and the most that a unit bears instead of each unit."""


def order_card(order_id: str, units: Sequence[Row], returns: Sequence[Row], exchanges: Sequence[Row]) -> RenderableType:
    """Return an order drawn: its units and cents, its returns, its exchanges."""
    return stacked(*allocation(order_id, units, exchanges), _returns(order_id, returns))


def allocation(order_id: str, units: Sequence[Row], exchanges: Sequence[Row]) -> Iterator[RenderableType]:
    """Yield where each unit of an order is and which cents it bears, and the chain of exchanges it is part of."""
    yield _whereabouts(order_id, units)
    yield _cents(order_id, units)
    if len(exchanges) > 1:
        yield _chain(exchanges)


def _whereabouts(order_id: str, units: Sequence[Row]) -> RenderableType:
    columns = ("line", "article", "#sold", "#delivered", "#in return", "#returned", "#cancelled", "#refunded", "#free")
    rows = (
        [
            row["line_id"],
            row["sku"],
            row["sold"],
            row["delivered"],
            row["in_return"],
            row["returned"],
            row["cancelled"],
            row["refunded_units"],
            row["sold"] - row["in_return"] - row["returned"] - row["cancelled"],
        ]
        for row in units
    )
    return table(f"Where the units of order {order_id} are", columns, rows)


def _cents(order_id: str, units: Sequence[Row]) -> RenderableType:
    columns = ("line", "#units", "#goods", "#tax on top", "#shipping", "goods and tax by unit", "#refunded (net)")
    rows = [
        [
            row["line_id"],
            row["sold"],
            money(row["goods_minor"], row["currency"]),
            money(row["tax_minor"], row["currency"]),
            money(row["shipping_minor"], row["currency"]),
            by_unit(row),
            money(row["refunded_minor"], row["currency"]),
        ]
        for row in units
    ]
    currency = units[0]["currency"]
    sums = {name: sum(row[name] for row in units) for name in ("goods_minor", "tax_minor", "shipping_minor")}
    refunded = money(sum(row["refunded_minor"] for row in units), currency)
    rows.append(
        ["all", sum(row["sold"] for row in units), *(money(cents, currency) for cents in sums.values()), "", refunded]
    )
    return table(f"How the cents of order {order_id} are shared out", columns, rows)


def by_unit(row: Row) -> str:
    """Return what each unit of a line bears of its goods and tax cents, such as ``33.33, 33.33, 33.34``."""
    sold, currency = row["sold"], row["currency"]

    def cents(unit: int) -> int:
        return sum(run_minor(row[name], sold, unit, 1) for name in ("goods_minor", "tax_minor"))

    if sold <= UNITS_SPELT_OUT_MAX:
        return ", ".join(_bare(cents(unit), currency) for unit in range(1, sold + 1))
    least = row["goods_minor"] // sold + row["tax_minor"] // sold
    most = -(-row["goods_minor"] // sold) - (-row["tax_minor"] // sold)
    return _bare(least, currency) + (f" to {_bare(most, currency)}" if most > least else "") + " each"


def _bare(amount_minor: int, currency: str) -> str:
    return money(amount_minor, currency).removesuffix(f" {currency}")


def _chain(exchanges: Sequence[Row]) -> RenderableType:
    columns = ("", "order", "given in exchange for")
    rows = (
        [
            Text("this one" if not row["depth"] else "earlier" if row["depth"] < 0 else "later", "dim"),
            Text(row["order_id"], "" if row["depth"] else "bold"),
            f"line {row['exchange_of_line']} of return {row['exchange_of_rma_number'] or row['exchange_of_rma_id']}"
            f" of order {row['exchange_of_order_id']}"
            if row["exchange_of_order_id"]
            else "",
        ]
        for row in exchanges
    )
    return table("Exchanges, earliest first", columns, rows)


def _returns(order_id: str, returns: Sequence[Row]) -> RenderableType:
    if not returns:
        return Text(f"order {order_id} has no return", "dim")
    columns = ("return", "asked for", "status", "next", "#refund")
    rows = (
        [
            row["rma_number"],
            row["requested_at"],
            row["status"].replace("_", " "),
            row["next_step"],
            money(row["refund_minor"], row["currency"]),
        ]
        for row in returns
    )
    return table("Returns", columns, rows)

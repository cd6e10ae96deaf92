"""`rma match`: proposals with their evidence, and what found no line, as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType

from workers.pictures.terminal import Row, money, shown, table
from workers.pictures.text import Text


def proposals(data: Row) -> RenderableType:
    """Return the findings of ``rma match`` drawn."""
    return Group(*_parts(data))


def _parts(data: Row) -> Iterator[RenderableType]:
    columns = (
        "#row", "customer", "article", "#units", "order", "line", "ordered", "delivered", "#free then", "#paid a unit",
    )  # fmt: skip
    if data["proposals"]:
        rows = (
            [
                one["row"],
                one["customer_id"],
                one["sku"],
                one["quantity"],
                one["order_id"],
                one["line_id"],
                f"{one['ordered_at']:%Y-%m-%d}",
                f"{one['last_delivered_at']:%Y-%m-%d}",
                one["free"],
                money(one["unit_paid_minor"], one["currency"]),
            ]
            for one in data["proposals"]
        )
        yield table("Where the goods came from, the newest line first", columns, rows)
    for one in data["left_over"]:
        units = f"{shown(one['quantity'])} × {one['sku']}"
        yield Text(f"row {one['row']}: {units} of customer {one['customer_id']}: no delivered, free unit", "yellow")
    for one in data["faulty"]:
        yield Text(f"row {one['row']}: {one['fault']}", "red")

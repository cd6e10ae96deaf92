"""A credit note's lines as people read them."""

from __future__ import annotations

from typing import Any

from workers.pictures.credit_notes import line_cells

GOODS: dict[str, Any] = {
    "kind": "goods", "sku": "MUG", "line_id": "L1", "quantity": 2, "net_minor": 336, "gross_minor": 400,
    "taxes": [{"code": "A", "rate_bps": 1_900, "amount_minor": 64}],
}  # fmt: skip


def test_shipping_alone_is_not_told_as_units() -> None:
    """A line of units names how many; one of shipping that goes back alone says so, and names none."""
    note = {"currency": "EUR", "lines": [GOODS, {**GOODS, "quantity": None}]}

    assert [cells[:2] for cells in line_cells(note)] == [("MUG (L1)", "2"), ("Outward shipping of MUG (L1)", "")]

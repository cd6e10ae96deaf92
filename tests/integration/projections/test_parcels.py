"""What people see of parcels: where each one is, and what is in it."""

from __future__ import annotations

from typing import Any, Final

from tests.integration.projections.test_projections import play, rows
from tests.support.recorded_facts import recorded_of
from tests.support.shop import Shop
from tests.support.stories import day, on_return, open_shop, request

SHOWN: Final = ("label_id", "status", "last_scan_at", "lines")


def packed() -> Shop:
    """Return a shop with a return in two parcels, of which the first was scanned."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    for name, line, quantity in (("A", 1, 2), ("B", 2, 1)):
        label: dict[str, Any] = {"label_id": name, "carrier": "DHL", "tracking_number": f"T-{name}", "ship_to": "WH-1"}
        shop.send("IssueLabel", on_return(**label, lines=[{"line": line, "quantity": quantity}]), at=day(4))
    for status, at in (("delivered", 6), ("accepted", 5)):
        shop.send("RecordScan", on_return(tracking_number="T-A", scan_id=status, status=status), at=day(at))
    return shop


def test_a_parcel_is_shown_with_its_units_and_its_newest_scan(postgres_dsn: str) -> None:
    """The scan that came last but was made first changes nothing."""
    play(postgres_dsn, recorded_of(packed()), batch=3)
    assert [tuple(row[name] for name in SHOWN) for row in rows(postgres_dsn, "parcels")] == [
        ("A", "delivered", day(6), [{"line": 1, "quantity": 2}]),
        ("B", "issued", None, [{"line": 2, "quantity": 1}]),
    ]

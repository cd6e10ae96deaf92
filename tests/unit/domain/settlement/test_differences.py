"""Differences between a gateway's books and ours: reported once, resolved once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names

DIFFERENCE = str(UUID(int=7))
FOUND: dict[str, Any] = {
    "difference_id": DIFFERENCE,
    "kind": "different_amount",
    "payout_id": str(UUID(int=8)),
    "order_id": "O-1",
    "here": {"amount_minor": 500, "currency": "EUR", "status": "settled"},
    "there": {"amount_minor": 50, "currency": "EUR", "reference": "GW-1"},
}
RESOLVED = {"difference_id": DIFFERENCE, "resolution": "corrected_there", "note": "a nought was lost"}


def test_a_difference_is_recorded_once() -> None:
    """Told again it says nothing new; with other figures under the same id it is refused."""
    shop = Shop()
    assert names(shop.send("ReportDifference", FOUND, actor="system:reconcile")) == ["Found"]
    unchanged(shop, "ReportDifference", FOUND, actor="system:reconcile")
    other = {**FOUND, "kind": "missing_there"}
    refused(shop, "difference_id_reused", "ReportDifference", other, difference_id=DIFFERENCE)


def test_an_agent_resolves_it_once() -> None:
    """The same answer again is a repeat, another one comes too late; what was never reported cannot be resolved."""
    shop = Shop()
    refused(shop, "unknown_difference", "ResolveDifference", RESOLVED, difference_id=DIFFERENCE)
    shop.send("ReportDifference", FOUND)
    assert names(shop.send("ResolveDifference", RESOLVED)) == ["Resolved"]
    unchanged(shop, "ResolveDifference", RESOLVED)
    unchanged(shop, "ReportDifference", FOUND)
    other = {**RESOLVED, "resolution": "written_off"}
    refused(shop, "wrong_state", "ResolveDifference", other, resolution="corrected_there")

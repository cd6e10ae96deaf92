"""Returns for the desk's tests, made by commands of a shop."""

from __future__ import annotations

from typing import Any, Final

from tests.support.api import Api
from tests.support.pages import Browser, Page

SHOE: Final = {
    "line_id": "L1", "sku": "SHOE-42", "quantity": 2, "amount_minor": 2000, "title": "Shoe", "category": "shoes",
}  # fmt: skip


def asked(
    shop: Api, order_id: str, *, reason: str = "too_small", sold: dict[str, Any] | None = None, **line: Any
) -> str:
    """Sell, deliver, and ask for one unit back; return the return's id. `quality` waits for a person."""
    shop.sell(order_id, policy_id="desk", lines=[SHOE | (sold or {})])
    wanted = {"line_id": "L1", "quantity": 1, "reason": reason, "wish": "refund", **line}
    rma_id, told = shop.ask_return(order_id, lines=[wanted])
    seen(shop, rma_id, told)
    return rma_id


def arrived(shop: Api, order_id: str, **how: Any) -> str:
    """Let the goods of a return that was just asked for come in; return the return's id."""
    rma_id = asked(shop, order_id, **how)
    about = {"rma_id": rma_id, "order_id": order_id}
    shop.accepted("RecordHandover", about, actor="carrier:post")
    receipt = about | {"receipt_id": "R-1", "site": "WH-1", "items": [{"line": 1, "quantity": 1}], "complete": True}
    seen(shop, rma_id, shop.accepted("ReceiveGoods", receipt, actor="warehouse:w"))
    return rma_id


def seen(shop: Api, rma_id: str, told: dict[str, Any]) -> dict[str, Any]:
    """Wait until the views show what an answer tells, and return the return as the API shows it."""
    position = max(event["position"] for event in told["events"])
    found: dict[str, Any] = shop.get(f"/v1/returns/{rma_id}", params={"after": position}).json()
    return found


def number_of(shop: Api, rma_id: str) -> str:
    return str(shop.get(f"/v1/returns/{rma_id}").json()["rma_number"])


def all_of(browser: Browser, first: str) -> list[Page]:
    """Return a list's page and all that follow it."""
    pages = [browser.look(first)]
    while further := [link for link in pages[-1].links if "cursor=" in link and "lang=" not in link]:
        path = first.partition("?")[0]
        pages.append(browser.look(path + further[0]))
    return pages

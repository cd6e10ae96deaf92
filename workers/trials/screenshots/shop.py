"""A small shop for pictures of its pages: what it sold, and what became of a return at the dock and at the bank."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import jwt

from infra.kafka.command_client import Conversation, OutgoingCommand, key_of
from infra.settings import Settings
from workers.trials.demo.mailbox import Mailbox

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCE: Final = "/shop"
CUSTOMER: Final = "C-1001"
SITES: Final = {
    "Aurora Goods, Returns": {
        "name": "Aurora Goods, Returns",
        "address": ["12 Harbour Road", "Dublin D01 X2Y3", "Ireland"],
    }
}
BRAND: Final = {
    "en": {"name": "Aurora Goods", "address": ["12 Harbour Road", "Dublin D01 X2Y3", "Ireland"]},
    "zh": {"name": "极光商店", "address": ["12 Harbour Road", "Dublin D01 X2Y3", "Ireland"]},
}
ENTER_SECRET: Final = "the secret that a shop shares with its pages"  # noqa: S105 - of a shop that is made up
POLICY: Final[Mapping[str, Any]] = {
    "window": {"days": 30},
    "offers": ["refund", "store_credit", "replacement"],
    "method": "label",
    "return_to": "Aurora Goods, Returns",
    "ship_back_days": 14,
    "fees": {"return_shipping_minor": 495, "waived_for": ["defective", "wrong_item", "damaged_in_transit"]},
    "rules": [
        {
            "name": "seen first",
            "when": {"fact": "reason", "is": "quality"},
            "then": {"decide": "review", "code": "high_value"},
        },
    ],
    "questions": [
        {
            "name": "box",
            "text": "What did the box look like when it came?",
            "kind": "choice",
            "choices": ["Unharmed", "Dented", "Open"],
            "required": True,
            "when": {"fact": "reason", "in": ["damaged_in_transit", "defective"]},
        }
    ],
}
LINES: Final[list[dict[str, Any]]] = [
    {"line_id": "L1", "sku": "BOOT-NAVY-39", "title": "Rain boots, navy, size 39", "category": "shoes", "quantity": 1,
     "amount_minor": 8900},
    {"line_id": "L2", "sku": "LAMP-ARC-02", "title": "Desk lamp “Arc” with dimmer", "category": "home", "quantity": 2,
     "amount_minor": 11800},
    {"line_id": "L3", "sku": "TEE-WHT-M", "title": "T-shirt, organic cotton, white, M", "category": "apparel",
     "quantity": 3, "amount_minor": 5400},
]  # fmt: skip


class Shop:
    """Sells, receives, inspects, all by commands.

    Args:
        talk: To the running system.
        box: Where letters to its customers are.
        settings: Under which its doors are open.
    """

    def __init__(self, talk: Conversation, box: Mailbox, settings: Settings) -> None:
        self._talk, self._now = talk, datetime.now(UTC)
        self.box, self.settings = box, settings

    def tell(self, name: str, actor: str, data: Mapping[str, Any], *, days_ago: float = 0) -> dict[str, Any]:
        """Send a command and return its answer; raises ``RuntimeError`` where it is not accepted."""
        at = self._now - timedelta(days=days_ago)
        command = OutgoingCommand(name, uuid4().hex, SOURCE, key_of(data), at, actor, data)
        answer = self._talk.ask(command.to_record())
        if answer["status"] != "accepted":
            raise RuntimeError(f"{name}: {answer}")
        return answer

    def open(self) -> None:
        """Publish the policy."""
        data = {"policy_id": "pictures", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY}
        self.tell("PublishPolicy", "agent:A-1", data)

    def sell(self, order_id: str, *, days_ago: float = 6, language: str = "en") -> None:
        """Sell and deliver an order; its customer is written to at ``email_of`` it, in a language."""
        total = sum(int(line["amount_minor"]) for line in LINES)
        order = {
            "order_id": order_id, "customer_id": CUSTOMER, "country": "US", "channel": "web", "currency": "EUR",
            "policy_id": "pictures", "lines": LINES,
            "contact": {"name": "Anna Li", "email": email_of(order_id), "language": language},
            "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": total}],
        }  # fmt: skip
        self.tell("RegisterOrder", "system:shop", order, days_ago=days_ago)
        items = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in LINES]
        delivery = {"order_id": order_id, "delivery_id": "D-1", "lines": items}
        self.tell("RecordDelivery", "carrier:post", delivery, days_ago=days_ago - 2)

    def ask(self, order_id: str, *, days_ago: float = 3, reason: str = "too_small", comment: str | None = None) -> UUID:
        """Ask for a return of the first line; return its id. `quality` waits for a person."""
        rma_id = uuid4()
        line = {"line_id": "L1", "quantity": 1, "reason": reason, "wish": "refund"}
        line |= {"comment": comment} if comment else {}
        data = {"rma_id": str(rma_id), "order_id": order_id, "lines": [line]}
        self.tell("RequestReturn", f"customer:{CUSTOMER}", data, days_ago=days_ago)
        return rma_id

    def receive(self, order_id: str, rma_id: UUID) -> None:
        """Let a return come in, whole."""
        about = {"rma_id": str(rma_id), "order_id": order_id}
        self.tell("RecordHandover", "carrier:post", about, days_ago=2)
        items = [{"line": 1, "quantity": 1}]
        receipt = about | {"receipt_id": "R-1", "site": "WH-1", "items": items, "complete": True}
        self.tell("ReceiveGoods", "warehouse:WH-1", receipt, days_ago=1)

    def inspect(self, order_id: str, rma_id: UUID) -> None:
        """Find the goods as new: the money is due."""
        found = {"inspection_id": "I-1", "line": 1, "quantity": 1, "grade": "A", "cause": "none_found"}
        about = {"rma_id": str(rma_id), "order_id": order_id, "liable_party": "none"}
        self.tell("RecordInspection", "warehouse:WH-1", about | found, days_ago=0.5)


def email_of(order_id: str) -> str:
    """Return where the customer of an order is written to."""
    return f"{order_id.lower()}@mail.example"


def language_of(page: Page) -> str:
    """Return the language that a browser asks for."""
    return str(page.evaluate("() => navigator.language"))


def enter_token(order_id: str, secret: str = ENTER_SECRET) -> str:
    """Return a token by which the shop lets its customer in."""
    ends_at = datetime.now(UTC) + timedelta(minutes=5)
    said = {"order_id": order_id, "customer_id": CUSTOMER, "exp": ends_at, "jti": uuid4().hex}
    return jwt.encode(said, secret, "HS256")

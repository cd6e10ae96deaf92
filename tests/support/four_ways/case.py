"""What a command is told with to be accepted, refused, told again under another id, and said by two at once.

What the second of two hears is what the first left over: each case names it, so that a race that ends otherwise shows.
All are about order O-1: three shoes for 12.00, of which a card paid 9.00 and 3.00 are on account.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.identity import deadline_id, payout_id, refund_id
from tests.support.stories import day

Body = dict[str, Any]
Step = tuple[str, Body]
Answer = str
"""``accepted``, ``nothing`` (accepted, and nothing recorded), or the code of a refusal."""

RMA: Final = UUID(int=1)
REFUND: Final = refund_id(RMA, 1)
PAYOUT: Final = str(payout_id(REFUND, "T1", 1))
SHIP_BACK: Final = str(deadline_id(RMA, "ship_back", 1, 1))
DIFFERENCE: Final = str(UUID(int=9))
AT: Final = day(5)
AFTERWARDS: Final = day(60)
WISHES: Final = ["refund", "store_credit", "exchange", "replacement", "repair"]
RULES: Final = [
    {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
    {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
    {
        "name": "share",
        "when": {"fact": "reason", "is": "better_price"},
        "then": {"remedy": {"kind": "partial_refund", "share_bps": 1_000}},
    },
]
DOCUMENT: Final = {
    "window": {"days": 30}, "offers": WISHES, "method": "label", "accept_grades": ["A"], "rules": RULES,
}  # fmt: skip
POLICY: Final = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": DOCUMENT}
ORDER: Final[Body] = {
    "order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR",
    "lines": [{"line_id": "L1", "sku": "SHOE", "quantity": 3, "amount_minor": 1200, "serials": ["A", "B", "C"]}],
    "tenders": [
        {"tender_id": "T1", "kind": "card", "amount_minor": 900},
        {"tender_id": "T2", "kind": "on_account", "amount_minor": 300},
    ],
}  # fmt: skip
SOLD: Final[Sequence[Step]] = (("PublishPolicy", POLICY), ("RegisterOrder", ORDER))


def on_order(**more: Any) -> Body:
    return {"order_id": "O-1", **more}


def on_return(number: int = 1, **more: Any) -> Body:
    return {"rma_id": str(UUID(int=number)), "order_id": "O-1", **more}


def on_units(quantity: int, **more: Any) -> Body:
    return on_return(line=1, quantity=quantity, **more)


def moved(name: str, quantity: int) -> Body:
    return on_order(**{name: [{"line_id": "L1", "quantity": quantity}]})


def asked(number: int = 1, quantity: int = 3, wish: str = "refund", reason: str = "too_small", **line: Any) -> Step:
    wanted = {"line_id": "L1", "quantity": quantity, "reason": reason, "wish": wish, **line}
    return "RequestReturn", on_return(number, lines=[wanted])


def receipt(name: str, quantity: int, **more: Any) -> Body:
    items = [{"line": 1, "quantity": quantity}]
    return on_return(receipt_id=name, site="W", items=items, complete=False, **more)


def inspection(name: str, quantity: int, grade: str = "A", **more: Any) -> Body:
    found = {"grade": grade, "cause": "none_found", "liable_party": "none", **more}
    return on_units(quantity, inspection_id=name, **found)


DELIVERED: Final[Step] = ("RecordDelivery", on_order(delivery_id="D-0", lines=[{"line_id": "L1", "quantity": 3}]))
CAME: Final[Step] = ("ReceiveGoods", receipt("R-0", 3))
ACCEPTED: Final[Step] = ("RecordInspection", inspection("I-0", 3))
WORN: Final[Step] = ("RecordInspection", inspection("I-0", 3, "D"))
CLAIMED: Final[Step] = ("ClaimFromCustomer", on_return(amount_minor=100, reason="worn", claim_id="CL-0"))
PARCEL: Final = {"parcel_id": "UP-1", "site": "W", "items": [{"sku": "SHOE", "quantity": 1}]}
BOOKS_DIFFER: Final = {"difference_id": DIFFERENCE, "kind": "missing_here", "payout_id": PAYOUT}


def returned(wish: str = "refund", inspected: Step = ACCEPTED) -> list[Step]:
    """Return the steps after which all three units are back and were looked at."""
    return [DELIVERED, asked(wish=wish), CAME, inspected]


def decided(resolution: str, quantity: int = 3) -> Step:
    return "DecideResolution", on_units(quantity, resolution=resolution)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one command is told with, and what the others hear that tell it."""

    before: Sequence[Step] = ()
    """What happened to the order before."""
    said: Callable[[int], Body]
    """What each of those who say it at once says, by its number from 1."""
    second: Answer
    """What whoever comes second hears."""
    again: Answer
    """What the first hears who says the same under another command id."""
    wrong: Body
    """What is refused after the same steps."""
    code: Answer
    """What it is refused with."""
    at: datetime = AT

"""Parts made up for each kind of letter, by which templates are tried when the worker starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

LINK: Final = "https://returns.example/r/0000000000000000000000"
DUE: Final = {"kind": "ship_back", "due_at": datetime(2026, 3, 18, 23, tzinfo=UTC), "zone": "Europe/Berlin"}
LINES: Final = [{"title": "Shoe", "quantity": 2}, {"title": "Mug", "quantity": 1}]
PAYOUTS: Final = [
    {"amount_minor": 8_405, "currency": "EUR", "tender_kind": "card"},
    {"amount_minor": 500, "currency": "EUR", "tender_kind": "gift_card"},
]
COMMON: Final = {
    "number": "RMA-7K3M-9QXF-2ADC-P",
    "order_id": "O-1001",
    "link": LINK,
    "is_withdrawal": True,
    "declared": {"at": datetime(2026, 3, 4, 10, 30, tzinfo=UTC), "record": "7c1d9a4e-5b0f-4c1a-9d55-0d8b7a3f6e21"},
    "lines": LINES,
}
DECIDED: Final = {
    "approved": LINES,
    "denied": [{"title": "Hat", "quantity": 1, "code": "final_sale"}],
    "method": "label",
    "return_to": "WH-1",
    "ship_back": DUE,
    "appeal": {**DUE, "kind": "appeal"},
}
SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "start_link": {"link": LINK},
    "plain": {"subject": "Receipt", "text": "We have it.\n\nOrder: O-1\n", "link": ""},
    "requested": COMMON | {"has_offer": True},
    "approved": COMMON | DECIDED,
    "denied": COMMON | DECIDED | {"approved": []},
    "evidence_asked": COMMON | {"note": "A photo of the sole, please.", "title": "Shoe"},
    "deadline_near": COMMON | {"deadline": DUE},
    "received": COMMON,
    "refunded": COMMON | {"payouts": PAYOUTS},
    "refund_failed": COMMON | {"payouts": PAYOUTS},
    "exchange_shipped": COMMON | {"tracking_number": "1Z999"},
    "sent_back": COMMON | {"tracking_number": None},
    "survey": COMMON | {"lapses_at": DUE["due_at"], "scores": [(n, f"{LINK}?score={n}") for n in range(1, 6)]},
    "closed": COMMON,
}

"""The HTTP API as a caller sees it, for tests: keys, a door that is open, commands, what came of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Final, Self
from uuid import uuid4

import httpx
import orjson

from infra.metrics import WorkerMetrics
from infra.roles import in_role
from infra.settings import Settings
from workers.http.callers import new_key
from workers.http.door import opened
from workers.http.worker import serving

STRUCTURED: Final = {"content-type": "application/cloudevents+json"}
TIMEOUT_S: Final = 40.0
ALL_KINDS: Final = ("customer", "agent", "system", "carrier", "warehouse", "gateway", "clock")
CALLERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "shop": {"kinds": ALL_KINDS, "access": "write", "backdate": True, "approve": True},
    "plain": {"kinds": ("system", "agent"), "access": "write"},
    "reader": {"kinds": ("system",)},
    "seer": {"kinds": ("system",), "personal": True},
    "seller": {"kinds": ("system", "customer"), "access": "write", "scope": ("S-1",), "backdate": True},
    "rival": {"kinds": ("system",), "access": "write", "scope": ("S-2",), "backdate": True},
}
"""Who may come in; the source of each is its name behind a slash."""
SECRETS: Final = {name: f"whsec_{b64encode(name.encode() * 12).decode()}" for name in ("ups", "gls")}
"""What carriers sign with; the second speaks EPCIS."""


def write_carriers(path: Path) -> Path:
    """Write the file that lets the carriers in."""
    adapters = {"ups": "neutral", "gls": "epcis"}
    said = {name: {"adapter": adapters[name], "secrets": [secret]} for name, secret in SECRETS.items()}
    path.write_bytes(orjson.dumps(said))
    return path


class Keys(dict[str, str]):
    """Tokens by the name of their holder."""

    @classmethod
    def written_to(cls, path: Path, callers: Mapping[str, Mapping[str, Any]]) -> Self:
        """Make keys and write the file that lets their holders in."""
        made = {name: new_key(name=name, source=f"/{name}", **caller) for name, caller in callers.items()}
        path.write_text("".join(f"{line}\n" for _, line in made.values()))
        return cls({name: token for name, (token, _) in made.items()})


@contextmanager
def open_door(settings: Settings) -> Iterator[str]:
    """Open the door as its worker does, in threads of this process; yield its address."""
    stop, metrics = Event(), WorkerMetrics("http")
    with opened(in_role(settings, "http"), stop, metrics) as door, serving(door) as port:
        yield f"http://127.0.0.1:{port}"


class Api(httpx.Client):
    """A caller's client."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        super().__init__(base_url=url, headers=headers, timeout=TIMEOUT_S)

    def as_holder_of(self, token: str | None) -> Api:
        """Return another caller's client of the same door."""
        return Api(str(self.base_url), token)

    def tell(self, name: str, data: object, *, prefer: str | None = "wait=30", **attributes: Any) -> httpx.Response:
        """Send a command and return what came back."""
        headers = STRUCTURED | ({"prefer": prefer} if prefer else {})
        return self.post("/v1/commands", content=orjson.dumps(event(name, data, **attributes)), headers=headers)

    def accepted(self, name: str, data: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
        """Send a command that has to be accepted, and return its result."""
        told = self.tell(name, data, **attributes)
        assert told.status_code == 200, told.text
        result: dict[str, Any] = told.json()
        return result

    def publish_policy(self, **document: Any) -> None:
        """Publish the policy that orders are held to."""
        policy = {"window": {"days": 30}, "offers": ["refund", "store_credit"], **document}
        data = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy}
        self.accepted("PublishPolicy", data, actor="agent:A1")

    def sell(self, order_id: str, **changes: Any) -> dict[str, Any]:
        """Sell and deliver two units of one article; return the result of the delivery."""
        self.accepted("RegisterOrder", order(order_id, **changes))
        return self.deliver(order_id)

    def deliver(self, order_id: str) -> dict[str, Any]:
        delivery = {"order_id": order_id, "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 2}]}
        return self.accepted("RecordDelivery", delivery)

    def ask_return(self, order_id: str, *, quantity: int = 1, **changes: Any) -> tuple[str, dict[str, Any]]:
        """Ask for a return; return its id and the result."""
        rma_id = str(uuid4())
        lines = [{"line_id": "L1", "quantity": quantity, "reason": "too_small", "wish": "refund"}]
        data = {"rma_id": rma_id, "order_id": order_id, "lines": lines, **changes}
        return rma_id, self.accepted("RequestReturn", data, actor="customer:C-1")


def event(name: str, data: object, **attributes: Any) -> dict[str, Any]:
    """Return a command as a structured CloudEvent, of now, by a shop; an attribute that is None is left out."""
    known = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "type": f"rma.{name}.v1",
        "time": datetime.now(UTC).isoformat(),
        "actor": "system:shop",
        "data": data,
        **attributes,
    }
    return {name: value for name, value in known.items() if value is not None}


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a RegisterOrder: two units, 20.00 EUR by card."""
    return {
        "order_id": order_id,
        "customer_id": "C-1",
        "country": "US",
        "channel": "web",
        "currency": "EUR",
        "lines": [{"line_id": "L1", "sku": "SHOE-42", "quantity": 2, "amount_minor": 2000, "title": "Shoe"}],
        "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 2000}],
        **changes,
    }

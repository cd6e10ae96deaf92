"""Each form of the desk beside the same command from a Kafka client: nothing is decided in a door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from commands.sources import OWN
from infra.log.answers import stored_outcome
from tests.integration.workers.http.pages.staff.test_acting import checked, failed_payout, form_path
from tests.support.api import Api
from tests.support.desk import asked
from tests.support.pages import Browser
from workers.http.door import Door
from workers.http.pages.staff.acting import SOURCE
from workers.http.pages.staff.forms import BENCH, DESK

SignedIn = Callable[[str], Browser]
OF_ITSELF: Final = ("_id", "hash", "number", "_at", "position", "key")
"""What tells one return from its twin."""


class Filled(NamedTuple):
    """A form: its page, what is typed, and the body that it stands for."""

    path: str
    typed: dict[str, str]
    body: dict[str, Any]


def forms(shop: Api, order_id: str) -> dict[str, Filled]:
    """Return each form filled in, on a return or an order that is ready for it."""
    named = ("more", "end", "label", "hand", "photo", "put")
    plain = {name: asked(shop, f"{order_id}-{name}") for name in named}
    waits = asked(shop, f"{order_id}-waits", reason="quality")
    failed, payout_id = failed_payout(shop, f"{order_id}-failed")
    ids = {name: {"rma_id": rma_id, "order_id": f"{order_id}-{name}"} for name, rma_id in plain.items()}
    ids |= {"waits": {"rma_id": waits, "order_id": f"{order_id}-waits"}}
    ids |= {"failed": {"rma_id": failed, "order_id": f"{order_id}-failed"}}
    deadline = shop.get(f"/v1/returns/{plain['more']}").json()["deadlines"][0]["deadline_id"]

    def on(name: str, command: str, typed: dict[str, str], **body: Any) -> tuple[str, Filled]:
        about = ids[name]
        if DESK[command].subject == "order":
            path = f"/desk/orders/{about['order_id']}/do/{command}"
            return command, Filled(path, typed, {"order_id": about["order_id"], **body})
        return command, Filled(form_path(about["rma_id"], command), typed, about | body)

    line = {"line": 1, "quantity": 1, "decision": "deny", "code": "final_sale"}
    denial = {"lines.0.decision": "deny", "lines.0.quantity": "1", "lines.0.code": "final_sale", "note": "n"}
    contact = {"email": "a@b.example", "address": {"lines": ["1 Road"], "city": "Town", "country": "DE"}}
    elsewhere = {"external_id": f"B-{order_id}", "tender_id": "T1", "kind": "console"}
    label = {"carrier": "Post", "tracking_number": f"T-{order_id}", "ship_to": "WH-1"}
    return dict([
        on("waits", "DecideRequest", denial, lines=[line], note="n"),
        on("photo", "RequestEvidence", {"note": "Show the sole.", "line": "1"}, note="Show the sole.", line=1),
        on("end", "WithdrawReturn", {"reason": "kept"}, reason="kept"),
        on("put", "CorrectRequest", {"line": "1", "reason": "too_large"}, line=1, reason="too_large"),
        on("more", "ExtendDeadline", {"deadline_id": deadline, "due_at": "2031-05-05", "reason": "snow"},
           deadline_id=deadline, due_at="2031-05-06T00:00:00Z", reason="snow"),
        on("label", "IssueLabel", label, label_id=f"L-{order_id}", **label),
        on("hand", "RecordHandover", {}),
        on("more", "GrantGoodwill", {"amount_minor": "1,50", "reason": "sorry"},
           amount_minor=150, reason="sorry", grant_id=f"G-{order_id}"),
        on("more", "ClaimFromCustomer", {"amount_minor": "1", "reason": "box"},
           amount_minor=100, reason="box", claim_id=f"C-{order_id}"),
        on("failed", "RetryPayout", {"payout_id": payout_id, "tender_id": "T1"}, payout_id=payout_id, tender_id="T1"),
        on("more", "CorrectContact", {
            "contact.email": "a@b.example", "contact.address.lines": "1 Road", "contact.address.city": "Town",
            "contact.address.country": "DE"}, contact=contact),
        on("hand", "RefundOrder", {"lines.0.quantity": "1", "lines.0.amount_minor": "2", "reason": "torn"},
           lines=[{"line_id": "L1", "quantity": 1, "amount_minor": 200}], reason="torn",
           refund_request_id=f"R-{order_id}"),
        on("label", "RecordExternalRefund", elsewhere | {"amount_minor": "3"}, amount_minor=300, **elsewhere),
    ])  # fmt: skip


def recorded(door: Door, source: str, command_id: str) -> list[tuple[str, Any]]:
    """Return the facts that a command led to: each type, and what of it is not the return's own."""
    with door.views.connection() as connection:
        found = stored_outcome(connection, source, command_id)
        assert found is not None
        positions = [event["position"] for event in orjson.loads(found[1])["events"]]
        rows = connection.execute(
            "SELECT type, body FROM rma_log.events WHERE position = ANY(%s) ORDER BY position", (positions,)
        ).fetchall()
    return [(name, common(orjson.loads(bytes(body)))) for name, body in rows]


def common(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: common(inner)
            for name, inner in value.items()
            if not name.endswith(OF_ITSELF) and not (isinstance(inner, str) and inner.startswith("sealed:"))
        }
    if isinstance(value, list):
        return [common(inner) for inner in value]
    return value


def test_each_form_leads_to_the_facts_that_its_command_leads_to(
    shop: Api, signed_in: SignedIn, staff_door: tuple[Door, object]
) -> None:
    """Sent by the page, and sent as a command of its own on a twin."""
    door, _ = staff_door
    ada, twins = signed_in("ada"), forms(shop, "K")
    for command, (path, typed, _) in forms(shop, "P").items():
        shown = checked(ada, path, typed)
        assert "This would happen" in shown.text, (command, shown.text)
        form_id = shown.form(path).named("id")
        sent = ada.press(shown, path, {"step": "send"})
        assert f"Done: {DESK[command].title}" in sent.text, (command, sent.text)

        told = shop.accepted(command, twins[command].body, actor="agent:ada")

        by_kafka = recorded(door, "/shop", told["command_id"])
        assert by_kafka
        assert recorded(door, SOURCE, form_id) == [
            (name, {**data, "tracking_number": "T-P"} if data.get("tracking_number") == "T-K" else data)
            for name, data in by_kafka
        ], command


def test_sources_may_send_what_their_forms_send() -> None:
    """The table of rights names each form's command, and no other."""
    assert OWN["/doors/desk"].commands == DESK.keys()
    assert OWN["/doors/bench"].commands == BENCH.keys()

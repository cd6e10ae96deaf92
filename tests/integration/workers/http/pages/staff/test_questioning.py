"""What policy has to know before it decides is asked of the agent who types a customer's request."""

from __future__ import annotations

from tests.integration.workers.http.pages.staff.test_acting import SignedIn
from tests.support.api import Api
from tests.support.desk import SHOE

TYPED = {"lines.0.quantity": "1", "lines.0.reason": "defective", "lines.0.wish": "refund"}


def test_an_agent_is_asked_what_policy_asks(shop: Api, signed_in: SignedIn) -> None:
    """The question comes once the reason is known, before anything is shown; its answer goes with the request."""
    shop.sell("Q-asked", policy_id="desk", lines=[SHOE])
    path = "/desk/orders/Q-asked/do/RequestReturn"
    ada = signed_in("ada")

    asked = ada.press(ada.look(path), path, TYPED | {"step": "check"})
    unanswered = ada.press(asked, path, {"step": "check"})
    shown = ada.press(unanswered, path, {"answer:L1:opened": "yes", "step": "check"})
    edited = ada.press(shown, path, {"step": "edit"})
    sent = ada.press(shown, path, {"step": "send"})

    assert (asked.status, "Was the box opened?" in asked.text) == (200, True)
    assert unanswered.status == 409
    assert "This would happen" in shown.text
    assert edited.form(path).named("answer:L1:opened") == "yes"
    assert "Done: Ask for a return" in sent.text
    [row] = shop.get("/v1/returns", params={"order_id": "Q-asked"}).json()["items"]
    [event] = [
        one
        for one in shop.get(f"/v1/returns/{row['rma_id']}/timeline").json()["items"]
        if one["type"] == "rma.Rma.Requested.v1"
    ]
    assert event["data"]["lines"][0]["answers"] == {"opened": True}


def test_who_chooses_another_reason_is_asked_nothing(shop: Api, signed_in: SignedIn) -> None:
    """Questions are those of the lines as they are now."""
    shop.sell("Q-other", policy_id="desk", lines=[SHOE])
    path = "/desk/orders/Q-other/do/RequestReturn"
    ada = signed_in("ada")
    asked = ada.press(ada.look(path), path, TYPED | {"step": "check"})

    plain = ada.press(asked, path, {"lines.0.reason": "arrived_late", "step": "check"})
    shown = ada.press(plain, path, {"step": "check"})

    assert "Was the box opened?" in asked.text
    assert "Was the box opened?" not in plain.text
    assert "This would happen" in shown.text

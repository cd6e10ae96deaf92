"""What people send from the desk: shown before it is sent, refused in the rules' own words, approved by another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Api
from tests.support.desk import SHOE, arrived, asked, number_of, seen
from tests.support.pages import Browser, Page
from tests.support.pipeline import wait_for

SignedIn = Callable[[str], Browser]
INSPECTED = {
    "inspection_id": "I-1",
    "line": 1,
    "quantity": 1,
    "grade": "A",
    "cause": "none_found",
    "liable_party": "none",
}


def form_path(rma_id: str, command: str) -> str:
    return f"/desk/returns/{rma_id}/do/{command}"


def checked(browser: Browser, path: str, typed: dict[str, str]) -> Page:
    """Fill in a form and have shown what would come of it."""
    return browser.press(browser.look(path), path, {**typed, "step": "check"})


def done(browser: Browser, path: str, typed: dict[str, str]) -> Page:
    """Fill in a form, look, and send it; return the page that comes back."""
    return browser.press(checked(browser, path, typed), path, {"step": "send"})


def denied(shop: Api, rma_id: str, order_id: str) -> None:
    lines = [{"line": 1, "quantity": 1, "decision": "deny", "code": "final_sale"}]
    about = {"rma_id": rma_id, "order_id": order_id, "lines": lines}
    seen(shop, rma_id, shop.accepted("DecideRequest", about, actor="agent:A1"))


def failed_payout(shop: Api, order_id: str) -> tuple[str, str]:
    """Return a return whose payout failed, and the payout."""
    rma_id = arrived(shop, order_id)
    about = {"rma_id": rma_id, "order_id": order_id}
    told = seen(shop, rma_id, shop.accepted("RecordInspection", about | INSPECTED, actor="warehouse:w"))
    payout_id = str(told["payouts"][0]["payout_id"])
    failed = about | {"payout_id": payout_id, "outcome": "failed", "reason": "card_closed"}
    seen(shop, rma_id, shop.accepted("RecordPayoutOutcome", failed, actor="gateway:g"))
    return rma_id, payout_id


def test_a_request_is_approved_once_its_consequence_was_seen(shop: Api, signed_in: SignedIn) -> None:
    """Looking at it sends nothing; sending it is under the name of who is signed in."""
    rma_id = asked(shop, "F-approve", reason="quality")
    ada = signed_in("ada")
    path = form_path(rma_id, "DecideRequest")
    case = ada.look(f"/desk/returns/{rma_id}")
    assert path in case.links

    shown = checked(ada, path, {"lines.0.decision": "approve", "lines.0.quantity": "1"})
    assert (shown.status, "This would happen" in shown.text) == (200, True), shown.text
    assert "Decided by a person" in shown.text
    assert shop.get(f"/v1/returns/{rma_id}").json()["status"] == "needs_review"
    sent = ada.press(shown, path, {"step": "send"})

    assert "Done: Approve or deny" in sent.text
    assert shop.get(f"/v1/returns/{rma_id}").json()["status"] == "authorized"
    [event] = [
        one
        for one in shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
        if one["type"] == "rma.Rma.ReviewDecided.v1"
    ]
    assert event["actor"] == "agent:ada"


def test_a_form_that_is_sent_twice_counts_once(shop: Api, signed_in: SignedIn) -> None:
    """Double click, back button."""
    rma_id = asked(shop, "F-twice")
    ada = signed_in("ada")
    path = form_path(rma_id, "GrantGoodwill")
    shown = checked(ada, path, {"amount_minor": "2.50", "reason": "kindness"})

    first, again = ada.press(shown, path, {"step": "send"}), ada.press(shown, path, {"step": "send"})

    assert first.status == again.status == 200
    events = shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
    assert [one["data"]["amount_minor"] for one in events if one["type"] == "rma.Order.GoodwillGranted.v1"] == [250]


def test_a_refusal_is_told_in_the_rules_own_words(shop: Api, signed_in: SignedIn) -> None:
    """What was typed is kept; nothing is sent."""
    rma_id = asked(shop, "F-refused")
    ada = signed_in("ada")

    refused = checked(ada, form_path(rma_id, "CloseReturn"), {"reason": "done with it"})
    again = checked(ada, form_path(rma_id, "DecideRequest"), {"lines.0.decision": "approve", "lines.0.quantity": "7"})

    assert (refused.status, "This is refused." in refused.text) == (409, True)
    assert refused.form(form_path(rma_id, "CloseReturn")).named("reason") == "done with it"
    assert again.status == 409


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount_minor": "a lot", "reason": "x"}, "Amount"),
        ({"amount_minor": "1.234", "reason": "x"}, "Amount"),
        ({"amount_minor": "-1", "reason": "x"}, "Amount"),
        ({"reason": "x"}, "Amount"),
        ({"amount_minor": "1", "reason": " "}, "Reason"),
        ({"amount_minor": "1", "reason": "x", "line": "one"}, "Line"),
    ],
)
def test_what_cannot_be_read_is_named_as_the_form_calls_it(
    shop: Api, signed_in: SignedIn, typed: dict[str, str], field: str
) -> None:
    """422, and nothing is sent."""
    rma_id = asked(shop, f"F-malformed-{uuid4().hex[:8]}")
    path = form_path(rma_id, "GrantGoodwill")

    page = checked(signed_in("ada"), path, typed)

    assert (page.status, f"{field} :" in page.text or f"{field}:" in page.text) == (422, True), page.text


def test_what_was_shown_is_shown_again_once_it_is_no_longer_so(shop: Api, signed_in: SignedIn) -> None:
    """Nothing happens that its sender has not seen."""
    rma_id = asked(shop, "F-digest")
    path = form_path(rma_id, "GrantGoodwill")
    ada = signed_in("ada")
    shown = checked(ada, path, {"amount_minor": "1", "reason": "x"})

    again = ada.press(shown, path, {"step": "send", "amount_minor": "2"})

    assert "Something has changed" in again.text
    assert not [one for one in timeline(shop, rma_id) if one["type"] == "rma.Order.GoodwillGranted.v1"]


def timeline(shop: Api, rma_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
    return found


def test_more_than_an_agent_may_move_waits_for_a_supervisor_in_his_own_session(shop: Api, signed_in: SignedIn) -> None:
    """He sees who asks and what would happen, and sends it; on record is who asked, and who approved."""
    rma_id = asked(shop, "F-approval")
    ada, sol = signed_in("ada"), signed_in("sol")
    path = form_path(rma_id, "GrantGoodwill")
    shown = checked(ada, path, {"amount_minor": "9", "reason": "a long wait"})
    assert "Another person has to approve" in shown.text
    still = ada.press(shown, path, {"step": "send"})
    assert not [one for one in timeline(shop, rma_id) if one["type"] == "rma.Order.GoodwillGranted.v1"], still.text

    waiting = ada.press(shown, path, {"step": "ask"})
    approval = waiting.response.url.path
    assert ada.press(waiting, approval, {"step": "approve"}).status == 403
    assert number_of(shop, rma_id) in sol.look("/desk?queue=approvals").text
    seen_by_sol = sol.look(approval)
    assert "Ada asked for it" in seen_by_sol.text
    assert "€9.00" in seen_by_sol.text
    sent = sol.press(seen_by_sol, approval, {"step": "approve"})

    assert "Done: Give goodwill" in sent.text
    [event] = [one for one in timeline(shop, rma_id) if one["type"] == "rma.Order.GoodwillGranted.v1"]
    assert (event["actor"], event["data"]["approved_by"]) == ("agent:ada", "sol")
    assert sol.look(approval).status == 404


def test_nobody_approves_of_what_he_asked_for_himself(shop: Api, signed_in: SignedIn) -> None:
    """Not even a supervisor, and no other agent for him; but he may take it back."""
    rma_id = asked(shop, "F-own", reason="quality")
    denied(shop, rma_id, "F-own")
    sol = signed_in("sol")
    path = form_path(rma_id, "OverrideDecision")
    shown = checked(sol, path, {"lines.0.decision": "approve", "lines.0.quantity": "1", "reason": "goodwill"})
    waiting = sol.press(shown, path, {"step": "ask"})
    approval = waiting.response.url.path

    ada = signed_in("ada")
    key = ada.look("/desk").form("/staff/sign-out").named("form_key")
    by_an_agent = ada.post(approval, data={"form_key": key, "step": "approve"})
    refused = sol.press(waiting, approval, {"step": "approve"})
    gone = sol.press(waiting, approval, {"step": "drop"})

    assert (by_an_agent.status_code, refused.status) == (403, 403)
    assert gone.response.url.path == "/desk"
    assert sol.look(approval).status == 404
    assert shop.get(f"/v1/returns/{rma_id}").json()["status"] == "denied"


@pytest.mark.parametrize("person", ["olu", "wei"])
def test_who_only_looks_sends_nothing(shop: Api, signed_in: SignedIn, person: str) -> None:
    """An auditor and the warehouse have no forms of the desk, neither to see nor to send; nobody sends another's."""
    rma_id = asked(shop, f"F-role-{person}")
    path = form_path(rma_id, "GrantGoodwill")
    other = signed_in(person)
    key = other.look("/staff/sign-in").form("/staff/sign-out").named("form_key")

    assert other.look(path).status == 403
    typed = {"form_key": key, "id": str(uuid4()), "step": "send", "amount_minor": "1", "reason": "x"}
    assert other.post(path, data=typed).status_code == 403
    assert len(timeline(shop, rma_id)) == len([one for one in timeline(shop, rma_id) if "Goodwill" not in one["type"]])


def test_a_form_of_another_site_does_nothing(shop: Api, signed_in: SignedIn) -> None:
    """403 without the form's key, with another's, or from another site."""
    rma_id = asked(shop, "F-csrf")
    path = form_path(rma_id, "GrantGoodwill")
    ada, sol = signed_in("ada"), signed_in("sol")
    form = dict(checked(ada, path, {"amount_minor": "1", "reason": "x"}).form(path).fields) | {"step": "send"}

    tried = [
        ada.post(path, data=form | {"form_key": ""}),
        sol.post(path, data=form),
        ada.post(path, data=form, headers={"sec-fetch-site": "cross-site"}),
    ]

    assert [one.status_code for one in tried] == [403] * 3
    assert not [one for one in timeline(shop, rma_id) if "Goodwill" in one["type"]]


def test_who_asks_to_be_forgotten_is_forgotten_for_good_and_it_says_so(shop: Api, signed_in: SignedIn) -> None:
    """What cannot be undone is told before it is done, though no event that the door could play tells of it."""
    ada = signed_in("ada")
    shop.sell("F-forget", policy_id="desk", lines=[SHOE], customer_id="C-forget", contact={"email": "f@b.example"})
    path = "/desk/orders/F-forget/do/EraseCustomer"
    assert path in wait_for(lambda: _links_of(ada, "/desk/orders/F-forget"), "the order")

    shown = checked(ada, path, {"reason": "request"})
    assert "becomes unreadable for ever" in shown.text
    assert "the customer asked" in shown.text
    sent = ada.press(shown, path, {"step": "send"})

    assert "Done: Forget the customer" in sent.text, sent.text
    again = shop.accepted("EraseCustomer", {"customer_id": "C-forget", "reason": "request"}, actor="agent:A1")
    assert again["events"] == []  # nothing is left to forget


def _links_of(browser: Browser, path: str) -> list[str]:
    return browser.look(path).links


@pytest.mark.parametrize("command", ["PublishPolicy", "EraseCustomer", "ReceiveGoods", "RecordPayoutOutcome", "x"])
def test_there_is_no_form_for_what_is_not_of_the_desk(shop: Api, signed_in: SignedIn, command: str) -> None:
    """404, whatever the path says; also for a form about something else."""
    rma_id = asked(shop, f"F-none-{command}")
    ada = signed_in("ada")

    assert ada.look(form_path(rma_id, command)).status == 404
    assert ada.look(f"/desk/orders/F-none-{command}/do/CloseReturn").status == 404

"""Each form of the desk and the bench beside the same command from a Kafka client: nothing is decided in a door."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from commands.sources import OWN
from infra.kafka.command_client import Conversation, Result, conversation
from tests.support.api import Api
from tests.support.four_ways.case import POLICY
from tests.support.pages import Browser, Page
from tests.support.pipeline import wait_for
from tests.support.twins import KAFKA, POLICY_ID, Twin, all_of, recorded, told
from workers.http.door import Door
from workers.http.pages.staff import acting, bench
from workers.http.pages.staff.forms import BENCH, DESK

SignedIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def kafka(staff_door: tuple[Door, object]) -> Iterator[Conversation]:
    """A client that knows Kafka and nothing else, and the policy of all twins."""
    with conversation(staff_door[0].settings) as opened:
        all_of(opened, iter([told("PublishPolicy", {**POLICY, "policy_id": POLICY_ID}, "agent:A1")]))
        yield opened


@pytest.mark.parametrize("command", [*(one for one in DESK if one != "AddEvidence"), *BENCH])
def test_a_form_leads_to_the_facts_that_its_command_leads_to(
    command: str, kafka: Conversation, shop: Api, signed_in: SignedIn, staff_door: tuple[Door, object]
) -> None:
    """Sent by the page, and sent by Kafka on a twin; every form there is, by the table that makes them."""
    door, _ = staff_door
    here, there = Twin.of(command), Twin.of(command)
    before = all_of(kafka, here.before())
    all_of(kafka, there.before())
    _shown(shop, here, before)
    person = "wei" if command in BENCH else "ada"
    form_id, approver = _sent_from_bench(signed_in, here) if command in BENCH else _sent_from_desk(signed_in, here)
    source = bench.SOURCE if command in BENCH else acting.SOURCE

    body = {name: value for name, value in there.body().items() if name != "approved_by"} | approver
    kind = "warehouse" if command in BENCH else "agent"
    [answer] = all_of(kafka, iter([told(command, body, f"{kind}:{person}")]))

    by_kafka = recorded(door, KAFKA, answer["command_id"])
    assert by_kafka
    assert recorded(door, source, form_id) == by_kafka


def _shown(shop: Api, twin: Twin, before: list[Result]) -> None:
    """Wait until the views show what happened before: forms offer what they hold."""
    position = max(event["position"] for answer in before for event in answer["events"])
    for path in (f"/v1/returns/{twin.rma_id}", "/v1/returns?order_id=nobodys"):
        shop.get(path, params={"after": position})


def _sent_from_desk(signed_in: SignedIn, twin: Twin) -> tuple[str, dict[str, str]]:
    """Fill in a form, look, and send it, by a supervisor where it needs one; return its id, and who approved."""
    ada, path = signed_in("ada"), twin.path
    page = wait_for(lambda: _there(ada.look(path)), "the form")
    shown = ada.press(page, path, {**twin.typed(), "step": "check"})
    assert "This would happen" in shown.text, shown.text
    form_id = shown.form(path).named("id")
    if "Another person has to approve" not in shown.text:
        sent, approver = ada.press(shown, path, {"step": "send"}), {}
    else:
        waits = ada.press(shown, path, {"step": "ask"}).response.url.path
        sol, approver = signed_in("sol"), {"approved_by": "sol"}
        sent = sol.press(sol.look(waits), waits, {"step": "approve"})
    assert f"Done: {twin.form.title}" in sent.text, sent.text
    return form_id, approver


def _sent_from_bench(signed_in: SignedIn, twin: Twin) -> tuple[str, dict[str, str]]:
    wei, path = signed_in("wei"), twin.path
    page = wei.look(path)
    sent = wei.press(page, path, {**twin.typed(), "step": "send"})
    assert f"Done: {twin.form.title}" in sent.text, sent.text
    return page.form(path).named("id"), {}


def _there(page: Page) -> Page | None:
    return page if page.status == 200 else None


def test_sources_may_send_what_their_forms_send() -> None:
    """The table of rights names each form's command, and no other."""
    assert OWN["/doors/desk"].commands == DESK.keys()
    assert OWN["/doors/bench"].commands == BENCH.keys()

"""Each form of the customer's pages beside the same command from a Kafka client: nothing is decided in a door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args
from uuid import uuid4

import orjson
import pytest

from commands.sources import OWN
from infra.kafka.command_client import Conversation, conversation
from tests.integration.workers.http.pages.test_answering import photo
from tests.support.api import Api
from tests.support.desk import seen
from tests.support.pages import Browser, Page
from tests.support.twins import KAFKA, all_of, recorded, told
from workers.http.door import Door
from workers.http.pages.sending import SOURCE, CustomersCommand

RULES: Final = [
    {"name": "no", "when": {"fact": "sku", "in": ["LAMP"]}, "then": {"decide": "deny", "code": "final_sale"}},
    {"name": "mugs", "when": {"fact": "sku", "in": ["MUG"]},
     "then": {"remedy": {"kind": "partial_refund", "share_bps": 2_500}}},
]  # fmt: skip
POLICY: Final = {
    "policy_id": "customers-twins", "effective_from": "2020-01-01T00:00:00Z",
    "document": {"window": {"days": 30}, "offers": ["refund", "store_credit"], "method": "label", "rules": RULES},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A form that was sent: the id that it went under, and the body that it stands for."""

    id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A shop, a customer in his browser, and two orders alike."""

    shop: Api
    browser: Browser
    here: str
    there: str

    def sold(self, sku: str = "SHOE", country: str = "US") -> None:
        line = {"line_id": "L1", "sku": sku, "quantity": 2, "amount_minor": 2_000, "title": sku.title()}
        for order_id in (self.here, self.there):
            self.shop.sell(order_id, policy_id=POLICY["policy_id"], lines=[line], country=country)

    def asked(self, sku: str = "SHOE", quantity: int = 1) -> tuple[Page, dict[str, str]]:
        """Ask for a return of both orders; return the page of the one, and what a command names of the other."""
        self.sold(sku)
        returns = {order_id: self.shop.ask_return(order_id, quantity=quantity) for order_id in (self.here, self.there)}
        for rma_id, told_of in returns.values():
            seen(self.shop, rma_id, told_of)
        page = self.browser.press(self.browser.enter(self.here), "/returns/open", {"return": returns[self.here][0]})
        return page, {"rma_id": returns[self.there][0], "order_id": self.there}

    def sent(self, page: Page, name: str, typed: dict[str, str], **how: Any) -> str:
        """Send a form of the return's page; return its id."""
        action = f"{page.response.url.path}/{name}"
        done = self.browser.press(page, action, typed, **how)
        assert done.status == 200, done.text
        return page.form(action).named("id")


def asks(stage: Stage) -> Said:
    stage.sold()
    choice = {"quantity:L1": "1", "reason:L1": "too_small"}
    details = stage.browser.press(stage.browser.enter(stage.here), "/returns/order/details", choice)
    preview = stage.browser.press(details, "/returns/order/details", {"go": "preview", "wish:L1": "store_credit"})
    sent = stage.browser.press(preview, "/returns/order/send")
    assert sent.response.url.path.startswith("/r/"), sent.text
    line = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "store_credit"}
    body = {"rma_id": str(uuid4()), "order_id": stage.there, "lines": [line]}
    return Said(preview.form("/returns/order/send").named("id"), body)


def withdraws_from_the_contract(stage: Stage) -> Said:
    stage.sold(country="DE")
    stage.browser.enter(stage.here)
    typed = {"name": "Ann", "order_id": stage.here, "email": "ann@mail.example"}
    confirm = stage.browser.press(stage.browser.look("/withdraw"), "/withdraw", typed)
    assert "We have received" in stage.browser.press(confirm, "/withdraw/confirm").text
    lines = [{"line_id": "L1", "quantity": 2, "wish": "refund"}]
    body = {"rma_id": str(uuid4()), "order_id": stage.there, "lines": lines, "withdrawal": True}
    return Said(confirm.form("/withdraw/confirm").named("id"), body)


def corrects(stage: Stage) -> Said:
    page, other = stage.asked(quantity=2)
    typed = {"reason": "too_large", "quantity": "1", "wish": "store_credit", "comment": "One fits."}
    said = {"line": 1, "reason": "too_large", "quantity": 1, "wish": "store_credit", "comment": "One fits."}
    return Said(stage.sent(page, "correct", typed), {**other, **said})


def corrects_contact(stage: Stage) -> Said:
    page, other = stage.asked()
    typed = {"name": "Ann", "email": "ann@mail.example", "street": "1 Road\r\nDoor 2", "city": "Bonn", "country": "de"}
    address = {"lines": ["1 Road", "Door 2"], "city": "Bonn", "country": "DE"}
    contact = {"name": "Ann", "email": "ann@mail.example", "language": "en", "address": address}
    return Said(stage.sent(page, "contact", typed), {"order_id": other["order_id"], "contact": contact})


def cancels(stage: Stage) -> Said:
    page, other = stage.asked()
    return Said(stage.sent(page, "cancel", {}), other)


def gives_feedback(stage: Stage) -> Said:
    asked, other = stage.asked()
    page, typed = stage.browser.look(f"{asked.response.url.path}?score=5"), {"score": "4", "comment": "Quick."}
    return Said(stage.sent(page, "feedback", typed), {**other, "score": 4, "comment": "Quick."})


def puts_forward(stage: Stage) -> Said:
    page, other = stage.asked()
    form_id = stage.sent(page, "evidence", {}, files=[("files", ("a.png", photo(), "image/png"))])
    return Said(form_id, {**other, "evidence": [{"evidence_id": "E", "kind": "photo", "uri": "u"}]})


def appeals(stage: Stage) -> Said:
    page, other = stage.asked("LAMP")
    return Said(stage.sent(page, "appeal", {"grounds": "It broke."}), {**other, "line": 1, "grounds": "It broke."})


def answers(stage: Stage) -> Said:
    page, other = stage.asked("MUG")
    return Said(stage.sent(page, "remedy", {"answer": "yes"}), {**other, "line": 1, "accepted": True})


CASES: Final[list[tuple[CustomersCommand, Callable[[Stage], Said]]]] = [
    ("RequestReturn", asks),
    ("RequestReturn", withdraws_from_the_contract),
    ("CorrectRequest", corrects),
    ("CorrectContact", corrects_contact),
    ("WithdrawReturn", cancels),
    ("GiveFeedback", gives_feedback),
    ("AddEvidence", puts_forward),
    ("AppealDenial", appeals),
    ("AnswerRemedy", answers),
]


@pytest.fixture(scope="module")
def kafka(page_door: tuple[Door, object]) -> Iterator[Conversation]:
    """A client that knows Kafka and nothing else, and the policy of all twins."""
    with conversation(page_door[0].settings) as opened:
        all_of(opened, iter([told("PublishPolicy", POLICY, "agent:A1")]))
        yield opened


@pytest.fixture
def staged(shop: Api, browser: Browser) -> Callable[[str], Stage]:
    """Return the stage of a case, by its name."""
    return lambda name: Stage(shop, browser, f"K-{name}-here", f"K-{name}-there")


@pytest.mark.parametrize(("command", "say"), CASES, ids=[say.__name__ for _, say in CASES])
def test_a_form_leads_to_the_facts_that_its_command_leads_to(
    command: CustomersCommand,
    say: Callable[[Stage], Said],
    kafka: Conversation,
    staged: Callable[[str], Stage],
    page_door: tuple[Door, object],
) -> None:
    """Sent by the page, and sent by Kafka on a twin; what the door itself gives, such as a file's name, is its own."""
    said = say(staged(say.__name__))

    [answer] = all_of(kafka, iter([told(command, dict(said.body), "customer:C-1")]))

    by_kafka = recorded(page_door[0], KAFKA, answer["command_id"])
    assert by_kafka
    assert without_files(recorded(page_door[0], SOURCE, said.id)) == without_files(by_kafka)


def without_files(facts: list[tuple[str, Any]]) -> Any:
    """Return facts without where a file lies and what it is: both are the door's own."""
    told_of = orjson.loads(orjson.dumps(facts))
    for _, body in told_of:
        for file in body.get("evidence") or ():
            file.update(uri="", sha256="")
    return told_of


def test_every_command_of_the_pages_has_a_case() -> None:
    """The pages can send what has one, and may send no other."""
    assert {command for command, _ in CASES} == set(get_args(CustomersCommand))
    assert OWN["/doors/customer"].commands == frozenset(get_args(CustomersCommand))

"""What waits for a person at the desk, and how a return, an order, a customer is found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from infra.sealing.openings import Looked, openings
from infra.sealing.vault import opened_register
from infra.settings import Settings
from tests.support.api import Api, Keys
from tests.support.desk import SHOE, all_of, arrived, asked, number_of, seen
from tests.support.pages import Browser
from workers.http.pages.staff import queues

NOBODYS = UUID(int=1)

SignedIn = Callable[[str], Browser]
SCRIPT = '<script>alert("x")</script>'


def test_what_policy_left_to_a_person_waits_until_he_decides(shop: Api, signed_in: SignedIn) -> None:
    """With the code that says why; once it is decided it waits no longer."""
    rma_id = asked(shop, "Q-review", reason="quality")
    number = number_of(shop, rma_id)
    ada = signed_in("ada")

    texts = " ".join(page.text for page in all_of(ada, "/desk?queue=review"))
    assert number in texts
    assert "[high_value]" in texts
    lines = [{"line": 1, "quantity": 1, "decision": "approve"}]
    told = shop.accepted("DecideRequest", {"rma_id": rma_id, "order_id": "Q-review", "lines": lines}, actor="agent:A1")
    seen(shop, rma_id, told)

    assert number not in " ".join(page.text for page in all_of(ada, "/desk?queue=review"))


def test_goods_that_were_not_accepted_and_appeals_wait(shop: Api, signed_in: SignedIn) -> None:
    """Of the bench, and of customers who disagree."""
    graded, denied = arrived(shop, "Q-graded"), asked(shop, "Q-appeal", reason="quality")
    found = {"inspection_id": "I-1", "line": 1, "quantity": 1, "grade": "X", "cause": "counterfeit"}
    about = {"rma_id": graded, "order_id": "Q-graded", "liable_party": "customer"}
    seen(shop, graded, shop.accepted("RecordInspection", about | found, actor="warehouse:w"))
    about = {"rma_id": denied, "order_id": "Q-appeal"}
    lines = [{"line": 1, "quantity": 1, "decision": "deny", "code": "final_sale"}]
    shop.accepted("DecideRequest", about | {"lines": lines}, actor="agent:A1")
    appeal = about | {"line": 1, "grounds": "It was never on sale."}
    seen(shop, denied, shop.accepted("AppealDenial", appeal, actor="customer:C-1"))
    ada = signed_in("ada")

    review = " ".join(page.text for page in all_of(ada, "/desk?queue=review"))
    appeals = " ".join(page.text for page in all_of(ada, "/desk?queue=appeals"))

    assert number_of(shop, graded) in review
    assert number_of(shop, denied) in review
    assert number_of(shop, denied) in appeals
    assert number_of(shop, graded) not in appeals


def test_a_label_is_at_hand_on_the_page_of_its_return(shop: Api, signed_in: SignedIn) -> None:
    """As the customer gets it, to be sent to him again; another return's id leads nowhere."""
    rma_id = asked(shop, "Q-label")
    label = {"label_id": "L/1", "carrier": "Post", "tracking_number": "T-LABEL", "ship_to": "WH-1"}
    seen(shop, rma_id, shop.accepted("IssueLabel", {"rma_id": rma_id, "order_id": "Q-label"} | label))
    ada = signed_in("ada")

    [link] = [link for link in ada.look(f"/desk/returns/{rma_id}").links if "label.pdf" in link]
    paper = ada.look(link).response

    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.content.startswith(b"%PDF")
    assert ada.look(link.replace(rma_id, str(NOBODYS))).status == 404
    assert signed_in("wei").look(link).status == 403


def test_a_payout_that_failed_and_a_difference_wait(shop: Api, signed_in: SignedIn) -> None:
    """Until somebody has it paid elsewhere, or says what was behind it."""
    rma_id = arrived(shop, "Q-failed")
    about = {"rma_id": rma_id, "order_id": "Q-failed"}
    found = {
        "inspection_id": "I-1",
        "line": 1,
        "quantity": 1,
        "grade": "A",
        "cause": "none_found",
        "liable_party": "none",
    }
    told = seen(shop, rma_id, shop.accepted("RecordInspection", about | found, actor="warehouse:w"))
    payout_id = told["payouts"][0]["payout_id"]
    failed = about | {"payout_id": payout_id, "outcome": "failed", "reason": "card_closed"}
    seen(shop, rma_id, shop.accepted("RecordPayoutOutcome", failed, actor="gateway:g"))
    difference = {
        "difference_id": str(uuid4()),
        "kind": "missing_there",
        "payout_id": payout_id,
        "order_id": "Q-failed",
    }
    difference["here"] = {"amount_minor": 505, "currency": "EUR", "status": "failed"}
    shop.accepted("ReportDifference", difference, actor="system:s")
    ada = signed_in("ada")

    assert number_of(shop, rma_id) in " ".join(page.text for page in all_of(ada, "/desk?queue=payouts"))
    for _ in range(50):
        if "Q-failed" in " ".join(page.text for page in all_of(ada, "/desk?queue=differences")):
            return
    pytest.fail("the difference is not listed")


def test_a_queue_is_read_page_by_page(shop: Api, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each return once, the oldest first; a place that no page ended with leads nowhere."""
    monkeypatch.setattr(queues, "PAGE", 2)
    numbers = [number_of(shop, asked(shop, f"Q-many-{count}", reason="quality")) for count in range(3)]
    ada = signed_in("ada")

    pages = all_of(ada, "/desk?queue=review")

    assert len(pages) > 1
    text = " ".join(page.text for page in pages)
    assert [text.count(number) for number in numbers] == [1] * 3
    assert sorted(numbers, key=text.index) == numbers
    for cursor in ("x", "AAAA", pages[0].links[-1]):
        assert ada.get("/desk", params={"queue": "review", "cursor": cursor}).status_code == 404
    assert ada.get("/desk?queue=nonsense").status_code == 404


def test_a_return_is_found_by_what_people_have_in_hand(shop: Api, signed_in: SignedIn) -> None:
    """Its number as people type it, its id; an order's and a customer's list theirs."""
    rma_id = asked(shop, "Q-find")
    number = number_of(shop, rma_id)
    ada = signed_in("ada")

    for typed in (number, number.lower().replace("-", ""), rma_id, f"  {number} "):
        assert ada.look("/desk/search", params={"q": typed}).response.url.path == f"/desk/returns/{rma_id}"
    by_order = ada.look("/desk/search", params={"q": "Q-find"})
    assert number in by_order.text
    assert "/desk/orders/Q-find" in by_order.links
    assert number in " ".join(page.text for page in all_of(ada, "/desk/search?q=C-1"))


@pytest.mark.parametrize("typed", ["", "nothing", SCRIPT, "%", "\x00", "x" * 5_000, "../..", "' OR 1=1 --"])
def test_what_is_not_found_is_said_so(signed_in: SignedIn, typed: str) -> None:
    """Whatever was typed is a text, and nothing else."""
    page = signed_in("ada").look("/desk/search", params={"q": typed})

    assert page.status == 200
    assert SCRIPT not in page.response.text


def test_an_order_whose_name_is_a_path_has_its_page(shop: Api, signed_in: SignedIn) -> None:
    """Names of orders are what shops choose."""
    asked(shop, "A/B?c=%2e#..")
    ada = signed_in("ada")

    found = ada.look("/desk/search", params={"q": "A/B?c=%2e#.."})
    [link] = [link for link in found.links if link.startswith("/desk/orders/") and "B" in link][:1]

    order = ada.look(link)
    assert (order.status, "Order A/B?c=%2e#.." in order.text) == (200, True)
    assert ada.look("/desk/orders/there-is-none").status == 404


def test_a_case_tells_everything_on_one_page(shop: Api, signed_in: SignedIn) -> None:
    """Lines, what happened, why, money, deadlines; texts of the customer are sealed."""
    rma_id = asked(shop, "Q-case", reason="quality", comment="The sole came off.", sold={"title": SCRIPT})

    page = signed_in("olu").look(f"/desk/returns/{rma_id}")

    assert page.status == 200
    for said in (
        "quality",
        "Return asked for",
        "A person has to decide",
        "customer:C-1",
        "No money has moved yet",
        SCRIPT,
    ):
        assert said in page.text, said
    assert "(sealed)" in page.text
    assert "The sole came off." not in page.text
    assert SCRIPT not in page.response.text


def test_what_a_customer_wrote_is_for_who_acts_on_it(
    shop: Api, signed_in: SignedIn, door_settings: tuple[Settings, Keys]
) -> None:
    """An agent sees it, escaped, and is on record with it; the warehouse and auditors do not; erased, nobody does."""
    shop.sell("Q-sealed", policy_id="desk", lines=[SHOE], customer_id="C-desk-sealed")
    line = {"line_id": "L1", "quantity": 1, "reason": "quality", "wish": "refund", "comment": f"My sole {SCRIPT}"}
    rma_id = str(uuid4())
    body = {"rma_id": rma_id, "order_id": "Q-sealed", "lines": [line]}
    seen(shop, rma_id, shop.accepted("RequestReturn", body, actor="customer:C-desk-sealed"))
    path = f"/desk/returns/{rma_id}"

    page = signed_in("ada").look(path)

    assert f"My sole {SCRIPT}" in page.text
    assert SCRIPT not in page.response.text
    assert "My sole" not in signed_in("olu").look(path).text
    assert "My sole" not in signed_in("wei").look(f"/bench/{rma_id}").text
    with closing(opened_register(door_settings[0])) as connection:
        looked = list(openings(connection, Looked(persons=["customer/C-desk-sealed"])))
    assert {(one.actor, one.why) for one in looked} == {("agent:ada", "the desk's page of a return")}
    shop.accepted("EraseCustomer", {"customer_id": "C-desk-sealed", "reason": "request"})
    assert "(erased)" in signed_in("ada").look(path).text


def test_a_case_is_told_in_chinese(shop: Api, signed_in: SignedIn) -> None:
    """Every word of it that is ours."""
    rma_id = asked(shop, "Q-chinese", reason="quality")

    page = signed_in("ada").look(f"/desk/returns/{rma_id}?lang=zh")

    assert page.language == "zh-Hans"
    for said in ("申请退货", "须人工决定", "待决定", "期限"):
        assert said in page.text


@pytest.mark.parametrize(
    "path", ["/desk/returns/x", f"/desk/returns/{NOBODYS}", f"/desk/files/{NOBODYS}", "/desk/credit-notes?number=x"]
)
def test_what_is_not_there_is_not_there(signed_in: SignedIn, path: str) -> None:
    """404, and a page that leads back."""
    page = signed_in("ada").look(path)

    assert (page.status, "There is nothing here" in page.text) == (404, True)

"""What a customer puts right on his return's page, and who may not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.integration.workers.http.pages.conftest import POLICY
from tests.integration.workers.http.pages.test_hostile import asked, sold
from tests.support.api import Api
from tests.support.desk import SHOE
from tests.support.pages import Browser, Page


def corrected(browser: Browser, page: Page, form: str, typed: dict[str, str]) -> Page:
    return browser.press(page, f"{page.response.url.path}/{form}", typed)


def lines_of(shop: Api, order_id: str) -> list[tuple[str, str, int]]:
    [row] = shop.get("/v1/returns", params={"order_id": order_id}).json()["items"]
    lines = shop.get(f"/v1/returns/{row['rma_id']}").json()["lines"]
    return [(line["reason"], line["wish"], line["quantity"]) for line in lines]


def test_a_request_is_put_right_and_decided_anew(shop: Api, browser: Browser) -> None:
    """What is changed is sent, and nothing else; nothing changed is nothing sent; more units are refused in words."""
    sold(shop, "C-right")
    page = asked(browser, "C-right")

    nothing = corrected(browser, page, "correct", {})
    more = corrected(browser, page, "correct", {"quantity": "2"})
    changes = {"reason": "arrived_late", "wish": "store_credit"}
    done = corrected(browser, page, "correct", changes)

    assert (nothing.status, "Nothing is different yet." in nothing.text) == (422, True)
    assert more.status == 409
    assert (done.status, "It arrived too late" in done.text) == (200, True), done.text
    assert lines_of(shop, "C-right") == [("arrived_late", "store_credit", 1)]


def test_who_goes_back_to_an_old_page_may_say_something_else(shop: Api, browser: Browser) -> None:
    """After a refusal and after it was taken; the same once more, a double click, is one correction."""
    sold(shop, "C-back")
    page = asked(browser, "C-back")

    refused = corrected(browser, page, "correct", {"quantity": "2"})
    taken = [corrected(browser, page, "correct", {"reason": "arrived_late"}) for _ in range(2)]
    other = [corrected(browser, page, "correct", {"reason": "quality"}) for _ in range(2)]

    assert [refused.status, *[one.status for one in taken + other]] == [409, 200, 200, 200, 200]
    assert lines_of(shop, "C-back") == [("quality", "refund", 1)]
    [row] = shop.get("/v1/returns", params={"order_id": "C-back"}).json()["items"]
    events = shop.get(f"/v1/returns/{row['rma_id']}/timeline").json()["items"]
    assert [one["type"] for one in events].count("rma.Rma.RequestCorrected.v1") == 2


def test_what_was_refused_is_tried_anew_where_the_same_is_sent_once_more(shop: Api, browser: Browser) -> None:
    """What was too early may be in time now; the old refusal is not given again."""
    rule = {"name": "look", "when": {"fact": "wish", "is": "refund"}, "then": {"decide": "review", "code": "look"}}
    document = POLICY | {"rules": [rule]}
    published = {"policy_id": "looked-at", "effective_from": "2020-01-01T00:00:00Z", "document": document}
    shop.accepted("PublishPolicy", published, actor="agent:A1")
    shop.sell("C-early", policy_id="looked-at", lines=[SHOE])
    page = asked(browser, "C-early")
    path = f"{page.response.url.path}/feedback"
    form = {"form_key": page.forms[0].named("form_key"), "id": str(uuid4()), "score": "5"}

    early = browser.post(path, data=form)
    [row] = shop.get("/v1/returns", params={"order_id": "C-early"}).json()["items"]
    lines = [{"line": 1, "quantity": 1, "decision": "approve"}]
    shop.accepted("DecideRequest", {"rma_id": row["rma_id"], "order_id": "C-early", "lines": lines}, actor="agent:A1")
    in_time = [browser.post(path, data=form) for _ in range(2)]

    assert [one.status_code for one in (early, *in_time)] == [409, 200, 200]
    events = shop.get(f"/v1/returns/{row['rma_id']}/timeline").json()["items"]
    assert [one["type"] for one in events].count("rma.Rma.FeedbackGiven.v1") == 1


def test_what_has_left_is_put_right_no_more(shop: Api, browser: Browser) -> None:
    """The form is gone; an old page's hears why."""
    sold(shop, "C-left")
    page = asked(browser, "C-left")
    [row] = shop.get("/v1/returns", params={"order_id": "C-left"}).json()["items"]
    about = {"rma_id": row["rma_id"], "order_id": "C-left"}
    told = shop.accepted("RecordHandover", about, actor="carrier:post")

    late = corrected(browser, page, "correct", {"reason": "arrived_late"})
    again = browser.look(page.response.url.path, params={"after": str(told["events"][-1]["position"])})

    assert late.status == 409
    assert f"{page.response.url.path}/correct" not in {form.action for form in again.forms}


@pytest.mark.parametrize(
    "typed",
    [
        {"email": "no address"},
        {"email": "a@b.example", "phone": "0170 123"},
        {"email": "a@b.example", "city": "Bonn"},
        {"email": "a@b.example", "street": "1 Road", "city": "Bonn", "country": "Germany"},
        {"email": ""},
    ],
)
def test_a_contact_that_is_none_is_said_so_and_kept(shop: Api, browser: Browser, typed: dict[str, str]) -> None:
    """422, with what was typed; nothing is sent."""
    sold(shop, order_id := f"C-bad-{abs(hash(str(typed)))}"[:40])
    page = asked(browser, order_id)

    told = corrected(browser, page, "contact", typed)

    assert (told.status, "Please look again" in told.text) == (422, True)
    form = told.form(f"{page.response.url.path}/contact")
    assert {name: form.named(name) for name in typed} == typed


def test_only_who_came_in_just_now_changes_where_mails_go(shop: Api, browser: Browser) -> None:
    """A link that was passed on, or stands in an old mail, redirects nobody's letters."""
    sold(shop, "C-holder")
    path = asked(browser, "C-holder").response.url.path
    holder = browser.another()
    seen = holder.look(path)
    key = seen.form(f"{path}/correct").named("form_key")

    told = holder.post(f"{path}/contact", data={"form_key": key, "id": "x", "email": "thief@mail.example"})

    assert told.status_code == 403
    assert f"{path}/contact" not in {form.action for form in seen.forms}

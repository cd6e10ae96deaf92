"""From the shop's link to a return of one's own: every page, by forms alone."""

from __future__ import annotations

from tests.support.api import Api
from tests.support.pages import Browser, Page, shop_token

SHOE = {"line_id": "L1", "sku": "SHOE-42", "quantity": 2, "amount_minor": 2000, "title": "Shoe", "category": "shoes"}


def sold(shop: Api, order_id: str) -> None:
    shop.sell(order_id, policy_id="pages", lines=[SHOE])


def chosen(browser: Browser, order: Page, **changes: str) -> Page:
    """Choose one unit because it is too small; return the next page."""
    said = {"quantity:L1": "1", "reason:L1": "too_small", **changes}
    return browser.press(order, "/returns/order/details", said)


def previewed(browser: Browser, details: Page, **changes: str) -> Page:
    return browser.press(details, "/returns/order/details", {"go": "preview", **changes})


def test_a_customer_asks_for_a_return_and_sees_it(shop: Api, browser: Browser) -> None:
    """Enter, choose, tell more, preview, send: the return is there, as any reader of the API sees it."""
    sold(shop, "P-whole")

    order = browser.enter("P-whole")
    assert "What would you like to return?" in order.text
    details = chosen(browser, order)
    preview = previewed(browser, details, **{"comment:L1": "They pinch."})
    assert (preview.status, "€5.05" in preview.text) == (200, True), preview.text
    assert "Fees of €4.95 are already taken off." in preview.text
    assert "Where it goes WH-1" in preview.text
    sent = browser.press(preview, "/returns/order/send")

    assert sent.status == 200, sent.text
    assert sent.response.url.path.startswith("/r/")
    [row] = shop.get("/v1/returns", params={"order_id": "P-whole"}).json()["items"]
    assert row["rma_number"] in sent.text
    assert (row["status"], row["customer_id"]) == ("authorized", "C-1")
    told = shop.get(f"/v1/returns/{row['rma_id']}").json()
    assert [(line["reason"], line["wish"]) for line in told["lines"]] == [("too_small", "refund")]


def test_the_pages_speak_chinese(shop: Api, browser: Browser) -> None:
    """The language is chosen once, and kept; `lang` says it to readers aloud."""
    sold(shop, "P-chinese")
    order = browser.enter("P-chinese")
    assert order.language == "en"

    order = browser.look("/returns/order?lang=zh")
    details = chosen(browser, order)
    preview = previewed(browser, details)

    assert order.language == "zh-Hans"
    assert "您想退哪些商品？" in order.text
    assert "鞋太小（挤脚）" in details.text
    assert "€5.05" in preview.text


def test_a_page_that_was_sent_can_be_read_in_the_other_language(shop: Api, browser: Browser) -> None:
    """The button sends the form once more: nothing that was typed is lost."""
    sold(shop, "P-switch")
    details = chosen(browser, browser.enter("P-switch"))

    switched = browser.press(details, "/returns/order/details", {"lang": "zh", "comment:L1": "<b>kept</b>"})

    assert switched.language == "zh-Hans"
    assert switched.form("/returns/order/details").named("comment:L1") == "<b>kept</b>"


def test_a_form_without_a_reason_says_so_and_keeps_what_was_chosen(shop: Api, browser: Browser) -> None:
    """422, the number still chosen, the fault beside its field."""
    sold(shop, "P-reason")

    page = chosen(browser, browser.enter("P-reason"), **{"reason:L1": ""})

    assert (page.status, "Please choose a reason." in page.text) == (422, True)
    assert page.form("/returns/order/details").named("quantity:L1") == "1"


def test_a_question_that_must_be_answered_is_asked(shop: Api, browser: Browser) -> None:
    """The policy's own question, of those it is for; then its answer is on the return."""
    sold(shop, "P-question")
    details = chosen(browser, browser.enter("P-question"), **{"reason:L1": "defective"})
    assert "Was the box opened?" in details.text

    unanswered = previewed(browser, details)
    answered = previewed(browser, unanswered, **{"answer:L1:opened": "yes"})
    sent = browser.press(answered, "/returns/order/send")

    assert (unanswered.status, "Please answer this." in unanswered.text) == (422, True)
    assert "€10.00" in answered.text
    assert sent.response.url.path.startswith("/r/"), sent.text


def test_the_same_form_again_leads_to_the_same_return(shop: Api, browser: Browser) -> None:
    """Double click, back button: one return, however often it is sent."""
    sold(shop, "P-twice")
    preview = previewed(browser, chosen(browser, browser.enter("P-twice")))

    first = browser.press(preview, "/returns/order/send")
    again = browser.press(preview, "/returns/order/send")

    assert first.status == again.status == 200
    assert len(shop.get("/v1/returns", params={"order_id": "P-twice"}).json()["items"]) == 1


def test_what_was_previewed_is_shown_again_once_it_is_no_longer_so(shop: Api, browser: Browser) -> None:
    """Nothing is sent on terms that the customer has not seen."""
    sold(shop, "P-digest")
    preview = previewed(browser, chosen(browser, browser.enter("P-digest")))

    shown = browser.press(preview, "/returns/order/send", {"digest": "another"})

    assert "Something has changed since you last looked." in shown.text
    assert shop.get("/v1/returns", params={"order_id": "P-digest"}).json()["items"] == []
    assert browser.press(shown, "/returns/order/send").response.url.path.startswith("/r/")


def test_looking_uses_nothing_up(shop: Api, browser: Browser) -> None:
    """A mail's scanner may open the link as often as it likes; the button works once."""
    sold(shop, "P-scanner")
    token = shop_token("P-scanner")
    for _ in range(3):
        assert browser.another().look("/returns/enter", params={"token": token}).status == 200
    offered = browser.look("/returns/enter", params={"token": token})

    entered = browser.press(offered, "/returns/enter")
    again = browser.another()
    used = again.press(again.look("/returns/enter", params={"token": token}), "/returns/enter")

    assert entered.status == 200
    assert (used.status, "This link does not lead anywhere" in used.text) == (404, True)


def test_a_return_is_cancelled_by_its_customer(shop: Api, browser: Browser) -> None:
    """Who came in just now may; the page then says so."""
    sold(shop, "P-cancel")
    preview = previewed(browser, chosen(browser, browser.enter("P-cancel")))
    sent = browser.press(preview, "/returns/order/send")
    cancel = sent.response.url.path + "/cancel"

    cancelled = browser.press(sent, cancel)

    assert "You have cancelled this return" in cancelled.text
    [row] = shop.get("/v1/returns", params={"order_id": "P-cancel"}).json()["items"]
    assert row["status"] == "withdrawn"


def test_feedback_is_given_by_a_form_that_a_link_opens_with_its_score(shop: Api, browser: Browser) -> None:
    """The link chooses, the button sends: opening it gives no score."""
    sold(shop, "P-feedback")
    preview = previewed(browser, chosen(browser, browser.enter("P-feedback")))
    path = browser.press(preview, "/returns/order/send").response.url.path

    opened = browser.look(path, params={"score": "4"})
    assert opened.form(f"{path}/feedback").named("score") == "4"
    given = browser.press(opened, f"{path}/feedback", {"comment": "Quick."})

    assert "Thank you for telling us how it went." in given.text
    assert f"{path}/feedback" not in {form.action for form in given.forms}

"""A customer's whole way by mail: a link, a request, its answer, a sum, a question; and what comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
import orjson
from standardwebhooks import Webhook

from tests.integration.workers.notices.conftest import BOUNCE_SECRET
from tests.support.api import SECRETS, Api
from tests.support.mail_server import MailServer, links_in, text_of
from tests.support.pages import Browser, Page
from tests.support.pipeline import wait_for


def mailed(mailbox: MailServer, address: str, mails: int) -> list[EmailMessage]:
    """Return the mails that an address got, once there are so many."""
    found: list[EmailMessage] = wait_for(
        lambda: mailbox.to(address) if len(mailbox.to(address)) >= mails else None, f"{mails} mails to {address}"
    )
    return found


def let_in(mailbox: MailServer, browser: Browser, order_id: str, address: str) -> Page:
    """Come in by a link that is mailed; return the order's page."""
    typed = {"order_id": order_id, "email": address}
    browser.press(browser.look("/returns/start"), "/returns/start", typed)
    [link] = links_in(mailed(mailbox, address, 1)[0])
    return browser.press(browser.look(link), "/returns/link")


def asked(browser: Browser, order: Page) -> Page:
    """Ask for one unit because it is too small; return the page of the return."""
    details = browser.press(order, "/returns/order/details", {"quantity:L1": "1", "reason:L1": "other"})
    preview = browser.press(details, "/returns/order/details", {"go": "preview"})
    return browser.press(preview, "/returns/order/send")


def messages(shop: Api, order_id: str) -> list[dict[str, Any]]:
    [row] = shop.get("/v1/returns", params={"order_id": order_id}).json()["items"]
    timeline = shop.get(f"/v1/returns/{row['rma_id']}/timeline").json()["items"]
    return [one for one in timeline if one["type"].startswith(("rma.Rma.CustomerNotified", "rma.Rma.NoticeOutcome"))]


def bounced(shop: Api, *events: dict[str, Any], secret: str = BOUNCE_SECRET) -> httpx.Response:
    """Tell of letters that came back, as the mail service does."""
    body, at = orjson.dumps({"events": events}).decode(), datetime.now(UTC)
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("m-1", at, body),
    }
    with shop.as_holder_of(None) as stranger:
        return stranger.post("/v1/notices/bounces", content=body, headers=headers)


def test_from_the_mailed_link_to_the_answer_by_mail(mailbox: MailServer, shop: Api, browser: Browser) -> None:
    """The link lets in; what is asked for is answered with number, address and deadline; its link shows the return."""
    shop.sell("W-way", contact={"email": "way@mail.example"})
    sent = asked(browser, let_in(mailbox, browser, "W-way", "way@mail.example"))
    assert sent.response.url.path.startswith("/r/"), sent.text

    _, answer = mailed(mailbox, "way@mail.example", 2)
    [row] = shop.get("/v1/returns", params={"order_id": "W-way"}).json()["items"]
    text = text_of(answer)
    assert row["rma_number"] in str(answer["Subject"])
    assert all(part in text for part in (row["rma_number"], "Order: W-way", "Please send it by: ", "To: WH-1"))
    [link] = links_in(answer)
    seen = browser.another().look(link)
    assert (seen.status, row["rma_number"] in seen.text) == (200, True)


def test_what_came_back_is_told_of_the_message(mailbox: MailServer, shop: Api) -> None:
    """By its Message-ID, signed; told again it is one; what is none of ours, or forged, is not heard."""
    shop.sell("W-bounce", contact={"email": "bounce@mail.example"})
    shop.ask_return("W-bounce")
    [mail] = mailed(mailbox, "bounce@mail.example", 1)
    wait_for(lambda: messages(shop, "W-bounce"), "the message to be told of")
    at = datetime.now(UTC).isoformat()
    event = {
        "event_id": "B-1", "message_id": str(mail["Message-ID"]), "outcome": "bounced", "occurred_at": at,
        "reason": "550 mailbox full",
    }  # fmt: skip
    none_of_ours = {**event, "event_id": "B-2", "message_id": "<0.x@else.example>"}

    told = bounced(shop, event, none_of_ours, {"event_id": "B-3"})
    again = bounced(shop, event)
    forged = bounced(shop, event, secret=SECRETS["ups"])

    assert told.status_code == 200, told.text
    said = [(one["event_id"], one["status"], one.get("code")) for one in told.json()["events"]]
    assert said == [("B-1", "accepted", None), ("B-2", "refused", "unknown_notice"), ("B-3", "malformed", None)]
    assert again.json()["events"] == [{"event_id": "B-1", "status": "accepted"}]
    assert (forged.status_code, forged.json()["code"]) == (401, "signature_invalid")
    types = wait_for(lambda: len(messages(shop, "W-bounce")) == 2 and messages(shop, "W-bounce"), "the outcome")
    assert types[-1]["type"] == "rma.Rma.NoticeOutcomeRecorded.v1"


def test_a_customer_is_asked_how_it_went_and_answers_from_the_mail(
    mailbox: MailServer, shop: Api, browser: Browser
) -> None:
    """One tap opens a page with the score chosen, the button sends it; looking at the link sends nothing."""
    shop.sell("W-survey", policy_id="keep", contact={"email": "survey@mail.example"})
    rma_id = _paid(shop, "W-survey")
    survey = wait_for(lambda: _survey(mailbox, "survey@mail.example"), "the survey")

    four = next(link for link in links_in(survey) if link.endswith("?score=4"))
    seen = browser.look(four)
    form = next(form for form in seen.forms if form.action.endswith("/feedback"))
    assert form.named("score") == "4"
    assert shop.get(f"/v1/returns/{rma_id}/timeline").text.count("FeedbackGiven") == 0
    browser.press(seen, form.action)
    wait_for(lambda: shop.get(f"/v1/returns/{rma_id}/timeline").text.count("FeedbackGiven") == 1, "the feedback")


def test_who_wants_no_surveys_gets_none(mailbox: MailServer, shop: Api, browser: Browser) -> None:
    """A mail program's one click ends them (RFC 8058), looking does not; all else still comes."""
    shop.sell("W-quiet-1", policy_id="keep", customer_id="C-quiet", contact={"email": "quiet@mail.example"})
    _paid(shop, "W-quiet-1", "C-quiet")
    survey = wait_for(lambda: _survey(mailbox, "quiet@mail.example"), "the survey")
    assert str(survey["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    link = str(survey["List-Unsubscribe"]).strip("<>")
    assert browser.look(link).form(httpx.URL(link).path).method == "post"

    with httpx.Client() as program:  # no cookie, no key of a form
        done = program.post(link, data={"List-Unsubscribe": "One-Click"})
        nothing = program.post(link.replace("/r/", "/r/x"), data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, nothing.status_code) == (200, 404)

    shop.sell("W-quiet-2", policy_id="keep", customer_id="C-quiet", contact={"email": "quiet@mail.example"})
    _paid(shop, "W-quiet-2", "C-quiet")
    skipped = '"skipped"'
    wait_for(lambda: any(skipped in orjson.dumps(one).decode() for one in messages(shop, "W-quiet-2")), "the survey")
    subjects = [str(mail["Subject"]) for mail in mailbox.to("quiet@mail.example")]
    assert subjects.count("How did your return go?") == 1
    assert subjects.count("Your money is on its way back") == 2


def _survey(mailbox: MailServer, address: str) -> EmailMessage | None:
    return next((mail for mail in mailbox.to(address) if "List-Unsubscribe" in mail), None)


def _paid(shop: Api, order_id: str, customer_id: str = "C-1") -> str:
    """Have a return asked for, and paid at once; return its id."""
    rma_id, lines = str(uuid4()), [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"}]
    asked = {"rma_id": rma_id, "order_id": order_id, "lines": lines}
    shop.accepted("RequestReturn", asked, actor=f"customer:{customer_id}")
    payouts = wait_for(lambda: shop.get(f"/v1/returns/{rma_id}").json().get("payouts"), "the payout")
    told = {"rma_id": rma_id, "order_id": order_id, "payout_id": payouts[0]["payout_id"], "outcome": "settled"}
    shop.accepted("RecordPayoutOutcome", told | {"reference": "gw"}, actor="gateway:g")
    return rma_id

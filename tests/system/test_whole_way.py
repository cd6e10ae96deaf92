"""A return's whole way in a real Chromium: from order number and address to what the customer says of it at the end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import pypdfium2
import pytest
import zxingcpp

from domain.identity import payout_id, refund_id
from tests.support.chromium import Keyboard, Mouse, new_page
from tests.support.mail_server import links_in, text_of
from tests.support.pipeline import wait_for
from workers.trials.screenshots.shop import Shop, email_of

if TYPE_CHECKING:
    from email.message import EmailMessage

    from playwright.sync_api import Browser

DPI: Final = 203
LOOK_AGAIN_MS: Final = 300


@pytest.mark.parametrize(
    ("hand", "with_script"),
    [(Mouse, True), (Mouse, False), (Keyboard, True)],
    ids=["with JavaScript", "without", "by keyboard alone"],
)
def test_a_return_from_its_first_page_to_its_last(
    chromium: Browser, open_pages: tuple[Shop, str], desk_url: str, hand: type[Mouse], with_script: bool
) -> None:
    """Asked for, told of by mail, labelled, tracked, inspected at the bench, paid, and asked how it went."""
    shop, url = open_pages
    order_id = f"W-{hand.__name__}-{with_script}"
    shop.sell(order_id)
    customer = hand(new_page(chromium, url, java_script_enabled=with_script))
    at_bench = hand(new_page(chromium, desk_url, java_script_enabled=with_script))

    _let_in_by_mail(customer, shop, order_id)
    rma_id = _asked(customer)
    number = customer.page.inner_text(".number")
    assert number in str(_mail(shop, order_id, 2)["Subject"])
    parcel = _labelled(customer, number)
    about = {"order_id": order_id, "rma_id": str(rma_id)}
    _tracked(customer, shop, {**about, "tracking_number": parcel})
    _inspected(at_bench, parcel)
    _paid(customer, shop, about)
    _said_how_it_went(customer, shop, order_id, about)


def _let_in_by_mail(customer: Mouse, shop: Shop, order_id: str) -> None:
    """Type order number and address, and press the button of the page that the mail leads to."""
    customer.page.goto("/returns/start")
    customer.write("[name='order_id']", order_id)
    customer.write("[name='email']", email_of(order_id))
    customer.press("main button.main", re.compile("/returns/start"))
    customer.page.wait_for_selector("text=Look into your mail")
    [link] = links_in(_mail(shop, order_id, 1))
    customer.page.goto(link)
    customer.press("main button.main", "**/returns/order")


def _mail(shop: Shop, order_id: str, number: int) -> EmailMessage:
    """Return a customer's mail, counted from 1, once it has come."""
    wait_for(lambda: len(_mails(shop, order_id)) >= number, f"mail {number}")
    return _mails(shop, order_id)[number - 1]


def _asked(customer: Mouse) -> UUID:
    """Choose an article, see what comes back, and send the request; return the return's id."""
    page = customer.page
    customer.choose("[name='quantity:L1']", "1")
    customer.choose("[name='reason:L1']", "It is too small")
    customer.press("main button.main")
    page.wait_for_selector("button[value='preview']")
    customer.press("button[value='preview']")
    page.wait_for_selector(".sum")
    assert "€84.05" in page.inner_text(".sum")
    draft = page.get_attribute("#main-form [name='id']", "value")
    customer.press("main button.main", re.compile(r"/r/"))
    assert "Please send the goods by" in page.inner_text("main")
    assert draft is not None
    return UUID(draft)


def _labelled(customer: Mouse, number: str) -> str:
    """Get the label off the page once it is made; return the parcel's number, as a scanner reads it."""
    page, label = customer.page, "a.button[href*='label.pdf']"
    _look_until(customer, label)
    with page.expect_download() as saving:
        customer.press(label)
    image = pypdfium2.PdfDocument(Path(saving.value.path()).read_bytes())[0].render(scale=DPI / 72).to_pil()
    codes = {found.text for found in zxingcpp.read_barcodes(image)}
    assert number in codes
    [parcel] = codes - {number}
    return parcel


def _tracked(customer: Mouse, shop: Shop, parcel: dict[str, str]) -> None:
    """See the parcel on its way once the carrier has it."""
    shop.tell("RecordScan", "carrier:post", {**parcel, "scan_id": f"S-{parcel['order_id']}", "status": "accepted"})
    _look_until(customer, "text=Your parcel is on its way to us")
    assert parcel["tracking_number"] in customer.page.inner_text("aside")


def _inspected(at_bench: Mouse, parcel: str) -> None:
    """Scan the label, count what is in the parcel, and find it as new."""
    page = at_bench.page
    page.goto("/staff/sign-in?next=/bench")
    at_bench.press("form:has([value='wei']) button", re.compile(r"^http://[^/]+/bench$"))
    at_bench.write("[name='q']", parcel)
    page.keyboard.press("Enter")  # as a scanner does
    page.wait_for_url("**/bench/*-*")
    at_bench.press("a.huge[href*='ReceiveGoods']", "**/do/ReceiveGoods*")
    at_bench.write("[name='site']", "WH-1")
    at_bench.press("button.huge", "**done=ReceiveGoods*")
    at_bench.press("a.huge[href*='RecordInspection']", "**/do/RecordInspection*")
    at_bench.tick("[name='grade']")
    at_bench.choose("[name='cause']", "nothing")
    at_bench.choose("[name='liable_party']", "nobody")
    at_bench.press("button.huge", "**done=RecordInspection*")
    assert page.is_visible(".notice.good")


def _paid(customer: Mouse, shop: Shop, about: dict[str, str]) -> None:
    """See the money on its way, then sent, by page and by mail; get the credit note."""
    _look_until(customer, "#money")
    assert "on its way" in customer.page.inner_text("section:has(#money)")
    paid = payout_id(refund_id(UUID(about["rma_id"]), 1), "T1", 1)
    settled = {**about, "payout_id": str(paid), "outcome": "settled", "reference": "GW-1"}
    shop.tell("RecordPayoutOutcome", "gateway:g", settled)
    _look_until(customer, "section:has(#money):has-text('sent on')")
    _look_until(customer, "a[href*='credit-note']")
    with customer.page.expect_download() as saving:
        customer.press("a[href*='credit-note']")
    assert Path(saving.value.path()).read_bytes().startswith(b"%PDF-")
    wait_for(lambda: any("€84.05" in text_of(mail) for mail in _mails(shop, about["order_id"])), "mail of the money")


def _said_how_it_went(customer: Mouse, shop: Shop, order_id: str, about: dict[str, str]) -> None:
    """Follow the mail that asks, with the score that it was tapped for, and send it."""
    shop.tell("AskFeedback", "clock:deadlines", about)
    [four] = wait_for(lambda: _scores(shop, order_id, "?score=4"), "the mail that asks")
    customer.page.goto(four)
    assert customer.page.is_checked("[name='score'][value='4']")
    customer.press("form[action$='/feedback'] button", re.compile(r"/r/"))
    customer.page.wait_for_selector("text=Thank you for telling us how it went.")


def _mails(shop: Shop, order_id: str) -> list[EmailMessage]:
    return [shop.box.letters[number - 1] for number in shop.box.sent_to(email_of(order_id))]


def _scores(shop: Shop, order_id: str, ending: str) -> list[str] | None:
    links = [link for mail in _mails(shop, order_id) for link in links_in(mail) if link.endswith(ending)]
    return links or None


def _look_until(customer: Mouse, selector: str) -> None:
    """Look at the page again until it shows what somebody else has done meanwhile."""

    def shown() -> bool:
        if customer.page.is_visible(selector):
            return True
        customer.page.wait_for_timeout(LOOK_AGAIN_MS)
        customer.page.reload()
        return False

    wait_for(shown, selector)

"""Who comes without a shop's link: one answer for everybody, mail only to the address on file, a receipt always."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from psycopg import connect

from infra.addresses import postgres_address
from tests.support.api import Api
from tests.support.pages import Browser, Page, free_port, open_pages
from workers.http import mails
from workers.http.door import Door
from workers.http.visitors import Admitted, hashed, new_token


def in_outbox(door: Door, order_id: str) -> list[tuple[str, str, str]]:
    """Return the mails about an order: kind, recipient and text."""
    with connect(postgres_address(door.settings)) as connection:
        query = "SELECT kind, recipient, body FROM rma_http.outbox WHERE order_id = %s ORDER BY made_at"
        return connection.execute(query, (order_id,)).fetchall()


def started(browser: Browser, order_id: str, email: str) -> Page:
    return browser.press(browser.look("/returns/start"), "/returns/start", {"order_id": order_id, "email": email})


def withdrawn(browser: Browser, order_id: str, email: str = "anna@mail.example") -> tuple[Page, Page]:
    """Declare a withdrawal; return the page that asks to confirm, and the one that has it."""
    typed = {"name": "Anna Li", "order_id": order_id, "email": email}
    confirm = browser.press(browser.look("/withdraw"), "/withdraw", typed)
    return confirm, browser.press(confirm, "/withdraw/confirm")


def test_the_answer_is_the_same_whether_or_not_the_order_is_there(shop: Api, browser: Browser) -> None:
    """The same page, and the same time: what comes of it is worked out after the answer."""
    shop.sell("F-there")

    def took_s(order_id: str) -> float:
        page = browser.look("/returns/start")
        began = time.perf_counter()
        told = browser.press(page, "/returns/start", {"order_id": order_id, "email": "anna@mail.example"})
        assert told.status == 200
        texts.add(told.text)
        return time.perf_counter() - began

    texts = set[str]()
    pairs = [(took_s("F-there"), took_s("F-not-there")) for _ in range(15)]

    assert len(texts) == 1
    there, not_there = (median(times) for times in zip(*pairs, strict=True))
    assert abs(there - not_there) < max(0.5 * min(there, not_there), 0.02)


def test_a_mailed_link_lets_in_once(page_door: tuple[Door, Any], shop: Api, browser: Browser) -> None:
    """Looking uses nothing up; the button does; a link of more than half an hour opens nothing."""
    door, _ = page_door
    shop.sell("F-link")
    link, old = new_token(), new_token()
    with connect(postgres_address(door.settings), autocommit=True) as connection:
        mails.keep_start_link(connection, hashed(link), Admitted("F-link", "C-1"), datetime.now(UTC))
        long_ago = datetime.now(UTC) - mails.START_LINK_FOR
        mails.keep_start_link(connection, hashed(old), Admitted("F-link", "C-1"), long_ago)

    for _ in range(2):
        offered = browser.look("/returns/link", params={"token": link})
    entered = browser.press(offered, "/returns/link")
    again, late = browser.another(), browser.another()
    used = again.press(again.look("/returns/link", params={"token": link}), "/returns/link")
    lapsed = late.press(late.look("/returns/link", params={"token": old}), "/returns/link")

    assert "What would you like to return?" in entered.text
    assert (used.status, lapsed.status, used.text) == (404, 404, lapsed.text)


def test_one_address_gets_few_mails_a_day_about_an_order(page_door: tuple[Door, Any]) -> None:
    """Whoever types another's address again and again floods nobody."""
    door, _ = page_door
    mail = mails.Mail("start_link", "F-flood", "anna@mail.example", "en", "s", "b")
    with connect(postgres_address(door.settings), autocommit=True) as connection:
        for _ in range(20):
            mails.put_in_outbox(connection, mail, datetime.now(UTC))

    assert len(in_outbox(door, "F-flood")) == mails.MAILS_A_DAY_MAX


def test_made_up_orders_send_one_address_no_more_mails(page_door: tuple[Door, Any]) -> None:
    """A receipt goes to whatever address is typed, for whatever order: twenty a day, however it is written."""
    door, _ = page_door
    with connect(postgres_address(door.settings), autocommit=True) as connection:
        for number in range(40):
            typed = "victim@mail.example" if number % 2 else "VICTIM@mail.example"
            mail = mails.Mail("withdrawal_receipt", f"F-made-up-{number}", typed, "en", "s", "b")
            mails.put_in_outbox(connection, mail, datetime.now(UTC))

    sent = sum(len(in_outbox(door, f"F-made-up-{number}")) for number in range(40))
    assert sent == mails.MAILS_TO_ONE_MAX


def test_a_withdrawal_is_declared_in_two_steps_with_a_receipt(
    page_door: tuple[Door, Any], shop: Api, browser: Browser
) -> None:
    """Without sign-in: nothing before it is confirmed, then a receipt; whose order it is, a person has to see."""
    door, _ = page_door
    shop.sell("F-withdraw", country="DE")
    confirm, done = withdrawn(browser, "F-withdraw")

    assert "I withdraw from my contract" in confirm.text
    assert browser.press(confirm, "/withdraw/confirm", {"lang": "zh"}, at="/withdraw").language == "zh-Hans"
    assert "We have received your withdrawal" in done.text
    [(kind, recipient, body)] = in_outbox(door, "F-withdraw")
    assert (kind, recipient, "Order: F-withdraw" in body) == ("withdrawal_receipt", "anna@mail.example", True)
    assert shop.get("/v1/returns", params={"order_id": "F-withdraw"}).json()["items"] == []


def test_who_was_let_in_withdraws_at_once(page_door: tuple[Door, Any], shop: Api, browser: Browser) -> None:
    """The declaration becomes a request for everything, which needs no reason; sent again it counts once."""
    door, _ = page_door
    shop.sell("F-let-in", country="DE", policy_id="pages")
    browser.enter("F-let-in")
    confirm, done = withdrawn(browser, "F-let-in")
    again = browser.press(confirm, "/withdraw/confirm")

    assert (done.status, again.status, len(in_outbox(door, "F-let-in"))) == (200, 200, 1)
    [row] = shop.get("/v1/returns", params={"order_id": "F-let-in"}).json()["items"]
    [line] = shop.get(f"/v1/returns/{row['rma_id']}").json()["lines"]
    assert (line["reason"], line["quantity"], line["authorization_state"]) == ("changed_mind", 2, "authorized")


def test_a_receipt_carries_no_header_of_its_own(page_door: tuple[Door, Any], browser: Browser) -> None:
    """Line breaks in a name end in one line; an address with anything beside it is none."""
    door, _ = page_door
    typed = {"name": "Anna\r\nBcc: all@mail.example", "order_id": "F-inject", "email": "anna@mail.example"}
    confirm = browser.press(browser.look("/withdraw"), "/withdraw", typed)
    browser.press(confirm, "/withdraw/confirm")
    bad = browser.press(browser.look("/withdraw"), "/withdraw", {**typed, "email": "a@b.example\r\nBcc: c@d.example"})

    [(_, recipient, body)] = in_outbox(door, "F-inject")
    assert recipient == "anna@mail.example"
    assert "\nBcc" not in body
    assert bad.status == 422


def test_a_merchant_says_it_in_his_own_words(page_door: tuple[Door, Any], tmp_path: Path) -> None:
    """A catalogue in his folder, and no code: his sentence on the page, ours everywhere else."""
    (tmp_path / "brand.json").write_text('{"en": {"name": "Aurora"}}')
    (tmp_path / "pages.en.po").write_text('msgid "Start a return"\nmsgstr "Send it back"\n')
    port = free_port()
    given = {"http_port": port, "http_public_url": f"http://127.0.0.1:{port}", "http_brand_dir": tmp_path}
    with open_pages(page_door[0].settings.model_copy(update=given)), Browser(f"http://127.0.0.1:{port}") as browser:
        page = browser.look("/returns/start")

    assert "Send it back" in page.text
    assert "Start a return" not in page.text
    assert "Send me a link" in page.text

"""`/returns/start` by mail: the link goes to the address that the order has on file, and to no other."""

from __future__ import annotations

import psycopg

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.integration.workers.notices.conftest import Writing
from tests.support.api import Api, Keys
from tests.support.mail_server import MailServer, links_in, mail_server, text_of
from tests.support.pages import Browser
from tests.support.pipeline import wait_for
from workers.http.mails import START_LINK_FOR

AGED = """
    UPDATE rma_http.outbox SET made_at = made_at - %s, try_at = now() WHERE kind = 'start_link' AND tries = 1
"""
GIVEN_UP = "SELECT FROM rma_http.outbox WHERE kind = 'start_link' AND given_up_at IS NOT NULL AND body = ''"
ANNA = {"email": "Anna@mail.example", "language": "zh"}


def start(browser: Browser, order_id: str, email: str, code: str = "", **typed: str) -> str:
    """Ask for a link; return what the page says."""
    page = browser.look("/returns/start", params=typed)
    said = browser.press(page, "/returns/start", {"order_id": order_id, "email": email, "gift_code": code})
    assert said.status == 200
    return said.text


def wanted(settings: Settings) -> int:
    with psycopg.connect(postgres_address(settings)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM rma_http.wanted_links").fetchall()
        return int(count)


def test_the_link_goes_to_the_address_on_file_and_lets_in(mailbox: MailServer, shop: Api, browser: Browser) -> None:
    """Typed in capitals or not; the mail is in the language of the page, and its link opens the order."""
    shop.sell("L-anna", contact=ANNA)
    start(browser, "L-anna", " ANNA@mail.example ", lang="en")
    [mail] = wait_for(lambda: mailbox.mails, "the mail")

    assert mailbox.recipients == ["Anna@mail.example"]
    assert str(mail["Subject"]) == "Your link to return something"
    [link] = links_in(mail)
    assert link.startswith(f"{browser.base_url}".rstrip("/") + "/returns/link?token=")
    visitor = browser.another()
    entered = visitor.press(visitor.look(link), "/returns/link")
    assert "What would you like to return?" in entered.text


def test_nobody_else_gets_a_mail(
    opened: tuple[Settings, Keys], mailbox: MailServer, shop: Api, browser: Browser
) -> None:
    """Another's address, an order that is not there, one without a contact: nothing is sent, and nothing is kept."""
    shop.sell("L-mine", contact=ANNA)
    shop.sell("L-silent")
    shop.sell("L-last", contact={"email": "last@mail.example"})
    start(browser, "L-mine", "thief@mail.example")
    start(browser, "L-not-there", "anna@mail.example")
    start(browser, "L-silent", "anna@mail.example")
    start(browser, "L-last", "last@mail.example")
    wait_for(lambda: mailbox.mails, "the last mail")

    assert mailbox.recipients == ["last@mail.example"]
    assert wanted(opened[0]) == 0


def given(shop: Api, order_id: str) -> None:
    """Sell what is given to somebody."""
    giver = {"name": "Anna Giver", "email": "anna@mail.example"}
    shop.sell(order_id, contact=giver, gift_code="SNOW-7731")


def test_a_gifts_recipient_comes_in_by_its_code(mailbox: MailServer, shop: Api, browser: Browser) -> None:
    """The link goes to the address that he types; he asks, and sees neither prices nor the giver, nor her returns."""
    given(shop, "L-gift")
    _, told = shop.ask_return("L-gift")
    shop.get("/v1/returns", params={"order_id": "L-gift", "after": told["events"][-1]["position"]})
    start(browser, "L-gift", "ben@mail.example", "SNOW-7731")
    [link] = wait_for(lambda: [link for link in links_of(mailbox, "ben@mail.example") if "token=" in link], "the mail")
    order = browser.press(browser.look(link), "/returns/link")
    assert "What would you like to return?" in order.text
    choice = {"quantity:L1": "1", "reason:L1": "too_small"}
    details = browser.press(order, "/returns/order/details", choice)
    preview = browser.press(details, "/returns/order/details", {"go": "preview"})
    sent = browser.press(preview, "/returns/order/send")

    for page in (order, details, preview, sent):
        assert page.status == 200
        for word in ("€", "EUR", "Anna", "anna@mail.example", "card", "20.00", "10.00"):
            assert word not in page.text, (word, page.response.url)
    assert "/returns/open" not in {form.action for form in order.forms}
    assert "store credit" in preview.text
    assert sent.response.url.path.startswith("/r/"), sent.text
    [row] = [row for row in shop.get("/v1/returns", params={"order_id": "L-gift"}).json()["items"] if row["gift"]]
    assert (row["status"], row["customer_id"]) == ("authorized", "C-1")
    assert row["rma_number"] in sent.text
    cancelled = browser.press(sent, f"{sent.response.url.path}/cancel")
    assert "Cancelled" in cancelled.text, cancelled.text
    wait_for(lambda: len([to for to in mailbox.recipients if to == "ben@mail.example"]) > 1, "his own letter")


def test_a_gifts_code_is_not_guessed(
    opened: tuple[Settings, Keys], mailbox: MailServer, shop: Api, browser: Browser
) -> None:
    """Five tries a day about an order, then even the right one brings nothing; the answer is always the same."""
    given(shop, "L-guessed")
    shop.sell("L-no-gift", contact=ANNA)
    said = {start(browser, "L-guessed", "thief@mail.example", f"SNOW-{number}") for number in range(5)}
    said |= {start(browser, "L-guessed", "thief@mail.example", "SNOW-7731")}
    said |= {start(browser, name, "thief@mail.example", "SNOW-7731") for name in ("L-no-gift", "L-nowhere")}
    wait_for(lambda: wanted(opened[0]) == 0, "all to be answered")
    start(browser, "L-no-gift", ANNA["email"])
    wait_for(lambda: mailbox.mails, "the last mail")

    assert len(said) == 1
    assert mailbox.recipients == [ANNA["email"]]


def links_of(mailbox: MailServer, to: str) -> list[str]:
    return [link for mail in mailbox.mails if str(mail["To"]) == to for link in links_in(mail)]


def test_a_corrected_address_counts(
    opened: tuple[Settings, Keys], mailbox: MailServer, shop: Api, browser: Browser
) -> None:
    """The link goes where the shop says now, not where it said before."""
    shop.sell("L-moved", contact=ANNA)
    moved = {"order_id": "L-moved", "contact": {"email": "new@mail.example"}}
    shop.accepted("CorrectContact", moved, actor="agent:A1")
    start(browser, "L-moved", "anna@mail.example")
    start(browser, "L-moved", "new@mail.example")
    wait_for(lambda: mailbox.mails, "the mail")
    wait_for(lambda: wanted(opened[0]) == 0, "all to be answered")

    assert mailbox.recipients == ["new@mail.example"]


def test_a_server_that_is_away_loses_nothing(opened: tuple[Settings, Keys], writing: Writing, browser: Browser) -> None:
    """A receipt waits for the server, under one id, however often it was tried; then what it said is forgotten."""
    settings, _ = opened
    typed = {"name": "Anna", "order_id": "L-away", "email": "anna@mail.example"}
    answers = iter(["451 busy"])
    with mail_server(lambda _: next(answers, "250 taken")) as server:
        pass
    with writing(server):
        browser.press(browser.press(browser.look("/withdraw"), "/withdraw", typed), "/withdraw/confirm")
        with mail_server(lambda _: next(answers, "250 taken"), port=server.port) as back:
            [mail] = wait_for(lambda: back.mails, "the mail")

    assert "We have received your withdrawal" in text_of(mail)
    assert [str(tried["Message-ID"]) for tried in back.tried] == [str(mail["Message-ID"])] * 2
    with psycopg.connect(postgres_address(settings)) as connection:
        query = "SELECT body, sent_at IS NOT NULL, tries FROM rma_http.outbox WHERE order_id = 'L-away'"
        assert connection.execute(query).fetchall() == [("", True, 1)]


def test_a_link_that_opens_nothing_any_more_is_not_sent(
    opened: tuple[Settings, Keys], writing: Writing, shop: Api, browser: Browser
) -> None:
    """A server that does not take it for as long as the link would have lived gets it no more."""
    shop.sell("L-late", contact=ANNA)
    with mail_server(lambda _: "451 busy") as server, writing(server):
        start(browser, "L-late", "anna@mail.example")
        wait_for(lambda: server.tried, "the first try")
        with psycopg.connect(postgres_address(opened[0])) as connection:
            wait_for(lambda: connection.execute(AGED, (START_LINK_FOR,)).rowcount, "the note of it")
            connection.commit()
            wait_for(lambda: connection.execute(GIVEN_UP).rowcount, "the end")

    assert len(server.tried) == 1

"""Services away: the page says so, and what was typed is on it, to be sent again."""

from __future__ import annotations

from functools import partial
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from infra.addresses import addresses, postgres_address
from tests.support.api import Api
from tests.support.pages import Browser, Page, free_port, open_pages
from tests.support.pipeline import wait_for
from tests.support.proxy import Proxy
from tests.support.standing_still import standing_still
from workers.http.door import Door


def _sent_again(browser: Browser, away: Page) -> Page | None:
    """Send what is kept once more; None while PostgreSQL is still away."""
    page = browser.press(away, "/returns/order/details")
    return page if page.status == 200 else None


def test_while_postgresql_is_away_what_was_typed_is_kept_on_the_page(page_door: tuple[Door, Any], shop: Api) -> None:
    """503 with every field as it was; sent again when it is back, it is as if nothing had been."""
    door, _ = page_door
    shop.sell("W-away", policy_id="pages")
    there, port = conninfo_to_dict(postgres_address(door.settings)), free_port()
    url = f"http://127.0.0.1:{port}"
    with Proxy.to(str(there["host"]), int(str(there["port"]))) as way:
        through = make_conninfo(postgres_address(door.settings), host="127.0.0.1", port=way.port)
        given = {"postgres_dsn": SecretStr(through), "http_port": port, "http_public_url": url}
        with open_pages(door.settings.model_copy(update=given)), Browser(url) as browser:
            choice = {"quantity:L1": "1", "reason:L1": "changed_mind"}
            details = browser.press(browser.enter("W-away"), "/returns/order/details", choice)
            way.cut()
            typed = {"go": "preview", "comment:L1": "typed with care"}
            away = browser.press(details, "/returns/order/details", typed)
            looked = browser.look("/returns/order")
            way.mend()
            back = wait_for(partial(_sent_again, browser, away), "the page, once PostgreSQL is back")

    kept = dict(away.form("/returns/order/details").fields)
    assert (away.status, looked.status, back.status) == (503, 503, 200)
    assert "What you typed is kept on this page." in away.text
    assert (kept["comment:L1"], kept["quantity:L1"], kept["go"]) == ("typed with care", "1", "preview")
    assert away.response.headers["retry-after"]
    assert "This is what you get back" in back.text


def _taken(browser: Browser, away: Page) -> Page | None:
    page = browser.press(away, "/returns/order/send")
    return page if page.status == 200 else None


def test_while_kafka_is_away_a_request_is_kept_and_counts_once(page_door: tuple[Door, Any], shop: Api) -> None:
    """The page says that it may have arrived; the API says so by its code; pages and reads go on meanwhile."""
    door, _ = page_door
    shop.sell("W-kafka", policy_id="pages")
    with Browser(door.public_url) as browser:
        choice = {"quantity:L1": "1", "reason:L1": "changed_mind"}
        details = browser.press(browser.enter("W-kafka"), "/returns/order/details", choice)
        preview = browser.press(details, "/returns/order/details", {"go": "preview", "comment:L1": "typed with care"})
        with standing_still(addresses(door.settings).kafka_bootstrap):
            away = browser.press(preview, "/returns/order/send")
            told = shop.tell("CorrectContact", {"order_id": "W-kafka", "contact": {"email": "a@b.example"}})
            looked = browser.look("/returns/order")
        sent = wait_for(partial(_taken, browser, away), "the request, once Kafka is back")

    assert (away.status, told.status_code, told.json()["code"]) == (503, 503, "unavailable")
    assert "What you typed is kept on this page." in away.text
    assert dict(away.form("/returns/order/send").fields)["comment:L1"] == "typed with care"
    assert told.headers["retry-after"]
    assert looked.status == 200
    assert sent.response.url.path.startswith("/r/")
    assert len(shop.get("/v1/returns", params={"order_id": "W-kafka"}).json()["items"]) == 1

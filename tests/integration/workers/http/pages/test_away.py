"""PostgreSQL away: the page says so, and what was typed is on it, to be sent again."""

from __future__ import annotations

from functools import partial
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from tests.support.api import Api
from tests.support.pages import Browser, Page, free_port, open_pages
from tests.support.pipeline import wait_for
from tests.support.proxy import Proxy
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

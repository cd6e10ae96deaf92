"""Services away, at the desk and the bench: each page says so, and what was typed is on it, to be sent again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from infra.addresses import addresses, postgres_address
from tests.integration.workers.http.pages.staff.test_acting import checked, failed_payout, form_path, timeline
from tests.integration.workers.http.pages.staff.test_bench import events
from tests.support.api import Api
from tests.support.desk import asked, seen
from tests.support.pages import Browser, Page, free_port, open_pages
from tests.support.pipeline import wait_for
from tests.support.proxy import Proxy
from tests.support.standing_still import standing_still
from workers.http.door import Door

SignedIn = Callable[[str], Browser]
SAID: Final = "A part of the system is away"
KEPT: Final = "What you typed is kept on this page."


def sign_in(own: Browser, person: str) -> None:
    offered = own.look("/staff/sign-in")
    own.post("/staff/sign-in/demo", data={"form_key": offered.forms[0].named("form_key"), "person": person})


def _sent_again(browser: Browser, away: Page, path: str) -> Page | None:
    """Send what is kept once more; None while the service is still away."""
    page = browser.press(away, path)
    return page if page.status == 200 else None


def test_while_postgresql_is_away_every_page_says_so_and_keeps_what_was_typed(
    shop: Api, staff_door: tuple[Door, object]
) -> None:
    """Queue, search, case and forms of the desk, and the bench's; sent again it is as if nothing had been."""
    door, _ = staff_door
    rma_id = asked(shop, "V-postgres")
    desk, bench = form_path(rma_id, "GrantGoodwill"), f"/bench/{rma_id}/do/ReceiveGoods"
    there, port = conninfo_to_dict(postgres_address(door.settings)), free_port()
    url = f"http://127.0.0.1:{port}"
    with Proxy.to(str(there["host"]), int(str(there["port"]))) as way:
        through = make_conninfo(postgres_address(door.settings), host="127.0.0.1", port=way.port)
        given = {"postgres_dsn": SecretStr(through), "http_port": port, "http_public_url": url}
        with open_pages(door.settings.model_copy(update=given)), Browser(url) as ada, Browser(url) as wei:
            sign_in(ada, "ada")
            sign_in(wei, "wei")
            at_desk, at_bench = ada.look(desk), wei.look(bench)
            way.cut()
            pages = [ada.look(path) for path in ("/desk", "/desk/search?q=x", f"/desk/returns/{rma_id}", desk)]
            pages += [wei.look(path) for path in ("/bench?q=x", f"/bench/{rma_id}", bench)]
            typed = {"amount_minor": "1.50", "reason": "typed with care", "step": "check"}
            kept = ada.press(at_desk, desk, typed)
            kept_there = wei.press(at_bench, bench, {"site": "WH-away", "step": "send"})
            way.mend()
            shown = wait_for(lambda: _sent_again(ada, kept, desk), "the desk, once PostgreSQL is back")
            received = wait_for(lambda: _sent_again(wei, kept_there, bench), "the bench, once PostgreSQL is back")

    for page in (*pages, kept, kept_there):
        assert (page.status, SAID in page.text) == (503, True), page.response.url
        assert page.response.headers["retry-after"]
    assert KEPT in kept.text
    assert KEPT in kept_there.text
    assert dict(kept.form(desk).fields)["reason"] == "typed with care"
    assert "This would happen" in shown.text
    assert "Done: Receive" in received.text
    assert [one["site"] for one in events(shop, rma_id, "Received")] == ["WH-away"]


def test_while_kafka_is_away_what_was_to_be_sent_is_kept_and_counts_once(
    shop: Api, signed_in: SignedIn, staff_door: tuple[Door, object]
) -> None:
    """Pages are read as ever; a form says that it may have arrived, and sent again it takes effect once."""
    door, _ = staff_door
    rma_id = asked(shop, "V-kafka")
    desk, bench = form_path(rma_id, "GrantGoodwill"), f"/bench/{rma_id}/do/ReceiveGoods"
    ada, wei = signed_in("ada"), signed_in("wei")
    shown = checked(ada, desk, {"amount_minor": "1.50", "reason": "typed with care"})
    at_bench = wei.look(bench)
    with standing_still(addresses(door.settings).kafka_bootstrap):
        kept = ada.press(shown, desk, {"step": "send"})
        kept_there = wei.press(at_bench, bench, {"site": "WH-away", "step": "send"})
        read = [ada.look("/desk"), ada.look(f"/desk/returns/{rma_id}"), wei.look(f"/bench/{rma_id}")]

    assert [page.status for page in read] == [200] * 3
    for page, path, field, text in (
        (kept, desk, "reason", "typed with care"),
        (kept_there, bench, "site", "WH-away"),
    ):
        assert (page.status, SAID in page.text, KEPT in page.text) == (503, True, True), page.text
        assert dict(page.form(path).fields)[field] == text
    wait_for(partial(_sent_again, ada, kept, desk), "the desk, once Kafka is back")
    wait_for(partial(_sent_again, wei, kept_there, bench), "the bench, once Kafka is back")

    def counts() -> tuple[int, int]:
        goodwill = [one for one in timeline(shop, rma_id) if one["type"] == "rma.Order.GoodwillGranted.v1"]
        return len(goodwill), len(events(shop, rma_id, "Received"))

    wait_for(lambda: all(counts()), "both to be shown")
    assert counts() == (1, 1)


@pytest.mark.parametrize(("outcome", "said"), [("unknown", "unclear"), ("failed", "failed")])
def test_while_the_gateway_is_away_a_case_says_how_its_money_stands(
    shop: Api, signed_in: SignedIn, outcome: str, said: str
) -> None:
    """Whoever looks sees that it is unclear, or did not go through: nobody has to type anything again."""
    rma_id, payout_id = failed_payout(shop, f"V-gateway-{outcome}")
    ada, path = signed_in("ada"), form_path(rma_id, "RetryPayout")
    if outcome == "unknown":
        ada.press(checked(ada, path, {"payout_id": payout_id, "tender_id": "T1"}), path, {"step": "send"})
        [waits] = [one for one in shop.get(f"/v1/returns/{rma_id}").json()["payouts"] if one["status"] == "requested"]
        about = {"rma_id": rma_id, "order_id": f"V-gateway-{outcome}", "payout_id": waits["payout_id"]}
        seen(shop, rma_id, shop.accepted("RecordPayoutOutcome", about | {"outcome": "unknown"}, actor="gateway:g"))

    assert said in ada.look(f"/desk/returns/{rma_id}").text

"""What a customer does on his return's page: each form is a command, and what the rules say of it is what he reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from PIL import Image
from psycopg import connect

from infra.addresses import postgres_address
from tests.support.api import Api, order
from tests.support.pages import Browser, Page, free_port, open_pages
from workers.http.door import Door
from workers.http.visitors import UPLOADS_MAX, link_of

RULES: Final = [
    {"name": "lamps", "when": {"fact": "sku", "in": ["LAMP"]}, "then": {"decide": "deny", "code": "final_sale"}},
    {
        "name": "mugs",
        "when": {"fact": "sku", "in": ["MUG"]},
        "then": {"remedy": {"kind": "partial_refund", "share_bps": 2_500}},
    },
]
POLICY: Final = {
    "window": {"days": 30},
    "offers": ["refund", "store_credit"],
    "method": "label",
    "return_to": "WH-1",
    "rules": RULES,
}

PUBLISHED_AT: Final = datetime.now(UTC).isoformat()


@pytest.fixture
def acting(shop: Api) -> Api:
    """The shop, with a policy that denies lamps, and offers money for mugs that are kept."""
    data = {"policy_id": "acting", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY}
    assert shop.tell("PublishPolicy", data, id="acting", actor="agent:A1", time=PUBLISHED_AT).status_code == 200
    return shop


def photo() -> bytes:
    made = BytesIO()
    Image.new("RGB", (8, 8), "red").save(made, "PNG")
    return made.getvalue()


def asked(shop: Api, browser: Browser, order_id: str, sku: str, **changes: Any) -> tuple[str, Page]:
    """Sell an article, ask for its return, and open the return's page; return the id and the page."""
    line = {"line_id": "L1", "sku": sku, "quantity": 2, "amount_minor": 2_000, "title": sku.title()}
    shop.sell(order_id, lines=[line], **{"policy_id": "acting", **changes})
    rma_id, told = shop.ask_return(order_id)
    shop.get(f"/v1/returns/{rma_id}", params={"after": told["events"][-1]["position"]})
    order = browser.enter(order_id)
    return rma_id, browser.press(order, "/returns/open", {"return": rma_id})


def sent(browser: Browser, page: Page, name: str, changes: dict[str, str], **how: Any) -> Page:
    """Send a form of a return's page."""
    return browser.press(page, f"{page.response.url.path}/{name}", changes, **how)


def happened(shop: Api, rma_id: str) -> list[str]:
    """Return the names of a return's own facts."""
    items = shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
    return [row["type"].split(".")[2] for row in items if row["type"].startswith("rma.Rma.")]


def test_an_offer_is_taken_or_turned_down(acting: Api, browser: Browser) -> None:
    """Neither is nothing; once answered, it is offered no more."""
    taken, page = asked(acting, browser, "A-taken", "MUG")
    assert "Keep it, and get 25 % of what was paid for it back." in page.text
    assert sent(browser, page, "remedy", {"answer": ""}).status == 422
    after = sent(browser, page, "remedy", {"answer": "yes"})
    assert (after.status, "An offer for" in after.text) == (200, False)
    assert "RemedyAccepted" in happened(acting, taken)

    other = browser.another()
    declined, page = asked(acting, other, "A-declined", "MUG")
    assert sent(other, page, "remedy", {"answer": "no"}).status == 200
    assert "RemedyDeclined" in happened(acting, declined)


def test_a_denial_is_appealed_with_a_photo(acting: Api, browser: Browser) -> None:
    """The photo comes along; sent again the same form counts once; a second appeal hears what the rules say."""
    rma_id, page = asked(acting, browser, "A-appeal", "LAMP")
    assert "sold as final sale" in page.text
    assert sent(browser, page, "appeal", {"grounds": " "}).status == 422

    files = [("files", ("lamp.png", photo(), "image/png"))]
    for _ in range(2):
        told = sent(browser, page, "appeal", {"grounds": "<b>It was broken.</b>"}, files=files)
        assert told.status == 200, told.text
    assert happened(acting, rma_id).count("DenialAppealed") == 1
    stored = acting.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
    [appeal] = [row for row in stored if row["type"] == "rma.Rma.DenialAppealed.v1"]
    assert appeal is not None
    assert "Ask to look again" not in told.text


def test_more_is_put_forward_later(acting: Api, browser: Browser) -> None:
    """By the link alone: what is no photo is refused, and so is nothing at all."""
    rma_id, page = asked(acting, browser, "A-more", "SOCK")
    holder = browser.another()
    opened = holder.look(page.response.url.path)

    assert sent(holder, opened, "evidence", {}, files=[("files", ("", b"", "application/octet-stream"))]).status == 422
    said = sent(holder, opened, "evidence", {}, files=[("files", ("x.png", b"<svg/>", "image/png"))])
    assert (said.status, "We could not read this file." in said.text) == (422, True)
    for _ in range(2):
        files = [("files", (f"{one}.png", photo(), "image/png")) for one in range(2)]
        assert sent(holder, opened, "evidence", {}, files=files).status == 200
    assert happened(acting, rma_id).count("EvidenceAdded") == 1


def test_a_label_is_a_link_away(acting: Api, browser: Browser) -> None:
    """Once it was issued, on both papers; of a return that is not the link's there is none."""
    rma_id, page = asked(acting, browser, "A-label", "SOCK")
    assert not [link for link in page.links if "label.pdf" in link]
    about = {"rma_id": rma_id, "order_id": "A-label", "label_id": "LB/9", "carrier": "DHL", "ship_to": "WH-1"}
    told = acting.accepted("IssueLabel", about | {"tracking_number": "JJD-9"})
    page = browser.look(f"{page.response.url.path}?after={told['events'][-1]['position']}")

    links = [link for link in page.links if "label.pdf" in link]
    assert len(links) == 2
    for link in links:
        got = browser.get(link)
        assert (got.status_code, got.headers["content-type"]) == (200, "application/pdf")
    assert browser.get(f"{links[0].partition('?')[0]}?label_id=LB-8").status_code == 404


def test_drop_off_points_are_named_where_they_are_configured(
    page_door: tuple[Door, object], acting: Api, tmp_path: Path
) -> None:
    """Those of the site to which the goods go, as the file of sites has them; of what goes otherwise, none."""
    sites = {"WH-1": {"name": "Returns", "address": ["1 Dock Road"], "drop_off": ["Kiosk <b>Main</b> Street 5"]}}
    (tmp_path / "sites.json").write_text(json.dumps(sites))
    document = {**POLICY, "method": "drop_off"}
    data = {"policy_id": "kiosk", "effective_from": "2020-01-01T00:00:00Z", "document": document}
    acting.accepted("PublishPolicy", data, actor="agent:A1")
    port = free_port()
    given = {"http_port": port, "http_public_url": f"http://127.0.0.1:{port}", "sites_file": tmp_path / "sites.json"}
    with open_pages(page_door[0].settings.model_copy(update=given)), Browser(f"http://127.0.0.1:{port}") as browser:
        _, page = asked(acting, browser, "A-kiosk", "SOCK", policy_id="kiosk")
        _, other = asked(acting, browser.another(), "A-no-kiosk", "SOCK")

    assert "Kiosk <b>Main</b> Street 5" in page.text
    assert "<b>Main" not in page.response.text
    assert "Kiosk" not in other.text


def test_what_was_told_by_mail_stands_on_the_page(acting: Api, browser: Browser) -> None:
    """What went out, and when; what came back, or went nowhere, was not told."""
    rma_id, page = asked(acting, browser, "A-letters", "SOCK")
    about = {"rma_id": rma_id, "order_id": "A-letters", "channel": "email"}
    acting.accepted("RecordNotice", about | {"notice_id": "N-1", "kind": "approved", "outcome": "sent"})
    told = acting.accepted("RecordNotice", about | {"notice_id": "N-2", "kind": "received", "outcome": "bounced"})

    page = browser.look(f"{page.response.url.path}?after={told['events'][-1]['position']}")

    assert "What we told you Your return is approved" in page.text
    assert "Your parcel has arrived" not in page.text


def test_a_link_puts_forward_so_many_files_and_no_more(acting: Api, browser: Browser) -> None:
    """Ten; the next one is refused in words, and is with no return."""
    rma_id, page = asked(acting, browser, "A-many-files", "SOCK")
    ten = [("files", (f"{number}.png", photo())) for number in range(UPLOADS_MAX)]

    first = sent(browser, page, "evidence", {}, files=ten)
    more = sent(browser, first, "evidence", {}, files=ten[:1])

    assert (first.status, more.status) == (200, 422)
    assert "You have added as many files as we can take." in more.text
    assert happened(acting, rma_id).count("EvidenceAdded") == 1


def test_a_link_ends_ninety_days_after_the_close(acting: Api, browser: Browser, page_door: tuple[Door, object]) -> None:
    """It stands in mails for long: until then it shows the return, from then on nothing."""
    rma_id, page = asked(acting, browser, "A-ended", "SOCK")
    token = page.response.url.path.removeprefix("/r/")
    about = {"rma_id": rma_id, "order_id": "A-ended"}
    acting.accepted("WithdrawReturn", about, actor="customer:C-1")
    closed = acting.accepted("CloseReturn", about | {"reason": "over"}, actor="agent:A1")
    at = datetime.fromisoformat(seen_after(acting, f"/v1/returns/{rma_id}", closed)["closed_at"])

    with connect(postgres_address(page_door[0].settings)) as views:
        opened = [link_of(views, token, at + timedelta(days=days)) is not None for days in (0, 89, 91)]

    assert opened == [True, True, False]


def test_what_is_not_approved_is_marked_among_what_is(acting: Api, browser: Browser) -> None:
    """A return of which some is approved goes on; its page says which article is not."""
    sold = [
        {"line_id": name, "sku": sku, "quantity": 1, "amount_minor": 1_000, "title": sku.title()}
        for name, sku in (("L1", "SOCK"), ("L2", "LAMP"))
    ]
    acting.accepted("RegisterOrder", order("A-mixed", policy_id="acting", lines=sold))
    delivery = {
        "order_id": "A-mixed",
        "delivery_id": "D-1",
        "lines": [{"line_id": n, "quantity": 1} for n in ("L1", "L2")],
    }
    acting.accepted("RecordDelivery", delivery)
    lines = [{"line_id": name, "quantity": 1, "reason": "too_small", "wish": "refund"} for name in ("L1", "L2")]
    rma_id, told = acting.ask_return("A-mixed", lines=lines)
    seen_after(acting, f"/v1/returns/{rma_id}", told)
    page = browser.press(browser.enter("A-mixed"), "/returns/open", {"return": rma_id})

    sock, lamp = page.text.partition("What comes back")[2].split("Lamp")[:2]
    assert "Not approved" not in sock
    assert "Not approved" in lamp


def test_a_gift_shows_no_prices(acting: Api, browser: Browser) -> None:
    """Neither what was paid, nor with what, nor a credit note: who holds the link may be its recipient."""
    line = {"line_id": "L1", "sku": "SOCK", "quantity": 2, "amount_minor": 2_000, "title": "Sock"}
    acting.sell("A-gift", policy_id="acting", lines=[line], contact={"name": "Ann Giver", "email": "ann@example.com"})
    rma_id = str(uuid4())
    lines = [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "store_credit"}]
    gift = {"rma_id": rma_id, "order_id": "A-gift", "lines": lines, "gift": True, "recipient_id": "C-9"}
    told = acting.accepted("RequestReturn", gift, actor="agent:A1")
    position = told["events"][-1]["position"]
    page = browser.press(browser.enter("A-gift"), "/returns/open", {"return": rma_id})
    page = browser.look(f"{page.response.url.path}?after={position}")

    assert "Sock" in page.text
    for word in ("€", "EUR", "card", "Ann", "ann@example.com", "Your money"):
        assert word not in page.text, word


@pytest.mark.parametrize(("seller", "gift", "status"), [("S-gift", True, 404), ("S-own", False, 200)])
def test_a_gifts_credit_note_is_the_givers(acting: Api, browser: Browser, seller: str, gift: bool, status: int) -> None:
    """Its number can be guessed, and it tells what was paid, and by whom; who bought for himself gets his own."""
    order_id = f"A-note-{seller}"
    acting.sell(order_id, policy_id="acting", seller_id=seller)
    rma_id = str(uuid4())
    lines = [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "store_credit"}]
    request = {"rma_id": rma_id, "order_id": order_id, "lines": lines}
    acting.accepted("RequestReturn", request | ({"gift": True} if gift else {}), actor="agent:A1")
    on = {"rma_id": rma_id, "order_id": order_id, "line": 1, "quantity": 1, "resolution": "store_credit"}
    decided = acting.accepted("DecideResolution", on, actor="agent:A1")
    [refund] = seen_after(acting, f"/v1/returns/{rma_id}", decided)["refunds"]
    about = {"order_id": order_id, "rma_id": rma_id, "refund_id": refund["refund_id"], "series_id": seller}
    issued = acting.accepted("IssueCreditNote", about, actor="clock:credit-notes")
    number = f"CN-{seller}-{decided['recorded_at'][:4]}-000001"
    assert seen_after(acting, "/v1/credit-notes", issued, number=number)["gross_minor"] == 1_000

    page = browser.press(browser.enter(order_id), "/returns/open", {"return": rma_id})
    told = browser.get(f"{page.response.url.path}/credit-note", params={"number": number})

    assert (told.status_code, told.content.startswith(b"%PDF-")) == (status, status == 200)


def seen_after(shop: Api, path: str, told: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Return what a read answers, once the views show what a result told of."""
    answer = shop.get(path, params=parameters | {"after": told["events"][-1]["position"]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_forms_that_are_not_ours_do_nothing(acting: Api, browser: Browser) -> None:
    """A line that is no number, an id that is none, another's link, a form without its key."""
    rma_id, page = asked(acting, browser, "A-forged", "LAMP")
    before = happened(acting, rma_id)

    for changes in ({"line": "x"}, {"line": "99999"}, {"line": "-1"}, {"id": "no id"}):
        assert sent(browser, page, "appeal", {"grounds": "x", **changes}).status == 404
    assert sent(browser, page, "appeal", {"grounds": "x", "line": "7"}).status == 409
    assert sent(browser, page, "appeal", {"grounds": "x", "form_key": "another"}).status == 403
    fields = dict(page.form(f"{page.response.url.path}/appeal").fields) | {"grounds": "x"}
    assert browser.post(f"/r/{'x' * 43}/appeal", data=fields).status_code == 404
    assert happened(acting, rma_id) == before

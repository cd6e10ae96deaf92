"""People who mean harm, at the pages: each attempt, and what it comes to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from tests.support.api import Api
from tests.support.pages import Browser, Page, free_port, open_pages, shop_token
from workers.http.door import Door

NOWHERE = "This link does not lead anywhere"
SCRIPT = '<script>alert("x")</script>'


def sold(shop: Api, order_id: str, **line: object) -> None:
    told = {"line_id": "L1", "sku": "SHOE-42", "quantity": 2, "amount_minor": 2000, "title": "Shoe", **line}
    shop.sell(order_id, policy_id="pages", lines=[told])


def at_details(browser: Browser, order_id: str) -> Page:
    choice = {"quantity:L1": "1", "reason:L1": "changed_mind"}
    return browser.press(browser.enter(order_id), "/returns/order/details", choice)


def asked(browser: Browser, order_id: str, **typed: str) -> Page:
    """Ask for a return of one unit; return the return's page."""
    preview = browser.press(at_details(browser, order_id), "/returns/order/details", {"go": "preview", **typed})
    return browser.press(preview, "/returns/order/send")


def test_forged_old_and_anothers_tokens_are_all_answered_alike(shop: Api, browser: Browser) -> None:
    """404 and the same page, byte for byte but for the form's key: nothing tells which it was."""
    sold(shop, "H-tokens")
    old = datetime.now(UTC) - timedelta(minutes=5)
    tried = [
        shop_token("H-tokens", key="another secret that the shop never saw"),
        shop_token("H-tokens", exp=old),
        shop_token("H-tokens", exp=old + timedelta(days=30)),
        "no token",
        "",
    ]

    pages = [browser.look("/returns/enter", params={"token": token}) for token in tried]
    pages.append(browser.look("/r/" + "x" * 43))

    assert {page.status for page in pages} == {404}
    assert all(NOWHERE in page.text for page in pages)
    assert len({page.text for page in pages}) == 1


def test_a_token_for_anothers_order_opens_nothing(shop: Api, browser: Browser) -> None:
    """The shop's token names customer and order: they have to belong together; an order there is none is the same."""
    sold(shop, "H-another")

    anothers = browser.enter("H-another", "C-2")
    nobodys = browser.another().enter("H-nobody-has-it")

    assert (anothers.status, nobodys.status, anothers.text) == (404, 404, nobodys.text)


def test_anothers_return_is_not_opened_by_its_id(shop: Api, browser: Browser) -> None:
    """Neither from the list of one's own returns nor by sending a form under its id."""
    sold(shop, "H-victim")
    sold(shop, "H-thief")
    victim, _ = shop.ask_return("H-victim")
    order = browser.enter("H-thief")
    key = order.form("/returns/leave").named("form_key")

    opened = Page(browser.post("/returns/open", data={"form_key": key, "return": victim}))
    preview = browser.press(at_details(browser, "H-thief"), "/returns/order/details", {"go": "preview"})
    sent = browser.press(preview, "/returns/order/send", {"id": victim})

    assert (opened.status, NOWHERE in opened.text) == (404, True)
    assert "H-victim" not in sent.text
    assert sent.response.url.path == "/returns/order/send"
    asked_of_victim = shop.get("/v1/returns", params={"order_id": "H-victim"}).json()["items"]
    assert [row["rma_id"] for row in asked_of_victim] == [victim]


def test_a_sent_requests_id_opens_it_for_nobody_else(shop: Api, browser: Browser) -> None:
    """Who knows the id of a request that a customer sent gets a page that leads nowhere, not the return."""
    sold(shop, "H-sent")
    sold(shop, "H-other")
    asked(browser, "H-sent")
    [row] = shop.get("/v1/returns", params={"order_id": "H-sent"}).json()["items"]
    other = browser.another()
    preview = other.press(at_details(other, "H-other"), "/returns/order/details", {"go": "preview"})

    stolen = other.press(preview, "/returns/order/send", {"id": row["rma_id"]})

    assert (stolen.status, row["rma_number"] in stolen.text) == (404, False)


def test_a_form_of_another_site_does_nothing(shop: Api, browser: Browser) -> None:
    """Without the form's key, with another visit's, or from another site: 403, and nothing is sent."""
    sold(shop, "H-csrf")
    sent = asked(browser, "H-csrf")
    path = sent.response.url.path
    form = dict(sent.form(f"{path}/cancel").fields)
    stranger = browser.another().look("/returns/enter", params={"token": shop_token("H-csrf")})
    strangers_key = stranger.form("/returns/enter").named("form_key")

    tried = [
        browser.post(f"{path}/cancel", data={**form, "form_key": ""}),
        browser.post(f"{path}/cancel", data={**form, "form_key": strangers_key}),
        browser.post(f"{path}/cancel", data=form, headers={"sec-fetch-site": "cross-site"}),
        browser.another().post(f"{path}/cancel", data=form),
    ]

    assert [one.status_code for one in tried] == [403] * 4
    [row] = shop.get("/v1/returns", params={"order_id": "H-csrf"}).json()["items"]
    assert row["status"] == "authorized"


def test_the_links_holder_alone_does_not_cancel(shop: Api, browser: Browser) -> None:
    """A link stands in mails for months: cancelling needs a visit that began just now."""
    sold(shop, "H-link")
    path = asked(browser, "H-link").response.url.path
    holder = browser.another()
    seen = holder.look(path)

    form_key = browser.another().look(path)  # sets no cookie of the holder's
    tried = holder.post(f"{path}/cancel", data={"form_key": _key_of(holder, path), "id": str(uuid4())})

    assert (seen.status, form_key.status) == (200, 200)
    assert f"{path}/cancel" not in {form.action for form in seen.forms}
    assert tried.status_code == 403


def _key_of(browser: Browser, path: str) -> str:
    """Return the key of the forms of a visit, from a page that has one."""
    page = browser.look(path, params={"score": "5"})
    return page.form(f"{path}/feedback").named("form_key")


def test_texts_from_outside_stay_texts(shop: Api, browser: Browser) -> None:
    """Titles, articles, places and comments with code in them are shown as they were typed."""
    sold(shop, "H-xss", title=SCRIPT, sku=SCRIPT, category=SCRIPT)

    order = browser.enter("H-xss")
    details = at_details(browser, "H-xss")
    again = browser.press(details, "/returns/order/details", {"comment:L1": f'"></textarea>{SCRIPT}'})
    sent = asked(browser, "H-xss", **{"comment:L1": SCRIPT})

    for page in (order, details, again, sent):
        assert SCRIPT not in page.response.text
        assert page.status == 200
    assert again.form("/returns/order/details").named("comment:L1") == f'"></textarea>{SCRIPT}'
    assert SCRIPT in sent.text


def test_what_carriers_and_the_bench_write_stays_a_text(shop: Api, browser: Browser) -> None:
    """Places, carriers' names, numbers of parcels, notes: on the return's page they are shown as they came."""
    sold(shop, "H-carrier")
    path = asked(browser, "H-carrier").response.url.path
    [row] = shop.get("/v1/returns", params={"order_id": "H-carrier"}).json()["items"]
    about = {"rma_id": row["rma_id"], "order_id": "H-carrier"}
    label = {"label_id": "L", "carrier": SCRIPT, "tracking_number": SCRIPT, "ship_to": SCRIPT}
    shop.accepted("IssueLabel", about | label)
    scan = {"tracking_number": SCRIPT, "scan_id": "S", "status": "delivered", "place": SCRIPT}
    shop.accepted("RecordScan", about | scan, actor="carrier:post")
    receipt = {"receipt_id": "R", "site": "W", "items": [{"line": 1, "quantity": 1}], "complete": True}
    shop.accepted("ReceiveGoods", about | receipt, actor="warehouse:w")
    found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none", "note": SCRIPT}
    told = shop.accepted("RecordInspection", about | found | {"inspection_id": "I"}, actor="warehouse:w")

    page = browser.look(path, params={"after": str(told["events"][-1]["position"])})

    assert page.status == 200
    assert SCRIPT not in page.response.text


@pytest.mark.parametrize("typed", ["{{ 7 * 7 }}", "{% include '/etc/passwd' %}", "%(order_id)s %s"])
def test_templates_are_not_made_of_what_is_typed(shop: Api, browser: Browser, typed: str) -> None:
    """What looks like a template is a text like any other."""
    order_id = f"H-ssti-{uuid4().hex[:8]}"
    sold(shop, order_id, title=typed)

    assert typed in browser.enter(order_id).text


def test_other_names_of_this_door_are_not_answered(page_door: tuple[Door, object], browser: Browser) -> None:
    """421: links are made of the one address that people are to know, and no header changes it."""
    poisoned = browser.get("/returns/enter", headers={"host": "evil.example"})
    forwarded = browser.get("/r/x", headers={"x-forwarded-host": "evil.example"})

    assert poisoned.status_code == 421
    assert "evil.example" not in poisoned.text + forwarded.text


def test_nothing_sends_the_browser_elsewhere(shop: Api, browser: Browser) -> None:
    """Redirects lead to addresses that are made here, whatever a form or an address says."""
    sold(shop, "H-redirect")
    evil = "https://evil.example/"
    offered = browser.look(
        "/returns/enter", params={"token": shop_token("H-redirect"), "next": evil, "lang": evil, "return_to": evil}
    )

    entered = browser.post(
        "/returns/enter",
        data=dict(offered.form("/returns/enter").fields) | {"next": evil, "location": evil},
        follow_redirects=False,
    )

    assert (entered.status_code, entered.headers["location"]) == (303, "/returns/order")
    assert all(link.startswith(("/", "?", "#")) and not link.startswith("//") for link in offered.links)


def test_no_header_can_be_made_by_what_is_typed(shop: Api, browser: Browser) -> None:
    """Line breaks in an address, a token or a note's number end up in no header."""
    sold(shop, "H-header")
    path = asked(browser, "H-header").response.url.path

    for tried in (
        f"{path}?after=1%0d%0aset-cookie:%20a=b",
        f"{path}?lang=zh%0d%0aset-cookie:%20a=b",
        f"{path}/credit-note?number=a%0d%0aset-cookie:%20a=b",
    ):
        assert "a=b" not in str(browser.get(tried).headers)


def test_what_a_page_may_load_and_who_may_frame_it(browser: Browser) -> None:
    """Every page, errors too: nothing but our own files, no frame, no address passed on, nothing kept."""
    for path in ("/returns/enter?token=x", "/r/unknown-unknown-unknown", "/returns/order"):
        headers = browser.another().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex"
        assert headers["x-content-type-options"] == "nosniff"
        assert "httponly" in headers["set-cookie"].lower()
        assert "samesite=lax" in headers["set-cookie"].lower()


def test_behind_https_cookies_go_nowhere_else(page_door: tuple[Door, object]) -> None:
    """Where the public address says https: `__Host-`, `Secure`, and browsers are told to come by no other way."""
    port = free_port()
    given = {"http_port": port, "http_public_url": "https://returns.shop.example"}
    with open_pages(page_door[0].settings.model_copy(update=given)), Browser(f"http://127.0.0.1:{port}") as browser:
        told = browser.get("/returns/start", headers={"host": "returns.shop.example"})
        other = browser.get("/returns/start")

    cookie = told.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert {"secure", "httponly", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    assert told.headers["strict-transport-security"] == "max-age=31536000"
    assert other.status_code == 421


def test_who_comes_in_has_a_new_cookie_and_who_leaves_has_none(shop: Api, browser: Browser) -> None:
    """A cookie that somebody planted before opens nothing, and one that was stolen is worth nothing after leaving."""
    sold(shop, "H-fixed")
    browser.look("/returns/enter?token=x")
    planted = browser.cookies["rma"]
    order = browser.enter("H-fixed")
    stolen = browser.cookies["rma"]
    assert browser.another().get("/returns/order", headers={"cookie": f"rma={planted}"}).status_code == 403
    assert browser.another().get("/returns/order", headers={"cookie": f"rma={stolen}"}).status_code == 200

    browser.press(order, "/returns/leave")

    assert browser.another().get("/returns/order", headers={"cookie": f"rma={stolen}"}).status_code == 403
    assert browser.get("/returns/order").status_code == 403


def test_files_are_known_by_their_content(shop: Api, browser: Browser) -> None:
    """A page, a drawing with code, a program: refused with a word of help, whatever they are called."""
    sold(shop, "H-files")
    details = at_details(browser, "H-files")
    fields = dict(details.form("/returns/order/details").fields)

    for name, content in {
        "photo.jpg": b"<html><script>alert(1)</script>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "../../../etc/cron.d/x.png": b"#!/bin/sh\n",
    }.items():
        page = Page(browser.post("/returns/order/details", data=fields, files={"files": (name, content)}))
        assert (page.status, "We could not read this file." in page.text) == (422, True), name
        assert [name for name, _ in page.form("/returns/order/details").fields].count("photo") == 0


def test_a_photo_is_kept_for_its_visit_alone(shop: Api, browser: Browser) -> None:
    """It goes on the return; named by another's form, it is left out."""
    sold(shop, "H-photo")
    sold(shop, "H-photo-thief")
    image = BytesIO()
    Image.new("RGB", (8, 8), "red").save(image, "JPEG")
    details = at_details(browser, "H-photo")
    fields = dict(details.form("/returns/order/details").fields)
    with_photo = Page(
        browser.post("/returns/order/details", data=fields, files={"files": ("../a.jpg", image.getvalue())})
    )
    photo = with_photo.form("/returns/order/details").named("photo")
    assert "One file has been added." in with_photo.text

    thief = browser.another()
    asked(thief, "H-photo-thief", photo=photo)
    preview = browser.press(with_photo, "/returns/order/details", {"go": "preview"})
    browser.press(preview, "/returns/order/send")

    for order_id, files in (("H-photo", 1), ("H-photo-thief", 0)):
        [row] = shop.get("/v1/returns", params={"order_id": order_id}).json()["items"]
        events = shop.get(f"/v1/returns/{row['rma_id']}/timeline").json()["items"]
        [requested] = [event["data"] for event in events if event["type"] == "rma.Rma.Requested.v1"]
        assert len(requested.get("evidence") or []) == files, order_id


def test_too_much_at_once_is_refused_with_a_page(browser: Browser) -> None:
    """A form of more than it may have, a field without an end, fields without number."""
    field = browser.post("/returns/enter", data={"token": "x" * 200_000})
    large = browser.post("/returns/enter", data={f"f{number}": "x" * 50_000 for number in range(40)})
    many = browser.post("/returns/enter", data={f"f{number}": "" for number in range(3_000)})

    assert (large.status_code, "20 MB" in large.text) == (413, True)
    assert (field.status_code, many.status_code) == (400, 400)


@pytest.mark.parametrize(
    "path",
    ["/pages/x/../../settings.py", "/pages/x/..%2f..%2fwords.py", "/pages/brand/..%2fbrand.json", "/pages/x/style.css"],
)
def test_no_file_is_reached_but_those_that_are_listed(browser: Browser, path: str) -> None:
    """By a name with its mark; paths out of the folder are not even paths."""
    assert browser.get(path).status_code == 404

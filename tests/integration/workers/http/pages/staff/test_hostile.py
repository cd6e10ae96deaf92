"""People who mean harm, at the desk and the bench: what they can write there, and what they can send there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.integration.workers.http.pages.staff.test_acting import checked, form_path
from tests.support.api import Api
from tests.support.desk import SHOE, number_of, seen
from tests.support.pages import Browser
from workers.http.pages.staff.forms import BENCH, DESK
from workers.http.pages.staff.queues import TABS

SignedIn = Callable[[str], Browser]
CODE: Final = '"><script>alert(1)</script>'
"""Without a space, so that it can also be an id."""
TEMPLATE: Final = "{{7*191}}{%if(1)%}${7*191}"
DRAWN: Final = "1337"


@pytest.fixture
def written(shop: Api) -> tuple[str, str]:
    """Return a return and its order, each text of which somebody else chose."""
    order_id = f"{uuid4().hex[:6]}{CODE}{TEMPLATE}"
    line = SHOE | {"sku": CODE, "title": f"{CODE}{TEMPLATE}", "category": "shoes"}
    contact = {"name": CODE, "address": {"lines": [CODE], "city": CODE, "country": "DE"}}
    shop.sell(order_id, policy_id="desk", lines=[line], customer_id=CODE, contact=contact)
    rma_id = str(uuid4())
    wanted = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", "comment": CODE + TEMPLATE}
    evidence = [{"evidence_id": CODE, "kind": "photo", "uri": f"javascript:{CODE}"}]
    about = {"rma_id": rma_id, "order_id": order_id}
    shop.accepted("RequestReturn", about | {"lines": [wanted], "evidence": evidence}, actor=f"customer:{CODE}")
    label = {"label_id": CODE, "carrier": CODE, "tracking_number": CODE, "ship_to": CODE}
    shop.accepted("IssueLabel", about | label)
    shop.accepted("RecordHandover", about | {"tracking_number": CODE, "drop_off": CODE}, actor=f"carrier:{CODE}")
    scan = {"tracking_number": CODE, "scan_id": CODE, "status": "in_transit", "place": CODE + TEMPLATE}
    shop.accepted("RecordScan", about | scan, actor=f"carrier:{CODE}")
    other = {"sku": CODE, "quantity": 1, "note": CODE}
    receipt = {"receipt_id": CODE, "site": CODE, "items": [{"line": 1, "quantity": 1}], "unexpected": [other]}
    shop.accepted("ReceiveGoods", about | receipt | {"complete": True}, actor=f"warehouse:{CODE}")
    found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none", "note": CODE}
    shop.accepted("RecordInspection", about | found | {"inspection_id": CODE}, actor=f"warehouse:{CODE}")
    goodwill = {"amount_minor": 1, "reason": CODE, "grant_id": CODE}
    shop.accepted("GrantGoodwill", about | goodwill, actor=f"agent:{CODE}")
    parcel = {"parcel_id": f"{order_id[:6]}{CODE}", "site": CODE, "items": [{"sku": CODE, "quantity": 1}]}
    shop.accepted("RecordUnknownParcel", parcel | {"note": CODE, "tracking_number": CODE}, actor=f"warehouse:{CODE}")
    notice = {"notice_id": CODE, "kind": "approved", "channel": "email", "outcome": "bounced", "reason": CODE}
    seen(shop, rma_id, shop.accepted("RecordNotice", about | notice))
    return rma_id, order_id


def addresses(rma_id: str, order_id: str) -> Iterator[str]:
    """Yield every page of the desk and the bench on which these texts can stand."""
    order = f"/desk/orders/{quote(order_id, safe='')}"
    yield from (f"/desk?queue={tab}" for tab in TABS)
    yield from (f"/desk/search?q={quote(text)}" for text in (CODE, order_id, TEMPLATE))
    yield from (f"/desk/placing?kind=parcel&id={quote(order_id[:6] + CODE)}", f"/desk/returns/{rma_id}", order)
    yield from (form_path(rma_id, form.command) for form in DESK.values() if form.subject == "return")
    yield from (f"{order}/do/{form.command}" for form in DESK.values() if form.subject == "order")


def at_bench(rma_id: str) -> Iterator[str]:
    yield from (
        f"/bench?q={quote(CODE)}x",
        f"/bench/{rma_id}",
        f"/bench/parcels/do/RecordUnknownParcel?q={quote(CODE)}",
    )
    yield from (f"/bench/{rma_id}/do/{form.command}" for form in BENCH.values() if form.subject == "return")


def test_texts_from_outside_stay_texts_on_every_page(shop: Api, signed_in: SignedIn, written: tuple[str, str]) -> None:
    """Comments, articles, titles, names, places, numbers, ids: neither code of a page nor of a template."""
    ada, wei = signed_in("ada"), signed_in("wei")
    shown = [ada.look(path) for path in addresses(*written)] + [wei.look(path) for path in at_bench(written[0])]

    assert {page.status for page in shown} == {200}
    assert sum(CODE in page.text for page in shown) > 20
    for page in shown:
        assert "<script>alert" not in page.response.text, page.response.url
        assert DRAWN not in page.response.text, page.response.url
        assert not [link for link in page.links if link.strip().lower().startswith("javascript:")]


def test_what_is_typed_into_a_form_stays_a_text(shop: Api, signed_in: SignedIn, written: tuple[str, str]) -> None:
    """On the page that shows what would happen, in a refusal, and where a supervisor looks."""
    rma_id, _ = written
    ada, sol, path = signed_in("ada"), signed_in("sol"), form_path(rma_id, "GrantGoodwill")
    shown = checked(ada, path, {"amount_minor": "9", "reason": CODE + TEMPLATE})
    waits = ada.press(shown, path, {"step": "ask"})
    faulty = checked(ada, path, {"amount_minor": CODE, "reason": TEMPLATE})
    refused = checked(ada, form_path(rma_id, "CloseReturn"), {"reason": CODE})

    assert [shown.status, faulty.status, refused.status] == [200, 422, 409]
    for page in (shown, waits, faulty, refused, sol.look(waits.response.url.path)):
        assert "<script>alert" not in page.response.text
        assert DRAWN not in page.response.text


class _Counting(BaseHTTPRequestHandler):
    """Somebody else's server, which notes who asks."""

    asked: Final[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_evidence_elsewhere_is_never_fetched_nor_shown_as_a_picture(shop: Api, signed_in: SignedIn) -> None:
    """Addresses inside and outside are texts: no request of ours, none of the agent's browser, no link to press."""
    with HTTPServer(("127.0.0.1", 0), _Counting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        uris = [
            f"http://127.0.0.1:{server.server_port}/seen.png",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ]
        shop.sell("X-elsewhere", policy_id="desk", lines=[SHOE])
        evidence = [{"evidence_id": f"E-{n}", "kind": "photo", "uri": uri} for n, uri in enumerate(uris)]
        rma_id, told = shop.ask_return("X-elsewhere", evidence=evidence)
        seen(shop, rma_id, told)
        pages = [signed_in("ada").look(f"/desk/returns/{rma_id}"), signed_in("wei").look(f"/bench/{rma_id}")]
        server.shutdown()

    assert _Counting.asked == []
    for page in pages:
        assert not re.search(r"<(img|iframe|video|embed|object)\b", page.response.text)
        assert not [link for link in page.links if link.startswith(("http", "file", "javascript"))]


def test_a_form_without_an_end_is_refused(shop: Api, signed_in: SignedIn) -> None:
    """413 once it is too long, whoever sends it: 1 MiB at the desk, 21 MB at the bench, which takes photographs."""
    ada, wei = signed_in("ada"), signed_in("wei")
    headers = {"content-type": "application/x-www-form-urlencoded"}

    def long(chunks: int) -> Iterator[bytes]:
        yield from (b"f%d=%b&" % (number, b"x" * 50_000) for number in range(chunks))

    for browser, path, chunks in ((ada, "/desk/placing", 60), (wei, f"/bench/{uuid4()}/do/HoldGoods", 480)):
        assert browser.post(path, content=long(chunks), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/desk/files/..%2f..%2fetc%2fpasswd", "/desk/files/%2e%2e", "/pages/..%2f..%2fapp.py", "/desk/returns/..%2f.."],
)
def test_no_address_leads_out_of_a_folder(signed_in: SignedIn, path: str) -> None:
    """404."""
    assert signed_in("ada").get(path).status_code == 404


def test_no_header_is_made_of_what_an_address_says(shop: Api, signed_in: SignedIn, written: tuple[str, str]) -> None:
    """Neither where a form leads back to, nor what a file is called."""
    broken = quote("x\r\nset-cookie: stolen=1")
    ada = signed_in("ada")

    for path in (f"/desk?queue=review&lang={broken}", f"/desk/search?q={broken}", f"/desk/credit-notes?number={broken}",
                 f"/desk/returns/{written[0]}?done={broken}&after={broken}"):  # fmt: skip
        told = ada.get(path)
        assert "stolen" not in str(told.headers)
    assert number_of(shop, written[0]) in ada.look(f"/desk/returns/{written[0]}").text

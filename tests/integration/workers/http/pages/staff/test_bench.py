"""The warehouse at its bench: a number is scanned, goods are received, inspected, and told where to go."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from tests.support.api import Api
from tests.support.desk import arrived, asked, number_of, seen
from tests.support.pages import Browser, Page

SignedIn = Callable[[str], Browser]
SCRIPT = '<script>alert("x")</script>'


def sent(browser: Browser, path: str, typed: dict[str, str], *, query: str = "") -> Page:
    """Fill in a form of the bench as it stands, and send it."""
    return browser.press(browser.look(path + query), path, {**typed, "step": "send"})


def events(shop: Api, rma_id: str, name: str) -> list[dict[str, object]]:
    told = shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
    return [{**one["data"], "actor": one["actor"]} for one in told if one["type"] == f"rma.Rma.{name}.v1"]


def test_a_scanned_number_opens_the_return(shop: Api, signed_in: SignedIn) -> None:
    """The return's own as people type it, or that of its parcel; what is unknown is said so, and stays a text."""
    rma_id = asked(shop, "B-scan")
    about = {"rma_id": rma_id, "order_id": "B-scan", "label_id": "L-1", "carrier": "Post", "ship_to": "WH-1"}
    label = about | {"tracking_number": "TRACK-B-SCAN-1"}
    seen(shop, rma_id, shop.accepted("IssueLabel", label))
    wei = signed_in("wei")

    for typed in (number_of(shop, rma_id), number_of(shop, rma_id).lower().replace("-", ""), "TRACK-B-SCAN-1"):
        assert wei.look("/bench", params={"q": typed}).response.url.path == f"/bench/{rma_id}"
    unknown = wei.look("/bench", params={"q": f"{SCRIPT} B-scan"})
    assert f"Nothing is called {SCRIPT} B-scan" in unknown.text
    assert SCRIPT not in unknown.response.text


def test_goods_are_received_inspected_and_told_where_to_go(shop: Api, signed_in: SignedIn) -> None:
    """Each form is filled in with what is expected; a photograph comes along, and a name."""
    rma_id = asked(shop, "B-way")
    wei = signed_in("wei")
    page = wei.look(f"/bench/{rma_id}")
    receive, inspect, go = (
        f"/bench/{rma_id}/do/{name}" for name in ("ReceiveGoods", "RecordInspection", "DecideDisposition")
    )
    assert receive in page.links
    form = wei.look(receive).form(receive)
    assert (form.named("items.0.quantity"), form.named("complete")) == ("1", "yes")

    received = sent(wei, receive, {"site": "WH-7"})
    assert "Done: Receive" in received.text, received.text
    assert f"{inspect}?line=1" in received.links
    [receipt] = events(shop, rma_id, "Received")
    assert (receipt["site"], receipt["actor"]) == ("WH-7", "warehouse:wei")
    assert wei.look(receive).form(receive).named("site") == "WH-7"

    image = BytesIO()
    Image.new("RGB", (8, 8), "red").save(image, "JPEG")
    fields = dict(wei.look(f"{inspect}?line=1").form(inspect).fields)
    found = {"grade": "B", "cause": "none_found", "liable_party": "none", "step": "send"}
    inspected = Page(wei.post(inspect, data=fields | found, files={"photos": ("../a.jpg", image.getvalue())}))
    assert "Done: Inspect" in inspected.text, inspected.text
    [inspection] = events(shop, rma_id, "Inspected")
    assert (inspection["grade"], len(inspection["evidence"])) == ("B", 1)  # type: ignore[arg-type]
    assert f"{go}?line=1" in inspected.links or events(shop, rma_id, "DispositionDecided")

    decided = sent(wei, go, {"disposition": "restock"}, query="?line=1")
    assert "Done: Where the goods go" in decided.text, decided.text


def test_serial_numbers_are_received_with_the_goods(shop: Api, signed_in: SignedIn) -> None:
    """One a line, as a scanner types them; more than there are goods is refused in the rules' own words."""
    rma_id = asked(shop, "B-serials", sold={"serials": ["SN-1", "SN-2"]})
    path = f"/bench/{rma_id}/do/ReceiveGoods"
    wei = signed_in("wei")

    refused = sent(wei, path, {"site": "WH-1", "items.0.serials": "SN-1\nSN-2"})
    assert (refused.status, "This is refused." in refused.text) == (409, True), refused.text
    received = sent(wei, path, {"site": "WH-1", "items.0.serials": "SN-2\r\n"})

    assert "Done: Receive" in received.text, received.text
    [receipt] = events(shop, rma_id, "Received")
    assert "SN-2" in str(receipt["serials"])


def test_a_refusal_at_the_bench_keeps_what_was_typed(shop: Api, signed_in: SignedIn) -> None:
    """In the rules' own words; nothing is sent."""
    rma_id = asked(shop, "B-refused")
    path = f"/bench/{rma_id}/do/RecordInspection"
    typed = {"line": "1", "quantity": "1", "grade": "A", "cause": "none_found", "liable_party": "none", "note": "dusty"}

    refused = sent(signed_in("wei"), path, typed)

    assert (refused.status, "This is refused." in refused.text) == (409, True)
    assert refused.form(path).named("note") == "dusty"
    assert events(shop, rma_id, "Inspected") == []


def test_a_receipt_that_is_sent_twice_counts_once(shop: Api, signed_in: SignedIn) -> None:
    """A scanner's second Enter."""
    rma_id = asked(shop, "B-twice")
    path = f"/bench/{rma_id}/do/ReceiveGoods"
    wei = signed_in("wei")
    form = wei.look(path)

    first, again = (wei.press(form, path, {"site": "WH-1", "step": "send"}) for _ in range(2))

    assert first.status == again.status == 200
    assert len(events(shop, rma_id, "Received")) == 1


@pytest.mark.parametrize("person", ["ada", "sol", "olu"])
def test_the_bench_is_the_warehouses(shop: Api, signed_in: SignedIn, person: str) -> None:
    """Others neither see nor send its forms."""
    rma_id = arrived(shop, f"B-role-{person}")
    other = signed_in(person)
    path = f"/bench/{rma_id}/do/HoldGoods"
    key = other.look("/desk").form("/staff/sign-out").named("form_key")

    assert [other.look(one).status for one in ("/bench", f"/bench/{rma_id}", path)] == [403] * 3
    assert other.post(path, data={"form_key": key, "id": str(uuid4()), "step": "send"}).status_code == 403


def test_disguised_files_are_no_photographs(shop: Api, signed_in: SignedIn) -> None:
    """Known by their content; nothing is recorded."""
    rma_id = arrived(shop, "B-file")
    path = f"/bench/{rma_id}/do/RecordInspection"
    wei = signed_in("wei")
    fields = dict(wei.look(f"{path}?line=1").form(path).fields)
    found = {"grade": "B", "cause": "none_found", "liable_party": "none", "step": "send"}

    page = Page(wei.post(path, data=fields | found, files={"photos": ("a.jpg", b"<html><script>alert(1)</script>")}))

    assert page.status == 415
    assert events(shop, rma_id, "Inspected") == []


@pytest.mark.parametrize("command", ["DecideResolution", "GrantGoodwill", "PublishPolicy", "x"])
def test_there_is_no_form_at_the_bench_for_what_is_not_the_warehouses(
    shop: Api, signed_in: SignedIn, command: str
) -> None:
    """404."""
    rma_id = asked(shop, f"B-none-{command}")

    assert signed_in("wei").look(f"/bench/{rma_id}/do/{command}").status == 404

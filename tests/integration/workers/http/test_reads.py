"""Reads over HTTP: rows as the views have them, as far as they are the caller's, once they show what was told."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from infra.settings import Settings
from tests.support.api import Api, Keys


def position(result: dict[str, Any]) -> int:
    """Return the place in the log of a result's last event."""
    return int(result["events"][-1]["position"])


NOBODYS: Final = "b4c0fce2-5c3c-4a35-9b6e-0d6f0a3f9c11"
"""The id of no return."""


def get(api: Api, path: str, after: dict[str, Any] | None = None, **parameters: Any) -> Any:
    """Return what a read answers, once the views show what a result told of."""
    told = api.get(path, params=parameters | ({"after": position(after)} if after else {}))
    assert told.status_code == 200, told.text
    return told.json()


def refusal(told: httpx.Response) -> tuple[int, str]:
    return told.status_code, told.json()["code"]


def test_whoever_has_just_asked_finds_the_return(api: Api) -> None:
    """By id, number and parcel; its rows are those of the views, and say how far they are."""
    api.sell("O-found")
    rma_id, asked = api.ask_return("O-found")
    told = api.get(f"/v1/returns/{rma_id}", params={"after": position(asked)})
    found = told.json()

    assert (found["order_id"], found["status"], found["next_step"]) == ("O-found", "authorized", "ship")
    assert [(line["line_id"], line["quantity"], line["paid_minor"]) for line in found["lines"]] == [("L1", 1, 1000)]
    assert (found["refunds"], found["payouts"]) == ([], [])
    assert int(told.headers["rma-position"]) == found["last_position"]

    label = {"rma_id": rma_id, "order_id": "O-found", "label_id": "LB-1", "carrier": "DHL", "tracking_number": "JJD/7",
             "ship_to": "WH-1"}  # fmt: skip
    labelled = api.accepted("IssueLabel", label)
    number = found["rma_number"]
    for name in (number, number.lower().replace("-", ""), "JJD%2F7", "jjd%2f7"):
        assert get(api, f"/v1/returns/{name}", labelled)["rma_id"] == rma_id
    assert [row["rma_id"] for row in get(api, "/v1/returns", number="jjd/7")["items"]] == [rma_id]


def test_a_view_that_stays_behind_is_not_waited_for_for_ever(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position that nothing has is 503 `not_yet`, to be asked again."""
    monkeypatch.setattr("workers.http.reading.CAUGHT_UP_MAX_S", 0.2)

    told = api.get("/v1/returns", params={"after": 10**12})

    assert refusal(told) == (503, "not_yet")
    assert told.headers["retry-after"]


def test_pages_hold_each_return_once(api: Api) -> None:
    """The newest first; a cursor is of its question alone, and of this system."""
    api.sell("O-pages", lines=[{"line_id": "L1", "sku": "A", "quantity": 9, "amount_minor": 2000}])
    asked = [api.ask_return("O-pages")[1] for _ in range(2)]
    api.sell("O-pages-2")
    ids = [api.ask_return("O-pages-2") for _ in range(2)]
    one = get(api, "/v1/returns", ids[-1][1], order_id="O-pages-2", limit=1)
    two = get(api, "/v1/returns", order_id="O-pages-2", limit=1, cursor=one["next_cursor"])

    assert [row["rma_id"] for row in (*one["items"], *two["items"])] == [ids[1][0], ids[0][0]]
    assert two["next_cursor"] is None
    assert asked
    forged = one["next_cursor"][:-4] + "AAAA"
    for parameters in ({"cursor": forged}, {"cursor": one["next_cursor"], "status": "closed"}, {"cursor": "x"}):
        told = api.get("/v1/returns", params={"order_id": "O-pages-2", **parameters})
        assert refusal(told) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 201}, {"limit": 0}, {"limit": "x"}, {"stauts": "closed"}, {"status": "lost"}, {"next_step": "run"},
        {"older_than": -1}, {"older_than": 10**6}, {"order_id": "\x00"}, {"after": 0}, {"after": 2**70},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(api: Api, parameters: dict[str, Any]) -> None:
    """A parameter that is not known would narrow nothing: it is refused, like a value that cannot be."""
    assert refusal(api.get("/v1/returns", params=parameters)) == (400, "parameter_invalid")


def test_lists_are_narrowed_by_what_is_asked(api: Api) -> None:
    """Order, customer, step and age, all of them at once."""
    api.sell("O-narrow", customer_id="C-narrow")
    lines = [{"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund"}]
    data = {"rma_id": str(uuid4()), "order_id": "O-narrow", "lines": lines}
    asked = api.accepted("RequestReturn", data, actor="agent:A1")

    fits = {"customer_id": "C-narrow", "order_id": "O-narrow", "status": "authorized", "next_step": "ship"}
    assert [row["rma_id"] for row in get(api, "/v1/returns", asked, **fits)["items"]] == [data["rma_id"]]
    for other in ({"customer_id": "C-1"}, {"status": "closed"}, {"older_than": 1}, {"number": "RMA-0000"}):
        assert get(api, "/v1/returns", **(fits | other))["items"] == []


def test_the_timeline_is_paged_in_its_order(api: Api) -> None:
    """Each event once, the return's own and its order's."""
    api.sell("O-timeline")
    rma_id, asked = api.ask_return("O-timeline")
    path, events, cursor = f"/v1/returns/{rma_id}/timeline", [], None
    while True:
        page = get(api, path, asked, limit=2, **({"cursor": cursor} if cursor else {}))
        events += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break

    whole = get(api, path)["items"]
    assert [one["position"] for one in events] == sorted(one["position"] for one in whole)
    assert {"rma.Rma.Requested.v1", "rma.Order.UnitsTaken.v1"} <= {one["type"] for one in whole}


def test_a_decision_is_explained_in_two_languages(api: Api) -> None:
    """What `rma explain` says, as data."""
    api.sell("O-explained")
    rma_id, asked = api.ask_return("O-explained")
    path = f"/v1/returns/{rma_id}/explanation"

    [english] = get(api, path, asked)["items"]
    [chinese] = get(api, path, lang="zh")["items"]
    assert (english["line"], english["outcome"]) == (1, "approve")
    assert english["heading"] != chinese["heading"]


def test_a_quote_says_what_would_still_be_paid(api: Api) -> None:
    """One of two units for 20.00: 10.00 to the card; once it is requested nothing more would come."""
    api.sell("O-quote")
    rma_id, asked = api.ask_return("O-quote")
    path = f"/v1/returns/{rma_id}/quote"

    before = get(api, path, asked)
    assert (before["amount_minor"], before["requested_minor"], before["currency"]) == (1000, 0, "EUR")
    assert before["tenders"] == [{"tender_id": "T1", "kind": "card", "amount_minor": 1000}]
    assert before["fees"] == {"restocking_minor": 0, "return_shipping_minor": 0}
    on = {"rma_id": rma_id, "order_id": "O-quote"}
    api.accepted("RecordHandover", on, actor="carrier:DHL")
    goods = {"receipt_id": "R-1", "site": "WH", "items": [{"line": 1, "quantity": 1}], "complete": True}
    received = api.accepted("ReceiveGoods", on | goods, actor="warehouse:w")
    assert get(api, path, received)["amount_minor"] == 1000  # it is here, and waits for the bench

    found = {
        "inspection_id": "I-1",
        "line": 1,
        "quantity": 1,
        "grade": "A",
        "cause": "none_found",
        "liable_party": "none",
    }
    inspected = api.accepted("RecordInspection", on | found, actor="warehouse:w")
    after = get(api, path, inspected)
    assert (after["amount_minor"], after["requested_minor"], after["tenders"]) == (0, 1000, [])
    [refund] = get(api, f"/v1/returns/{rma_id}")["refunds"]
    assert refund["amount_minor"] == 1000


def test_an_order_shows_its_lines_and_returns(api: Api) -> None:
    """By path and by parameter: names with slashes, dots and percent signs are names."""
    for name in ("O-order", "A/B", "..", "%2e", "O?#&=", "O%2FB"):
        api.sell(name)
        rma_id, asked = api.ask_return(name)
        encoded = "".join(f"%{byte:02x}" for byte in name.encode())
        by_path = get(api, f"/v1/orders/{encoded}", asked)

        assert by_path == get(api, "/v1/orders", order_id=name)
        assert (by_path["order_id"], by_path["charged_minor"]) == (name, 2000)
        assert [(line["sold"], line["delivered"], line["in_return"]) for line in by_path["order_units"]] == [(2, 2, 1)]
        assert [one["rma_id"] for one in by_path["returns"]] == [rma_id]


def test_what_may_come_back_is_told_by_reason_and_wish(api: Api) -> None:
    """Two units for 20.00, one asked for already: 10.00 back, within 30 days of the delivery. Nothing is asked."""
    api.sell("O-returnable")
    _, asked = api.ask_return("O-returnable")
    path = "/v1/orders/O-returnable/returnable"

    [line] = get(api, path, asked, reason="too_small")["lines"]
    assert (line["line_id"], line["free"], line["title"]) == ("L1", 1, "Shoe")
    assert [(option["wish"], option["outcome"], option["refund_minor"]) for option in line["options"]] == [
        ("refund", "approve", 1000),
        ("store_credit", "approve", 1000),
    ]
    [all_reasons] = get(api, path)["lines"]
    assert len({option["reason"] for option in all_reasons["options"]}) == 19
    [too_many] = get(api, path, line_id="L1", quantity=2, reason="fit", wish="refund")["lines"][0]["options"]
    assert (too_many["outcome"], too_many["codes"]) == ("refused", ["units_not_available"])
    assert get(api, "/v1/orders", order_id="O-returnable")["returns"][0]["status"] == "authorized"
    assert len(get(api, "/v1/orders", order_id="O-returnable")["returns"]) == 1


def test_lines_and_reasons_that_are_too_many_are_to_be_narrowed(api: Api) -> None:
    """One request does not play for seconds."""
    lines = [{"line_id": f"L{n}", "sku": "A", "quantity": 1, "amount_minor": 100} for n in range(1, 21)]
    registered = api.accepted("RegisterOrder", {
        "order_id": "O-many", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR",
        "lines": lines, "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 2000}],
    })  # fmt: skip
    told = api.get("/v1/orders/O-many/returnable", params={"after": position(registered)})

    assert refusal(told) == (400, "too_many_options")
    assert len(get(api, "/v1/orders/O-many/returnable", reason="fit")["lines"]) == 20
    assert refusal(api.get("/v1/orders/O-many/returnable?line_id=L99")) == (404, "not_found")


@pytest.mark.parametrize("part", ["", "/timeline", "/explanation", "/quote"])
def test_a_seller_sees_his_own_returns_alone(api: Api, keys: Keys, part: str) -> None:
    """Another's is not there: not by id, not by number, not in a list; nor is its order."""
    name = f"O-sold{part.strip('/')}"
    api.sell(name, seller_id="S-1")
    rma_id, asked = api.ask_return(name)
    number = get(api, f"/v1/returns/{rma_id}", asked)["rma_number"]

    with api.as_holder_of(keys["seller"]) as mine, api.as_holder_of(keys["rival"]) as rival:
        for by in (rma_id, number):
            assert mine.get(f"/v1/returns/{by}{part}").status_code == 200
            assert refusal(rival.get(f"/v1/returns/{by}{part}")) == (404, "not_found")
        assert [row["rma_id"] for row in get(mine, "/v1/returns", order_id=name)["items"]] == [rma_id]
        assert get(rival, "/v1/returns", order_id=name)["items"] == []
        assert get(rival, "/v1/returns", number=number)["items"] == []
        assert get(mine, f"/v1/orders/{name}")["order_id"] == name
        for path in (f"/v1/orders/{name}", f"/v1/orders?order_id={name}", f"/v1/orders/{name}/returnable"):
            assert refusal(rival.get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/returns/{NOBODYS}", "/v1/returns/RMA-7K3M-9QXF-2ADC-P", "/v1/returns/%2e%2e", "/v1/returns/x/quote",
        f"/v1/returns/{NOBODYS}/timeline", "/v1/orders/none", "/v1/orders?order_id=none", "/v1/orders/none/returnable",
        "/v1/credit-notes?number=CN-none-2026-000001", "/v1/credit-notes.pdf?number=x", "/v1/credit-notes/x.pdf",
    ],
)  # fmt: skip
def test_what_nobody_knows_is_not_found(api: Api, path: str) -> None:
    assert refusal(api.get(path)) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/returns/%ff", "/v1/orders/%00", f"/v1/orders/{'x' * 300}"])
def test_what_is_no_name_is_said(api: Api, path: str) -> None:
    assert refusal(api.get(path)) == (400, "parameter_invalid")


def test_a_credit_note_is_there_as_data_and_as_pdf(api: Api, keys: Keys, door_settings: tuple[Settings, Keys]) -> None:
    """By its number, to whoever may see its order; a file to be kept, not a page to be shown."""
    seller = "../evil"
    api.sell("O-note", seller_id=seller)
    rma_id, _ = api.ask_return("O-note")
    on = {"rma_id": rma_id, "order_id": "O-note", "line": 1, "quantity": 1, "resolution": "refund"}
    resolved = api.accepted("DecideResolution", on, actor="agent:A1")
    [refund] = get(api, f"/v1/returns/{rma_id}", resolved)["refunds"]
    note = {"series_id": "default", "order_id": "O-note", "rma_id": rma_id, "refund_id": refund["refund_id"]}
    series = api.tell("IssueCreditNote", note, actor="clock:credit-notes").json()["details"]["series_id"]
    issued = api.accepted("IssueCreditNote", note | {"series_id": series}, actor="clock:credit-notes")
    number = f"CN-{series}-{resolved['recorded_at'][:4]}-000001"

    shown = get(api, "/v1/credit-notes", issued, number=number)
    by_number = api.get("/v1/credit-notes.pdf", params={"number": number})
    by_path = api.get(f"/v1/credit-notes/{number.replace('-', '%2D')}.pdf")

    assert (shown["gross_minor"], shown["seller_id"]) == (1000, seller)
    assert by_number.content.startswith(b"%PDF-")
    assert by_number.content == by_path.content
    assert by_path.headers["content-disposition"] == f'attachment; filename="{number}.pdf"'
    with api.as_holder_of(keys["rival"]) as rival:
        assert refusal(rival.get("/v1/credit-notes", params={"number": number})) == (404, "not_found")


def test_a_label_is_printed_once_there_is_one(api: Api) -> None:
    """On both papers, by id and number; before, and under another label's id, there is none."""
    api.sell("O-label")
    rma_id, asked = api.ask_return("O-label")
    assert refusal(api.get(f"/v1/returns/{rma_id}/label.pdf", params={"after": position(asked)})) == (404, "no_label")
    label = {"rma_id": rma_id, "order_id": "O-label", "label_id": "LB/2", "carrier": "DHL", "tracking_number": "JJD-8",
             "ship_to": "WH-1"}  # fmt: skip
    labelled = api.accepted("IssueLabel", label)

    for parameters in ({}, {"size": "a4", "lang": "zh"}, {"label_id": "LB/2"}):
        told = api.get(f"/v1/returns/{rma_id}/label.pdf", params={"after": position(labelled), **parameters})
        assert (told.status_code, told.headers["content-type"], told.content[:5]) == (200, "application/pdf", b"%PDF-")
        assert 'filename="RMA-' in told.headers["content-disposition"]
    assert refusal(api.get(f"/v1/returns/{rma_id}/label.pdf", params={"label_id": "LB/3"})) == (404, "no_label")
    assert refusal(api.get(f"/v1/returns/{rma_id}/label.pdf", params={"size": "a5"}))[0] == 400
    assert refusal(api.get(f"/v1/returns/{NOBODYS}/label.pdf")) == (404, "not_found")

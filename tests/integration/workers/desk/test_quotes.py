"""A quote says what a request would give back, and leaves everything as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.support.command_line import invoke
from tests.support.pipeline import Pipeline, environment
from tests.support.pipeline import command as told
from workers.command_worker.streams import AggregateCache, BatchStreams
from workers.desk.quoting import REQUESTS_MAX, asks_in, quote

AT = datetime(2026, 3, 3, 10, tzinfo=UTC)
ORDER: dict[str, Any] = {
    "order_id": "O-1",
    "customer_id": "C-1",
    "country": "US",
    "channel": "web",
    "currency": "EUR",
    "lines": [
        {"line_id": "L1", "sku": "SHOE-42", "quantity": 3, "amount_minor": 1000},
        {"line_id": "L2", "sku": "SOCK", "quantity": 2, "amount_minor": 500},
        {"line_id": "L3", "sku": "HAT", "quantity": 1, "amount_minor": 700, "final_sale": True},
    ],
    "tenders": [
        {"tender_id": "T1", "kind": "gift_card", "amount_minor": 400},
        {"tender_id": "T2", "kind": "card", "amount_minor": 1800},
    ],
}
POLICY: dict[str, Any] = {
    "window": {"days": 30},
    "offers": ["refund", "exchange"],
    "method": "label",
    "fees": {"restocking_bps": 1000, "return_shipping_minor": 495},
    "rules": [
        {
            "name": "final-sale",
            "when": {"fact": "final_sale", "is": True},
            "then": {"decide": "deny", "code": "final_sale"},
        }
    ],
}


@pytest.fixture
def shop(pipeline: Pipeline) -> Pipeline:
    """One order of three lines, delivered, under a policy with fees."""
    policy = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY}
    delivered = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in ORDER["lines"]]
    delivery = {"order_id": "O-1", "delivery_id": "D-1", "lines": delivered}
    pipeline.worker().record(
        [
            told("PublishPolicy", policy, actor="agent:A1"),
            told("RegisterOrder", ORDER),
            told("RecordDelivery", delivery),
        ]
    )
    return pipeline


def wanted(line_id: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"line_id": line_id, "quantity": quantity, "reason": "too_small", "wish": "refund", **more}


def request(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rma_id": str(uuid4()), "order_id": "O-1", "lines": list(lines), **more}


def quoted(shop: Pipeline, *bodies: Any) -> list[dict[str, Any]]:
    lines = [orjson.dumps(body) for body in bodies]
    streams = BatchStreams(shop.log, shop.codec, AggregateCache())
    return [quote(asked, streams) for asked in asks_in(lines, at=AT, actor="customer:C-1")]


def test_a_quote_is_what_the_return_then_pays(shop: Pipeline) -> None:
    """Amount, fees and tenders quoted are those of the refund that the same return leads to."""
    body = request(wanted("L1", 2), wanted("L2", 1))
    [told_before] = quoted(shop, body)

    about = {"rma_id": body["rma_id"], "order_id": "O-1"}
    found = {"grade": "A", "cause": "none_found", "liable_party": "none"}
    items = [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}]
    received = {**about, "receipt_id": "R-1", "site": "WH-1", "items": items, "complete": True}
    shop.worker().record(
        [
            told("RequestReturn", body, actor="customer:C-1", time="2026-03-03T10:00:00Z"),
            told("RecordHandover", about, actor="carrier:DHL", time="2026-03-04T10:00:00Z"),
            told("ReceiveGoods", received, actor="warehouse:W", time="2026-03-05T10:00:00Z"),
            *(
                told(
                    "RecordInspection",
                    {**about, **item, "inspection_id": f"I-{item['line']}", **found},
                    actor="agent:A1",
                )
                for item in items
            ),
        ]
    )
    paid = [orjson.loads(event.body) for event in shop.log.read(0, 100) if "RefundRequested" in event.type]

    assert [line["net_minor"] for line in told_before["lines"]] == [fact["amount_minor"] for fact in paid] == [104, 225]
    assert [line["restocking_minor"] for line in told_before["lines"]] == [67, 25]
    assert [line["return_shipping_minor"] for line in told_before["lines"]] == [495, 0]
    assert [[tender["amount_minor"] for tender in line["tenders"]] for line in told_before["lines"]] == [
        [payout["amount_minor"] for payout in fact["payouts"]] for fact in paid
    ]


def test_nothing_is_written_and_each_request_stands_alone(shop: Pipeline) -> None:
    """The same units can be quoted twice: neither quote takes them, and the log does not grow."""
    before = len(shop.log.read(0, 1_000))

    first, second = quoted(shop, request(wanted("L1", 3)), request(wanted("L1", 3)))

    assert first["status"] == second["status"] == "quoted"
    assert first["net_minor"] == second["net_minor"] > 0
    assert len(shop.log.read(0, 1_000)) == before


def test_what_policy_denies_gives_nothing_back(shop: Pipeline) -> None:
    """Each line is decided on its own: a denied one is quoted with its code and no money, the others with theirs."""
    [said] = quoted(shop, request(wanted("L3", 1), wanted("L2", 2)))

    denied, approved = said["lines"]
    assert (denied["outcome"], denied["codes"], denied["net_minor"]) == ("deny", ["final_sale"], 0)
    assert (approved["outcome"], approved["net_minor"]) == ("approve", said["net_minor"])


def test_an_exchange_names_what_is_to_pay(shop: Pipeline) -> None:
    """A dearer article leaves a difference to pay and gives no money back; a cheaper one the rest; no fee is taken."""
    dearer = wanted("L1", 1, wish="exchange", exchange_for={"sku": "BOOT", "quantity": 1, "amount_minor": 1000})
    cheaper = wanted("L1", 1, wish="exchange", exchange_for={"sku": "LACE", "quantity": 1, "amount_minor": 100})

    up, down = (one["lines"][0] for one in quoted(shop, request(dearer), request(cheaper)))

    assert (up["net_minor"], up["to_pay_minor"], up["quote_minor"]) == (0, 1000 - 333, 1000)
    assert (down["net_minor"], down["to_pay_minor"], down["goods_minor"]) == (333 - 100, 0, 333)


def test_what_is_lost_of_a_promotion_is_quoted(shop: Pipeline) -> None:
    """2.00 off the hats that hung on two of them: one would give its 9.00 less the 1.00 that the other carries."""
    policy = {"policy_id": "loose", "effective_from": "2020-01-01T00:00:00Z"}
    document = {"window": {"days": 30}, "promotions": "recompute"}
    hats = {"line_id": "L1", "sku": "HAT", "quantity": 2, "amount_minor": 2000, "discount_minor": 200}
    needs = {"promotion_id": "PAIR", "amount_minor": 200, "requires": {"at_least_quantity": 2}}
    tenders = [{"tender_id": "T", "kind": "card", "amount_minor": 1800}]
    sold = {
        **ORDER,
        "order_id": "O-2",
        "policy_id": "loose",
        "lines": [hats],
        "tenders": tenders,
        "promotions": [needs],
    }
    delivered = {"order_id": "O-2", "delivery_id": "D-1", "lines": [{"line_id": "L1", "quantity": 2}]}
    shop.worker().record(
        [
            told("PublishPolicy", {**policy, "document": document}, actor="agent:A1"),
            told("RegisterOrder", sold),
            told("RecordDelivery", delivered, actor="carrier:UPS"),
        ]
    )

    [one] = quoted(shop, {**request(wanted("L1", 1)), "order_id": "O-2"})

    [line] = one["lines"]
    assert (line["goods_minor"], line["promotion_minor"], line["net_minor"]) == (900, 100, 800)


def test_faulty_rows_are_named_and_the_rest_goes_on(shop: Pipeline) -> None:
    """What cannot be read or is refused says why, with its row; the rows after it are quoted."""
    good = request(wanted("L2", 1))
    event = {"specversion": "1.0", "type": "rma.RegisterOrder.v1", "time": "2026-03-03T10:00:00Z", "actor": "agent:A"}

    said = quoted(
        shop, request(wanted("L9", 1)), {"order_id": "O-1", "lines": []}, event, request(wanted("L1", 4)), [], good
    )

    assert [one["status"] for one in said] == ["refused", "malformed", "malformed", "refused", "malformed", "quoted"]
    assert [one["row"] for one in said] == [1, 2, 3, 4, 5, 6]
    assert (said[0]["code"], said[3]["code"], said[3]["details"]["available"]) == (
        "unknown_line",
        "units_not_available",
        3,
    )
    assert said[2]["faults"] == ["$.type: must be rma.RequestReturn.v1"]


def test_a_return_that_exists_is_no_longer_a_question(shop: Pipeline) -> None:
    """A request that was sent already is refused: its money is decided."""
    body = request(wanted("L2", 1))
    shop.worker().record([told("RequestReturn", body, actor="customer:C-1", time="2026-03-03T10:00:00Z")])

    [said] = quoted(shop, body)

    assert (said["status"], said["code"]) == ("refused", "return_exists")


def test_a_file_has_a_bound() -> None:
    """Lines beyond the bound are one fault, not work without end."""
    asked = list(asks_in([b"{}"] * (REQUESTS_MAX + 50), at=AT, actor="agent:A"))

    assert len(asked) == REQUESTS_MAX + 1
    assert asked[-1].faults == (f"more than {REQUESTS_MAX} lines",)


def test_the_command_prints_and_exits(shop: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rma quote` prints a table or JSON; exit code 1 where a request is refused, else 0."""
    file = tmp_path / "requests.jsonl"
    body = request(wanted("L2", 1))
    file.write_bytes(orjson.dumps(body))
    for name, value in environment(shop.settings).items():
        monkeypatch.setenv(name, value)
    at = ["--at", "2026-03-03T10:00:00Z"]

    as_table, as_json = invoke("quote", str(file), *at), invoke("quote", str(file), *at, "--json")
    file.write_bytes(orjson.dumps(request(wanted("L9", 1))))
    refused = invoke("quote", str(file), *at)

    assert (as_table.exit_code, as_json.exit_code, refused.exit_code) == (0, 0, 1)
    assert "SOCK (L2)" in as_table.output
    assert orjson.loads(as_json.stdout)[0]["lines"][0]["net_minor"] == 0  # fees eat all of it
    assert "unknown_line" in refused.output

"""Goods are matched to what the read models know of sold, delivered and returned units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from domain.order.matching import Goods
from projections.refund_ledger.sold_lines import read_sold_lines
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.recorded_facts import recorded
from tests.support.shop import Shop
from tests.support.stories import day, open_shop, receive, request


def sell(shop: Shop, order_id: str, *, on: int, delivered: int, customer_id: str = "C-1") -> None:
    """Sell four socks to a customer, and deliver some."""
    line = {"line_id": "S", "sku": "SOCK", "quantity": 4, "amount_minor": 1001}
    order = {
        "order_id": order_id,
        "customer_id": customer_id,
        "country": "US",
        "channel": "web",
        "currency": "USD",
        "lines": [line],
        "tenders": [{"tender_id": "T", "kind": "card", "amount_minor": 1001}],
    }
    shop.send("RegisterOrder", order, at=day(on))
    for number in range(delivered):
        units = {
            "order_id": order_id,
            "delivery_id": f"D-{number}",
            "lines": [{"line_id": "S", "quantity": 1}],
        }
        shop.send("RecordDelivery", units, at=day(on + 5 - number))


@pytest.fixture
def dsn(postgres_dsn: str) -> str:
    """Two orders of C-1 with socks, one of them partly returned, and one of another customer."""
    shop = open_shop()
    events = []
    request(shop, {"line_id": "L2", "quantity": 1})
    receive(shop, (1, 1))
    events += recorded(shop.history)
    for order_id, customer in (("O-2", "C-1"), ("O-3", "C-9")):
        other = Shop()
        sell(other, order_id, on=10, delivered=3, customer_id=customer)
        events += recorded(other.history, order_id=order_id, start=len(events) + 1)
    play(postgres_dsn, events, batch=2)
    return postgres_dsn


def test_only_delivered_free_units_are_offered(dsn: str) -> None:
    """A line offers delivered units less those returned or on their way, with when and for how much they were sold."""
    with psycopg.connect(dsn) as connection:
        found = read_sold_lines(connection, [Goods("C-1", "SOCK", 9), Goods("C-1", "SOCK", 1)])

    assert [(line.order_id, line.line_id, line.free, line.unit_paid_minor) for line in found] == [
        ("O-2", "S", 3, 250),
        ("O-1", "L2", 1, 250),
    ]
    assert [(line.place, line.ordered_at, line.currency) for line in found] == [(1, day(10), "USD"), (2, day(0), "EUR")]
    assert found[0].last_delivered_at == day(15)


def test_the_command_proposes_and_writes_requests(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rma match` prints proposals with evidence, names what is left over (exit code 1), and writes requests."""
    monkeypatch.setenv("RMA_POSTGRES_DSN", dsn)
    goods, requests = tmp_path / "goods.csv", tmp_path / "requests.jsonl"
    goods.write_text("customer_id,sku,quantity\nC-1,SOCK,4\nC-1,HAT,1\n")

    ran = invoke("match", str(goods), "--requests", str(requests), "--case", "CASE-7", "--json")
    drawn = invoke("match", str(goods))

    said: dict[str, Any] = orjson.loads(ran.stdout)
    assert (ran.exit_code, drawn.exit_code) == (1, 1)
    assert [(one["order_id"], one["quantity"], one["free"]) for one in said["proposals"]] == [
        ("O-2", 3, 3),
        ("O-1", 1, 1),
    ]
    assert said["left_over"] == [{"row": 3, "customer_id": "C-1", "sku": "HAT", "quantity": 1}]
    made = [orjson.loads(line) for line in requests.read_bytes().splitlines()]
    assert [(one["data"]["order_id"], one["data"]["case_id"]) for one in made] == [("O-2", "CASE-7"), ("O-1", "CASE-7")]
    assert "no delivered, free unit" in drawn.output

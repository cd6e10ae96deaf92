"""Goods without an order at hand are matched to the newest lines that can have sold them, no unit twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.dispatch import parse
from commands.fields import LINES_MAX
from domain.order.matching import Goods, ReturnableLine, match
from workers.desk.checking import UnsendableError
from workers.desk.matching import CaseNameError, NoGoodsFileError, match_rows, requests_of, rows_in

AT = datetime(2026, 4, 1, tzinfo=UTC)


def sold(order_id: str, free: int, *, day: int = 1, place: int = 1, **more: Any) -> ReturnableLine:
    at = datetime(2026, 3, day, tzinfo=UTC)
    facts = {"customer_id": "C-1", "sku": "SOCK", "line_id": f"L{place}", "unit_paid_minor": 250, "currency": "EUR"}
    return ReturnableLine(
        **{**facts, **more}, order_id=order_id, place=place, ordered_at=at, last_delivered_at=at, free=free
    )


def shares(goods: list[Goods], lines: list[ReturnableLine]) -> list[list[tuple[str, str, int]]]:
    return [
        [(share.sold.order_id, share.sold.line_id, share.quantity) for share in found.shares]
        for found in match(goods, lines)
    ]


def test_the_newest_line_comes_first() -> None:
    """Newest by order time, then by order and place; a line gives what it has, the next one the rest."""
    lines = [sold("O-1", 2, day=1), sold("O-2", 1, day=9), sold("O-3", 1, day=9, place=2), sold("O-3", 1, day=9)]

    assert shares([Goods("C-1", "SOCK", 4)], lines) == [
        [("O-3", "L2", 1), ("O-3", "L1", 1), ("O-2", "L1", 1), ("O-1", "L1", 1)]
    ]


def test_only_the_customers_own_article_fits() -> None:
    """Lines of another customer, or of another article, are never proposed; what fits nothing is left over."""
    lines = [sold("O-1", 5, customer_id="C-2"), sold("O-2", 5, sku="HAT")]

    [found] = match([Goods("C-1", "SOCK", 3)], lines)

    assert (found.shares, found.left) == ((), 3)


def test_no_unit_is_proposed_twice() -> None:
    """Two rows of the same article share what is free, the earlier row first."""
    first, second = match([Goods("C-1", "SOCK", 2), Goods("C-1", "SOCK", 2)], [sold("O-1", 3)])

    assert (first.shares[0].quantity, first.left) == (2, 0)
    assert (second.shares[0].quantity, second.left) == (1, 1)


KEYS = st.tuples(st.sampled_from(["C-1", "C-2"]), st.sampled_from(["SOCK", "HAT"]))


@given(
    st.lists(st.tuples(KEYS, st.integers(1, 9)), max_size=12),
    st.lists(st.tuples(KEYS, st.integers(0, 5), st.integers(1, 28)), max_size=12),
)
def test_units_are_conserved(wanted: list[Any], known: list[Any]) -> None:
    """Proposed and left over are what was given; no line gives more than is free; nothing is left while any is free."""
    goods = [Goods(customer, sku, quantity) for (customer, sku), quantity in wanted]
    lines = [
        sold(f"O-{number}", free, day=day, customer_id=customer, sku=sku)
        for number, ((customer, sku), free, day) in enumerate(known)
    ]
    found = match(goods, lines)

    given_by: dict[str, int] = {}
    for one in found:
        assert sum(share.quantity for share in one.shares) + one.left == one.goods.quantity
        for share in one.shares:
            given_by[share.sold.order_id] = given_by.get(share.sold.order_id, 0) + share.quantity
    assert all(given_by.get(line.order_id, 0) <= line.free for line in lines)
    for one in found:
        if one.left:
            fitting = [x for x in lines if (x.customer_id, x.sku) == (one.goods.customer_id, one.goods.sku)]
            assert all(given_by.get(line.order_id, 0) == line.free for line in fitting)


def test_rows_are_read_from_csv_and_from_json_lines() -> None:
    """Both forms say the same; columns for reason and wish may be left out."""
    csv_lines = [b"\xef\xbb\xbfsku,customer_id,quantity,reason\n", b"SOCK,C-1,2,too_small\n", b"HAT,C-1,1,\n"]
    json_lines = [
        b'{"customer_id": "C-1", "sku": "SOCK", "quantity": 2, "reason": "too_small"}\n',
        b"\n",
        b'{"customer_id": "C-1", "sku": "HAT", "quantity": 1}\n',
    ]

    from_csv, from_json = rows_in(csv_lines), rows_in(json_lines)

    assert [one.row for one in from_csv] == [one.row for one in from_json]
    assert [one.number for one in from_csv] == [2, 3]
    assert [one.row.reason for one in from_csv if one.row] == ["too_small", "not_stated"]


def test_faulty_rows_are_named_and_the_rest_is_read() -> None:
    """Each fault stands with its row and field; sound rows are matched all the same."""
    read = rows_in(
        [
            b"customer_id,sku,quantity\n",
            b"C-1,SOCK,0\n",
            b"C-1,SOCK,1.5\n",
            b"C-1,,1\n",
            b"C-1,A,1,x\n",
            b"C-1,SOCK,1\n",
        ]
    )

    assert [one.row is None for one in read] == [True, True, True, True, False]
    assert [(one.fault or "").split(":")[0] for one in read[:3]] == ["$.quantity", "$.quantity", "$.sku"]
    assert read[3].fault == "1 more cells than columns"
    assert [one.read.number for one in match_rows(read, [])] == [6]


def test_values_of_json_keep_their_types() -> None:
    """A quantity in JSON is a whole number, never text or a truth value."""
    [text, truth] = rows_in(
        [
            b'{"customer_id": "C-1", "sku": "S", "quantity": "2"}',
            b'{"customer_id": "C-1", "sku": "S", "quantity": true}',
        ]
    )

    assert (text.row, truth.row) == (None, None)


@pytest.mark.parametrize("lines", [[b"sku,quantity\n", b"SOCK,1\n"], [b"\xff\xfe"], [b""]])
def test_a_file_that_cannot_be_meant_is_wrong_usage(lines: list[bytes]) -> None:
    """Without the columns, or not UTF-8, no row can be read: said once, for the file."""
    with pytest.raises(NoGoodsFileError):
        rows_in(lines)


def test_requests_share_a_case_and_are_commands() -> None:
    """One request for each order, all of a customer under one case; made again they are the same commands."""
    read = rows_in([b"customer_id,sku,quantity\n", b"C-1,SOCK,3\n", b"C-1,HAT,1\n", b"C-2,HAT,1\n"])
    lines = [
        sold("O-1", 2),
        sold("O-2", 2, day=9),
        sold("O-2", 2, day=9, place=2, sku="HAT"),
        sold("O-3", 1, customer_id="C-2", sku="HAT"),
    ]
    matched = match_rows(read, lines)

    events = requests_of(matched, case="CASE-1", at=AT, actor="agent:A1")
    made = [orjson.loads(event) for event in events]

    assert [(event["data"]["order_id"], event["data"]["case_id"]) for event in made] == [
        ("O-2", "CASE-1"),
        ("O-1", "CASE-1"),
        ("O-3", "CASE-1-2"),
    ]
    assert [(line["line_id"], line["quantity"]) for line in made[0]["data"]["lines"]] == [("L1", 2), ("L2", 1)]
    for event in made:
        parse(event["type"], orjson.dumps(event["data"]))
    assert requests_of(matched, case="CASE-1", at=AT, actor="agent:A1") == events


def test_a_request_that_nobody_could_read_is_not_written() -> None:
    """More lines than a request may have are said by the order, before the file is sent and becomes a dead letter."""
    rows = [b"customer_id,sku,quantity\n", *[b"C-1,SOCK,1\n"] * (LINES_MAX + 1)]
    matched = match_rows(rows_in(rows), [sold("O-1", LINES_MAX + 1)])

    with pytest.raises(UnsendableError, match=r"the request for order O-1: \$\.lines: .*nothing was sent"):
        requests_of(matched, case="CASE-1", at=AT, actor="agent:A1")


def test_a_case_has_a_name_that_fits() -> None:
    """A name that cannot be part of an identifier is wrong usage, before anything is written."""
    with pytest.raises(CaseNameError):
        requests_of([], case="my case", at=AT, actor="agent:A1")

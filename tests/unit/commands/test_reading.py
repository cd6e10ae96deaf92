"""What may be written in more than one way: empty texts, whole numbers, and names in any script."""

from __future__ import annotations

import json
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.dispatch import parse
from commands.fields import IDENTIFIER, LINES_MAX, Body
from commands.registry import content_hash
from domain.names import NAME_MAX, name_in
from tests.unit.commands.test_malformed import BODIES, LINE, faults

CPU_S_MAX = 5.0
"""Of a processor, however busy; what is quadratic takes minutes."""

NAMES = [
    ("RegisterOrder", "lines", "sku"),
    ("RegisterOrder", "tenders", "reference"),
    ("RecordScan", None, "tracking_number"),
    ("RecordPayoutOutcome", None, "reference"),
    ("ShipReplacement", None, "sku"),
]


def read(name: str, body: dict[str, Any]) -> Body:
    return parse(f"rma.{name}.v1", json.dumps(body).encode())


def named(name: str, group: str | None, field: str, value: str) -> tuple[dict[str, Any], str]:
    """Return a body with a name in it, and the path of that name."""
    body = BODIES[name]
    if group is None:
        return {**body, field: value}, f"$.{field}"
    return {**body, group: [{**body[group][0], field: value}, *body[group][1:]]}, f"$.{group}[0].{field}"


@pytest.mark.parametrize("text", ["x", "ü", "茶 杯", "№ 0001/Ä", "a  b", "x" * NAME_MAX, "😀" * NAME_MAX, "e\u0301"])
@pytest.mark.parametrize(("name", "group", "field"), NAMES)
def test_a_name_is_whatever_people_print(name: str, group: str | None, field: str, text: str) -> None:
    """1 to 128 printable characters of any script, spaces inside."""
    body, _ = named(name, group, field, text)
    assert faults(name, body) == []


@pytest.mark.parametrize(
    "text",
    [
        " ",
        " a",
        "a ",
        "a\tb",
        "a\nb",
        "a\n",
        "a\u00a0b",
        "a\u200bb",
        "a\u202eb",
        "a\u2028b",
        "\ufeffa",
        "\ue000",
        "x" * 129,
    ],
)
@pytest.mark.parametrize(("name", "group", "field"), NAMES)
def test_what_nobody_can_read_back_is_no_name(name: str, group: str | None, field: str, text: str) -> None:
    """Spaces at an end, control and format characters, other spaces, private characters: malformed, by its field."""
    body, path = named(name, group, field, text)
    assert faults(name, body) == [path]


@given(st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0xFFFF))
def test_what_can_be_seen_may_be_in_a_name(character: str) -> None:
    """Letters, marks, numbers, punctuation and symbols of every script are taken; controls and other spaces are not."""
    body, _ = named("RecordScan", None, "tracking_number", f"a{character}b")
    kind = unicodedata.category(character)
    if kind[0] in "LMNPS" and character != "\u180e":
        assert faults("RecordScan", body) == []
    elif kind in {"Cc", "Zl", "Zp", "Co"} or (kind == "Zs" and character != " "):
        assert faults("RecordScan", body) != []


@given(st.text())
def test_what_is_left_of_a_text_is_a_name(text: str) -> None:
    """News from outside is not lost for the form of its reference: what can be read of it is kept."""
    name = name_in(text)
    assert name == "" or faults("RecordScan", {**BODIES["RecordScan"], "tracking_number": name}) == []
    assert name_in(name) == name


@given(st.from_regex(IDENTIFIER, fullmatch=True))
def test_every_identifier_is_a_name(text: str) -> None:
    """What was taken for an article or a serial number still is."""
    assert faults("RecordScan", {**BODIES["RecordScan"], "tracking_number": text.rstrip("\n")}) == []


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("RegisterOrder", {"seller_id": "", "customer_tier": "", "policy_id": "", "gift_code": ""}),
        ("RequestReturn", {"recipient_id": "", "case_id": "", "gift_code": ""}),
        ("CorrectRequest", {"reason": "", "wish": "", "comment": ""}),
        ("RecordPayoutOutcome", {"rma_id": "", "currency": "", "reference": "", "reason": ""}),
        ("ReportDifference", {"order_id": "", "rma_id": ""}),
        ("RecordInspection", {"note": "", "supersedes": "", "serial": "", "sku": "", "checklist": {"worn": ""}}),
        ("DecideResolution", {"inspection_id": "", "reason": "", "approved_by": "", "sku": ""}),
    ],
)
def test_an_optional_text_that_is_empty_is_as_if_left_out(name: str, empty: dict[str, Any]) -> None:
    """Notes, words of a vocabulary, ids and answers: the fact that is told is the same."""
    left_out = {field: value for field, value in BODIES[name].items() if field not in empty}
    without = read(name, left_out | {field: {} for field, value in empty.items() if value != ""})

    assert read(name, {**left_out, **empty}) == without
    assert content_hash(read(name, {**left_out, **empty})) == content_hash(without)


@pytest.mark.parametrize(
    ("name", "wrong", "paths"),
    [
        ("CloseReturn", {"reason": ""}, ["$.reason"]),
        ("CloseReturn", {"order_id": ""}, ["$.order_id"]),
        ("WithdrawReturn", {"lines": ""}, ["$.lines"]),
        ("GrantGoodwill", {"line": "", "amount_minor": ""}, ["$.line", "$.amount_minor"]),
        ("DecideResolution", {"keep": ""}, ["$.keep"]),
        ("CloseReturn", {"surplus": ""}, ["$.surplus"]),
        ("RecordInspection", {"checklist": {"two words": ""}}, ["$.checklist.two words"]),
        ("ReceiveGoods", {"items": [{**LINE, "serials": [""]}]}, ["$.items[0].serials[0]"]),
    ],
)
def test_what_is_no_optional_text_may_not_be_empty(name: str, wrong: dict[str, Any], paths: list[str]) -> None:
    """What has to be there, what is no text, what nobody knows, and what a list holds."""
    assert sorted(faults(name, {**BODIES[name], **wrong})) == sorted(paths)


def test_a_required_text_that_is_empty_is_not_called_missing() -> None:
    """Beside an optional one that is empty, it is called what it is."""
    body = {**BODIES["RecordPayoutOutcome"], "reason": "", "order_id": ""}
    assert faults("RecordPayoutOutcome", body) == ["$.order_id"]
    with pytest.raises(Exception, match="ASCII"):
        read("RecordPayoutOutcome", body)


@pytest.mark.parametrize("number", [b"1.0", b"1e0", b"10.0E-1", b"1.000"])
def test_a_whole_number_may_be_written_with_a_point(number: bytes) -> None:
    """JSON Schema calls it an integer; the fact is that of the plain one, which it is known by."""
    body = json.dumps(BODIES["HoldGoods"]).encode().replace(b'"quantity": 1', b'"quantity": %s' % number)
    assert number in body

    assert parse("rma.HoldGoods.v1", body) == read("HoldGoods", BODIES["HoldGoods"])


def test_an_article_in_exchange_may_be_written_so() -> None:
    """Where one of several types is meant, too; and a fault in it is named by its own place."""
    line = {"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "exchange"}

    def faulty(wanted: object) -> list[str]:
        return faults("RequestReturn", {**BODIES["RequestReturn"], "lines": [{**line, "exchange_for": wanted}]})

    assert faulty({"sku": "A B", "quantity": 1.0, "amount_minor": 2.0}) == []
    assert faulty([{"sku": "A B", "quantity": 1.0, "amount_minor": 2.0}]) == []
    assert faulty([{"sku": " B", "quantity": 1.0, "amount_minor": 2.0}]) == ["$.lines[0].exchange_for[0].sku"]
    assert faulty({"sku": "A", "quantity": 1.5, "amount_minor": 2}) == ["$.lines[0].exchange_for.quantity"]


@pytest.mark.parametrize(
    "lines",
    [[1] * LINES_MAX, [{}] * LINES_MAX, [{}] * 300_000, [{"line_id": "", "sku": "", "quantity": 1.0}] * LINES_MAX],
    ids=["no objects", "empty ones", "too many", "each written otherwise"],
)
def test_faults_cost_no_more_than_they_are_many(lines: list[Any]) -> None:
    """A small body may be wrong in a million places: it is malformed within moments, and kept for nobody's memory."""
    began = time.process_time()

    assert faults("RegisterOrder", {**BODIES["RegisterOrder"], "lines": lines})
    assert time.process_time() - began < CPU_S_MAX

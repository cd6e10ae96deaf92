"""Whatever arrives on the commands topic, the worker lives on, says what was wrong and where, and writes nothing."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest

from infra.kafka.lane_producer import LaneProducer
from infra.kafka.record_batch import record_body
from infra.kafka.topics import RECORD_BYTES_MAX
from infra.records import EVENT_NAMESPACE
from tests.support.pipeline import Pipeline, Polled, command, headers, order
from workers.command_worker.intake import CUT_BYTES
from workers.operating.dead_letter import DeadLetter
from workers.operating.dead_letters import CutDeadLetterError, DeadLetters

GOOD: Final = "the-good-one"
TWO_MEGABYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be handled, and where its fault is: a JSON path, or a refusal's code."""

    record: Polled
    path: str | None = None
    code: str | None = None
    answered: bool = True
    """False: without a readable id and source there is only the dead letter."""


def raw(value: bytes | None, **attributes: str | None) -> Polled:
    return Polled(value, headers("RegisterOrder", **attributes))


def registering(line: dict[str, Any] | None = None, **changes: Any) -> Polled:
    """Return a RegisterOrder with its first line, or its body, changed for the worse."""
    body = {**order("O-bad"), **changes}
    if line:
        body["lines"] = [{**body["lines"][0], **line}]
    return command("RegisterOrder", body)


def with_headers(*more: tuple[str, bytes], without: str = "", **attributes: str | None) -> Polled:
    kept = [(name, value) for name, value in headers("RegisterOrder", **attributes) if name != without]
    return Polled(orjson.dumps(order("O-bad")), [*kept, *more])


def structured(event: Any, *more: tuple[str, bytes]) -> Polled:
    value = event if isinstance(event, bytes) else orjson.dumps(event)
    return Polled(value, [("content-type", b"application/cloudevents+json"), *more])


STRUCTURED: Final = {
    "specversion": "1.0",
    "id": "s-1",
    "source": "/shop",
    "type": "rma.RegisterOrder.v1",
    "time": "2026-03-01T10:00:00Z",
    "actor": "system:shop",
}
TWICE = order("O-bad")["lines"] * 2
BAD: Final[dict[str, Bad]] = {
    "not JSON": Bad(raw(b"{not json"), "$"),
    "not UTF-8": Bad(raw(b'{"order_id": "\xff\xfe"}'), "$"),
    "NaN": Bad(raw(b'{"order_id": NaN}'), "$"),
    "a list": Bad(raw(b"[]"), "$"),
    "an empty body": Bad(raw(b""), "$"),
    "a tombstone": Bad(raw(None), "$"),
    "a body of two megabytes": Bad(raw(b'{"order_id": "' + b"x" * TWO_MEGABYTES + b'"}'), "$"),
    "nested a thousand deep": Bad(raw(b"[" * 2_000 + b"]" * 2_000), "$"),
    "U+0000 in a value": Bad(registering({"title": "a\x00b"}), "$.lines[0].title"),
    "U+0000 in a name": Bad(command("RegisterOrder", {**order("O-bad"), "a\x00b": 1}), "$"),
    "a lone surrogate": Bad(raw(b'{"order_id": "\\ud800"}'), "$"),
    "no headers at all": Bad(Polled(b"{}", []), "$.ce_id", answered=False),
    "no id": Bad(with_headers(id=None), "$.ce_id", answered=False),
    "an empty id": Bad(with_headers(id=""), "$.ce_id", answered=False),
    "an id twice": Bad(with_headers(("ce_id", b"other")), "$.ce_id", answered=False),
    "an id that is not UTF-8": Bad(with_headers(("ce_id", b"\xff"), id=None), "$.ce_id", answered=False),
    "an id with U+0000": Bad(with_headers(id="a\x00b"), "$.ce_id", answered=False),
    "an id of 10,000 characters": Bad(with_headers(id="x" * 10_000), "$.ce_id", answered=False),
    "no source": Bad(with_headers(source=None), "$.ce_source", answered=False),
    "no type": Bad(with_headers(type=None), "$.ce_type"),
    "no specversion": Bad(with_headers(specversion=None), "$.ce_specversion"),
    "specversion 0.3": Bad(with_headers(specversion="0.3"), "$.ce_specversion"),
    "an unknown type": Bad(raw(b"{}", type="rma.Nonsense.v1"), "$.type"),
    "an unknown version": Bad(raw(b"{}", type="rma.RegisterOrder.v2"), "$.type"),
    "no time": Bad(with_headers(time=None), "$.ce_time"),
    "a time without offset": Bad(with_headers(time="2026-03-01T10:00:00"), "$.ce_time"),
    "a day that is none": Bad(with_headers(time="2026-02-30T10:00:00Z"), "$.ce_time"),
    "a time of another age": Bad(with_headers(time="1969-12-31T23:59:59Z"), "$.ce_time"),
    "a time in words": Bad(with_headers(time="yesterday"), "$.ce_time"),
    "no actor": Bad(with_headers(actor=None), "$.ce_actor"),
    "an actor without kind": Bad(with_headers(actor="shop"), "$.ce_actor"),
    "an actor of an unknown kind": Bad(with_headers(actor="king:C-1"), "$.ce_actor"),
    "another content type": Bad(
        with_headers(("content-type", b"text/plain"), without="content-type"), "$.content-type"
    ),
    "a header with a control character": Bad(with_headers(("ce_correlationid", b"\x01")), "$.ce_correlationid"),
    "a name twice": Bad(raw(orjson.dumps(order("O-bad")).replace(b'"sku"', b'"sku":"X","sku"', 1)), "$.lines[0].sku"),
    "structured, not JSON": Bad(structured(b"{"), "$", answered=False),
    "structured, a list": Bad(structured(b"[]"), "$", answered=False),
    "structured, without data": Bad(structured(STRUCTURED), "$.data"),
    "structured, id a number": Bad(structured({**STRUCTURED, "id": 1, "data": {}}), "$.id", answered=False),
    "structured, id twice": Bad(
        structured(orjson.dumps({**STRUCTURED, "data": order("O-bad")})[:-1] + b',"id":"s-2"}'), "$.id", answered=False
    ),
    "structured, no actor": Bad(structured({**STRUCTURED, "actor": None, "data": order("O-bad")}), "$.actor"),
    "structured, nested three hundred deep": Bad(
        structured(orjson.dumps(STRUCTURED)[:-1] + b',"data":' + b"[" * 300 + b"]" * 300 + b"}"), "$.data"
    ),
    "U+0000 ninety deep": Bad(raw(b"[" * 90 + b'"\\u0000"' + b"]" * 90), "$" + "[0]" * 90),
    "structured, data of another type": Bad(structured({**STRUCTURED, "data": "x"}), "$"),
    "an unknown field": Bad(registering(discuont_minor=1), "$.discuont_minor"),
    "an unknown field in a line": Bad(registering({"colour": "red"}), "$.lines[0].colour"),
    "a missing field": Bad(raw(orjson.dumps({"order_id": "O-bad"})), "$.customer_id"),
    "a wrong type": Bad(registering(lines="L1"), "$.lines"),
    "a number for an identifier": Bad(registering(order_id=1), "$.order_id"),
    "an identifier with a space": Bad(registering(order_id="O 1"), "$.order_id"),
    "an identifier of 65 characters": Bad(registering(order_id="O" * 65), "$.order_id"),
    "a quantity of 0": Bad(registering({"quantity": 0}), "$.lines[0].quantity"),
    "a quantity of -1": Bad(registering({"quantity": -1}), "$.lines[0].quantity"),
    "a quantity of 1.5": Bad(registering({"quantity": 1.5}), "$.lines[0].quantity"),
    "a quantity of 10^12": Bad(registering({"quantity": 10**12}), "$.lines[0].quantity"),
    "a quantity in quotes": Bad(registering({"quantity": "1"}), "$.lines[0].quantity"),
    "a quantity that is true": Bad(registering({"quantity": True}), "$.lines[0].quantity"),
    "money as a float": Bad(registering({"amount_minor": 900.5}), "$.lines[0].amount_minor"),
    "money as a string": Bad(registering({"amount_minor": "900"}), "$.lines[0].amount_minor"),
    "money below zero": Bad(registering({"amount_minor": -900}), "$.lines[0].amount_minor"),
    "money of 10^30": Bad(
        raw(orjson.dumps(order("O-bad")).replace(b"900", b"1" + b"0" * 30)), "$.lines[0].amount_minor"
    ),
    "a currency that is none": Bad(registering(currency="euro"), "$.currency"),
    "duplicate line ids": Bad(registering(lines=TWICE), code="duplicate_line"),
    "tenders that do not sum": Bad(
        registering(tenders=[{"tender_id": "T1", "kind": "card", "amount_minor": 1}]), code="tenders_do_not_sum"
    ),
    "an unknown order": Bad(
        command("RecordShipment", {"order_id": "O-9", "shipment_id": "S", "lines": [{"line_id": "L1", "quantity": 1}]}),
        code="unknown_order",
    ),
    "not this actor's to send": Bad(with_headers(actor="customer:C-1"), code="not_permitted"),
}


@pytest.fixture
def aftermath(pipeline: Pipeline) -> tuple[Pipeline, list[Any], list[DeadLetter]]:
    """Everything bad through Kafka in one go, a good command at its end; answers and dead letters as published."""
    pipeline.publish([bad.record for bad in BAD.values()])
    pipeline.publish([command("RegisterOrder", order(), id=GOOD, key=None)])
    pipeline.handle_all(records=len(BAD) + 1)
    pipeline.relay_all()
    return pipeline, pipeline.read_topic(pipeline.topics.results), opened_letters(pipeline)


def opened_letters(pipeline: Pipeline) -> list[DeadLetter]:
    """Return every dead letter, opened, in the order of their places."""
    with closing(DeadLetters(pipeline.settings)) as letters:
        return sorted(letters.newest(1_000, acted_on_too=True), key=lambda letter: letter.place)


def command_id(record: Polled) -> str | None:
    if dict(record.headers).get("content-type") == b"application/cloudevents+json":
        return STRUCTURED["id"]
    return (dict(record.headers).get("ce_id") or b"").decode("utf-8", "replace") or None


def test_all_bad_input(aftermath: tuple[Pipeline, list[Any], list[DeadLetter]]) -> None:
    """Each bad record is answered with its path or code and kept as a dead letter if malformed; nothing is written."""
    pipeline, results, dead = aftermath
    answers: dict[str, list[dict[str, Any]]] = {}
    for record in results:
        answered = orjson.loads(record.value)
        answers.setdefault(answered["command_id"], []).append(answered)
    letters = {(letter.value or b"", tuple(letter.headers)): letter for letter in dead}

    assert [answer["status"] for answer in answers.pop(GOOD)] == ["accepted"]
    for name, bad in BAD.items():
        about = command_id(bad.record)
        if bad.code:
            assert [a["code"] for a in answers.pop(about or "")] == [bad.code], name
            continue
        given = tuple((name, value or b"") for name, value in bad.record.headers)
        letter = letters.pop((bad.record.value or b"", given))
        reason = letter.reason
        assert bad.path in {fault["path"] for fault in reason["faults"]}, (name, reason)
        if bad.answered and about != STRUCTURED["id"]:
            [answer] = answers.pop(about or "")
            assert (answer["status"], answer["events"]) == ("malformed", []), name
            assert bad.path in {fault["path"] for fault in answer["details"]["faults"]}, name
    assert {answer["status"] for answer in answers.pop(STRUCTURED["id"])} == {"malformed"}
    assert (answers, letters) == ({}, {})
    assert [(event.stream, event.command_id) for event in pipeline.log.read(0, 100)] == [("order/O-1", GOOD)]


def _in_bytes(record: Polled, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [*((name.encode(), content or b"") for name, content in record.headers), *more]


def test_a_header_name_that_is_not_utf8_stops_nothing(pipeline: Pipeline) -> None:
    """Any bytes can stand in a header's name: the record is handled like any other, and so is the next one."""

    odd, good = command("RegisterOrder", order(), id="odd"), command("RegisterOrder", order("O-2"), id="good")
    with closing(
        LaneProducer(pipeline.bootstrap, [pipeline.topics.commands], pipeline.partitioner, "gzip")
    ) as producer:
        records = producer.outgoing()
        for record, *more in ((odd, (b"\xff\xfe", b"1")), (good,)):
            body = record_body(b"O-1", record.value or b"", _in_bytes(record, *more))
            records.to(pipeline.topics.commands, b"O-1").append(body)
        producer.send(records, between=bool)
    pipeline.handle_all(records=2)

    assert [event.command_id for event in pipeline.log.read(0, 10)] == ["odd", "good"]


def test_a_dead_letter_says_where_it_came_from(pipeline: Pipeline) -> None:
    """A dead letter is the original record, byte for byte, with its place, and a mark where it had no value."""
    pipeline.publish([Polled(b"\xff", [("odd", b"\x00\xff")], key=b"K"), Polled(None, [], key=b"K")])
    pipeline.handle_all(records=2)
    pipeline.relay_all()

    garbage, tombstone = opened_letters(pipeline)
    assert (garbage.key, garbage.value, garbage.headers) == (b"K", b"\xff", [("odd", b"\x00\xff")])
    assert garbage.found["topic"] == pipeline.topics.commands.encode()
    assert garbage.found["offset"] == b"0"
    assert garbage.place[0] == tombstone.place[0], "letters of one key keep their order"
    assert (tombstone.value, tombstone.found["tombstone"]) == (None, b"true")


def test_a_record_as_large_as_its_topic_takes_stops_nothing(pipeline: Pipeline) -> None:
    """Its dead letter would be larger than any topic takes: the beginning is kept, and the next record is answered."""
    key = b"K" * CUT_BYTES + os.urandom(2_000_000)
    value = os.urandom(RECORD_BYTES_MAX - len(key) - 420)
    pipeline.publish([Polled(value, headers("RegisterOrder", id="big"), key=key)])
    pipeline.publish([command("RegisterOrder", order(), id="named", key=os.urandom(RECORD_BYTES_MAX - 10_000))])
    pipeline.publish([raw(orjson.dumps({"x" * 1_000_000: 1}), id="long")])
    pipeline.handle_all(records=3)
    pipeline.relay_all()

    letters = opened_letters(pipeline)
    [cut] = [letter for letter in letters if letter.cut]
    assert len(letters) == 2
    assert (cut.key, cut.value) == (key[:CUT_BYTES], value[:CUT_BYTES])
    assert int(cut.found["cut"]) > len(key) + len(value)
    assert {answer["command_id"]: answer["status"] for answer in pipeline.results()} == {
        "big": "malformed",
        "named": "accepted",
        "long": "malformed",
    }
    with closing(DeadLetters(pipeline.settings)) as desk, pytest.raises(CutDeadLetterError, match="too large"):
        desk.redrive(desk.newest(10), actor="agent:A1")
    assert max(len(record.value) for record in pipeline.read_topic(pipeline.topics.results)) < TWO_MEGABYTES // 100


def test_a_corrected_record_may_come_under_the_same_id(pipeline: Pipeline) -> None:
    """Malformed does not use up an id: answered and kept each time it comes, then the right one is accepted."""
    wrong = command("RegisterOrder", order(currency="euro"), id="c-1")
    pipeline.publish([wrong, wrong, command("RegisterOrder", order(), id="c-1")])
    pipeline.handle_all(records=3)
    pipeline.relay_all()

    assert [answer["status"] for answer in pipeline.results()] == ["malformed", "malformed", "accepted"]
    assert len(pipeline.read_topic(pipeline.topics.dead)) == 2


def test_structured_mode_and_unknown_attributes_are_welcome(pipeline: Pipeline) -> None:
    """A structured CloudEvent is handled like a binary one; attributes nobody knows are ignored in both."""
    body = order("O-2")
    pipeline.publish(
        [
            structured({**STRUCTURED, "data": body, "traceparent": "00-1", "dataschema": "x"}),
            command("RegisterOrder", body, id="s-1", traceparent="00-2"),
        ]
    )
    pipeline.handle_all(records=2)
    pipeline.relay_all()

    first, again = pipeline.results()
    assert first == again
    assert first["status"] == "accepted"


def test_an_answer_is_named_by_its_bytes(pipeline: Pipeline) -> None:
    """A repeated answer has the id of the first, so that whoever waits for it can tell a repeat."""
    pipeline.publish([command("RegisterOrder", order(), id="c-1")] * 2)
    pipeline.handle_all(records=2)
    pipeline.relay_all()

    ids = {dict(record.headers)["ce_id"] for record in pipeline.read_topic(pipeline.topics.results)}
    assert len(ids) == 1
    assert str(EVENT_NAMESPACE).encode() not in ids

"""What a record comes to before anything is decided: a command, or every fault of it at once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from infra.records import Answered, SetAside, Verdict
from tests.support.pipeline import Polled, command, headers, order
from workers.command_worker.intake import ParsedCommand, take_in

DEAD = "rma.commands.dead"
LINE = order()["lines"][0]
STRUCTURED = {
    "specversion": "1.0",
    "id": "s-1",
    "source": "/shop",
    "type": "rma.RegisterOrder.v1",
    "time": "2026-03-01T10:00:00Z",
    "actor": "system:shop",
}


def faults(record: Polled) -> dict[str, str]:
    """Return the faults that a malformed record is answered with; they are those of its dead letter."""
    taken = take_in(record, DEAD)
    assert isinstance(taken, SetAside)
    reason = orjson.loads(dict(taken.letter.headers)["rma_dead_reason"])
    if isinstance(taken.answered, Answered):
        assert isinstance(taken.answered.answer, Verdict)
        assert taken.answered.answer.details == {"faults": reason["faults"]}
    return {fault["path"]: fault["message"] for fault in reason["faults"]}


def structured(**changes: Any) -> Polled:
    return Polled(orjson.dumps(STRUCTURED | changes), [("content-type", b"application/cloudevents+json")])


def test_faults_of_the_envelope_do_not_hide_those_of_the_body() -> None:
    """Whoever mends a record mends it once: attributes, actor and every field are named together."""
    body = order(currency="euro", discuont_minor=1, lines=[LINE | {"quantity": 0}])

    wrong = command("RegisterOrder", body, time="yesterday", actor="king:C-1", specversion="0.3")

    assert set(faults(wrong)) == {
        "$.ce_time",
        "$.ce_actor",
        "$.ce_specversion",
        "$.currency",
        "$.discuont_minor",
        "$.lines[0].quantity",
    }


def test_faults_of_a_structured_event_do_not_hide_those_of_its_data() -> None:
    """In structured mode the attributes are named as they stand in the event."""
    assert set(faults(structured(time=None, actor="king", data=order(currency="euro")))) == {
        "$.time",
        "$.actor",
        "$.currency",
    }


@pytest.mark.parametrize("attribute", ["id", "source"])
def test_faults_of_the_body_are_kept_where_nobody_can_be_answered(attribute: str) -> None:
    """Without id or source there is only the dead letter, and it says everything as well."""
    wrong = command("RegisterOrder", order(currency="euro"), **{attribute: None})

    assert set(faults(wrong)) == {f"$.ce_{attribute}", "$.currency"}


def test_without_a_type_nothing_is_said_of_the_body() -> None:
    """Nobody guesses what a body was meant to be."""
    assert set(faults(command("RegisterOrder", {"nonsense": 1}, type=None))) == {"$.ce_type"}


def test_a_place_is_named_once() -> None:
    """U+0000 is looked for before the body is read, and by the fields themselves: that is one fault."""
    body = order(lines=[LINE | {"title": "a\x00b"}])

    assert faults(command("RegisterOrder", body)) == {"$.lines[0].title": "holds the character U+0000"}


def test_a_record_without_a_fault_is_a_command() -> None:
    """In either mode, the same command."""
    binary = take_in(Polled(orjson.dumps(order()), headers("RegisterOrder", id="s-1")), DEAD)
    other = take_in(structured(time="2026-03-01T10:00:00+01:00", data=order()), DEAD)

    assert isinstance(binary, ParsedCommand)
    assert isinstance(other, ParsedCommand)
    assert (binary.command, binary.meta, binary.stamp, binary.digest) == (
        other.command,
        other.meta,
        other.stamp,
        other.digest,
    )


@pytest.mark.parametrize(("twice", "answered"), [("id", False), ("source", False), ("type", True), ("extra", True)])
def test_a_name_twice_in_a_structured_event_makes_a_dead_letter(twice: str, answered: bool) -> None:
    """Always; whoever can be told by an id and a source that stand once is answered, too."""
    value = orjson.dumps({"extra": "x"} | STRUCTURED | {"data": order()})
    doubled = value.replace(b'"%s":' % twice.encode(), b'"%s":"y","%s":' % (twice.encode(), twice.encode()), 1)
    taken = take_in(Polled(doubled, [("content-type", b"application/cloudevents+json")]), DEAD)

    assert isinstance(taken, SetAside)
    assert (taken.answered is not None) is answered
    assert faults(Polled(doubled, [("content-type", b"application/cloudevents+json")]))[f"$.{twice}"] == "given twice"


def test_a_name_twice_in_a_policy_document_is_malformed() -> None:
    """The last one wins nowhere: nobody knows how many days were meant."""
    document = order()  # the shape of the body does not matter to its names
    body = orjson.dumps({"policy_id": "standard", "document": {"window": {"days": 3}}, "order": document})
    record = Polled(body.replace(b'"days":3', b'"days":30,"days":3'), headers("PublishPolicy", id="p-1"))

    assert faults(record)["$.document.window.days"] == "given twice"

"""The contract for machines says what the code does: schemas take what it takes, and tell what it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jsonschema
import orjson
import pytest

from commands.dispatch import parse
from commands.faults import MalformedError
from commands.registry import REGISTRATIONS
from infra.envelope.cloudevents import (
    FIRST_ANSWER_HEADERS,
    event_headers,
    first_answer_values,
    result_headers,
)
from infra.envelope.command_record import parse_time
from infra.envelope.results import result_body
from infra.records import CommandStamp, Verdict, rfc3339
from tests.examples.make import STREAMS
from tests.unit.infra.envelope.test_hash_chain import chained
from workers.contract.asyncapi import asyncapi
from workers.contract.docs import files
from workers.contract.examples import EVENT_EXAMPLES, PAGES, command_example
from workers.contract.schemas import schemas

SCHEMAS: Final = schemas()
CHECKER: Final = jsonschema.FormatChecker(["uuid"])
CHECKER.checks("date-time", raises=ValueError)(lambda value: not isinstance(value, str) or bool(parse_time(value)))
DOCUMENT: Final = asyncapi()
STAMP: Final = CommandStamp(
    source="/shop", command_id="c-1", type="rma.RequestReturn.v1", actor="customer:C-1", correlation_id="c-1"
)
AT: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)


def validator(path: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[path], format_checker=CHECKER)


def test_the_files_are_up_to_date() -> None:
    """A changed model without its files is drift: run ``python -m workers.contract.docs``."""
    stale = [name for name, text in files().items() if (PAGES / name).read_text("utf-8") != text]
    assert stale == []
    assert {str(path.relative_to(PAGES)) for path in PAGES.rglob("schemas/*/*.json")} <= set(files())


@pytest.mark.parametrize("path", SCHEMAS)
def test_a_schema_is_valid_and_its_example_fits(path: str) -> None:
    """Each is JSON Schema 2020-12, and shows a body that it takes."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[path])
    [example] = SCHEMAS[path]["examples"]
    validator(path).validate(example)


WRONG: Final[tuple[object, ...]] = (
    None,
    "",
    "a\x00b",
    " ",
    "a ",
    "ü" * 65,
    "x" * 129,
    -1,
    10**14,
    2.0,
    2.5,
    True,
    [],
    [""],
    {},
    ["x"],
    {"x": "y"},
)


def spoiled(value: Any) -> Iterator[Any]:
    """Yield a body with one thing in it left out, of another type, too long, empty or null, or with a surplus field."""
    if isinstance(value, dict):
        yield {**value, "surplus": 1}
        yield {**value, "surplus": ""}
        for name, field in value.items():
            yield {key: other for key, other in value.items() if key != name}
            yield from ({**value, name: other} for other in (*WRONG, *spoiled(field)))
    elif isinstance(value, list):
        yield from ([*value[:i], other, *value[i + 1 :]] for i, one in enumerate(value) for other in spoiled(one))


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_a_schema_takes_what_the_command_takes(name: str) -> None:
    """What fits the schema can be read, and what does not is malformed: fields left out, surplus, of another type.

    A policy document may be malformed for what two of its fields say together: no schema says that.
    """
    judge = validator(f"commands/{name}")
    for body in spoiled(command_example(REGISTRATIONS[name])):
        try:
            parse(name, json.dumps(body).encode())
            read = True
        except MalformedError:
            read = False
        assert judge.is_valid(body) == read or (judge.is_valid(body) and "document" in body), body


@pytest.mark.parametrize("path", sorted(EVENT_EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_ever_stored_fits_its_schema(path: Path) -> None:
    """Also those that were stored before their type had a further field."""
    stored = json.loads(path.read_text("utf-8"))
    validator(f"events/{stored['envelope']['type']}").validate(stored["body"])


def test_every_event_of_whole_histories_fits_its_schema() -> None:
    """The bodies of whole streams as they were recorded."""
    for line in STREAMS.read_text("utf-8").splitlines():
        event = json.loads(line)
        validator(f"events/{event['envelope']['type']}").validate(event["body"])


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("accepted"),
        Verdict("refused", "unknown_order", "no order", {"order_id": "O-1"}),
        Verdict("malformed", "malformed", "$: no", {"faults": [{"path": "$", "message": "no"}]}),
    ],
    ids=lambda verdict: verdict.status,
)
def test_every_answer_fits_its_schema(verdict: Verdict) -> None:
    """Accepted with events, refused, malformed: body and headers."""
    events = chained()[:3] if verdict.status == "accepted" else []
    body = result_body(STAMP, verdict, events, rfc3339(AT))

    validator("results/rma.CommandResult.v1").validate(orjson.loads(body))
    names, values = result_headers(replace(STAMP, place="3:17"), body, rfc3339(AT))
    names, values = (*names, *FIRST_ANSWER_HEADERS), (*values, *first_answer_values(1, bytes(32)))
    sent = dict(zip(names, values, strict=True))
    told = DOCUMENT["components"]["messages"]["rma.CommandResult.v1"]["headers"]
    jsonschema.validate(sent, told)
    assert set(sent) == set(told["properties"])


def test_the_headers_of_an_event_are_those_of_the_document() -> None:
    """Each header that is sent is told, and each that is required is sent."""
    for event in chained():
        headers = {name: value.decode() for name, value in event_headers(event)}
        told = DOCUMENT["components"]["messages"][event.type]["headers"]
        jsonschema.validate(headers, told)
        assert set(headers) <= set(told["properties"])


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_examples_of_a_message_fit_it(name: str) -> None:
    """The document repeats the schemas in its own way: its examples fit there, too."""
    message = DOCUMENT["components"]["messages"][name]
    for example in message["examples"]:
        jsonschema.Draft202012Validator(message["headers"]).validate(example["headers"])
        whole = {**message["payload"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(whole).validate(example["payload"])


def test_the_document_names_every_type() -> None:
    """Each command, event and answer has its message, in the channel where it is."""
    channels = {name: set(channel["messages"]) for name, channel in DOCUMENT["channels"].items()}

    assert channels["commands"] == {*REGISTRATIONS, "StructuredCommand"}
    assert channels["events"] == {path.split("/")[1] for path in SCHEMAS if path.startswith("events/")}
    assert channels["results"] == {"rma.CommandResult.v1"}
    assert channels["dead"] == {"DeadLetter"}

"""The headers of each kind of message, as schemas, with an example of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.envelope.cloudevents import (
    ANSWER_SEQ,
    COMMAND_PLACE,
    FINGERPRINT,
    OWN_SOURCE,
    RESULT_TYPE,
    STRUCTURED_CONTENT,
)
from infra.envelope.command_record import ATTRIBUTE_CHARACTERS_MAX
from infra.sealing.letters import DEAD_HEADER_PREFIX, KEY_ID

JSON: Final = "application/json"
TEXT: Final = {"type": "string", "minLength": 1, "maxLength": ATTRIBUTE_CHARACTERS_MAX}
OPTIONAL_TEXT: Final = {"type": "string", "maxLength": ATTRIBUTE_CHARACTERS_MAX}
"""One that is empty is as if left out."""
TIME: Final = {"type": "string", "format": "date-time"}
WHOLE_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}

Schema = dict[str, Any]
Headers = dict[str, str]

DEAD_EXAMPLE: Final[Headers] = {
    f"{DEAD_HEADER_PREFIX}topic": "rma.commands",
    f"{DEAD_HEADER_PREFIX}partition": "3",
    f"{DEAD_HEADER_PREFIX}offset": "17",
    f"{DEAD_HEADER_PREFIX}reason": '{"reason":"malformed","faults":[{"path":"$","message":"is not JSON in UTF-8"}]}',
}
STRUCTURED_EXAMPLE: Final[Headers] = {"content-type": STRUCTURED_CONTENT}
_RESULT_EXAMPLE: Final[Headers] = {
    "ce_specversion": "1.0",
    "ce_id": "0e5fb25a-6d0d-5d4c-8f4b-4b6f9a3d7b11",
    "ce_source": OWN_SOURCE,
    "ce_type": RESULT_TYPE,
    "ce_time": "2026-03-01T09:00:00.123Z",
    "ce_correlationid": "c-1",
    "ce_causationid": "c-1",
    "ce_commandid": "c-1",
    "ce_commandsource": "/shop",
    "content-type": JSON,
}


def of_command(type_name: str, senders: Sequence[str]) -> Schema:
    """Return the headers of a command in binary mode; extension attributes that nobody knows are ignored."""
    kinds = "|".join(senders)
    required = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": TEXT | {"description": "With ce_source the idempotency key: a repeat gets the first answer again."},
        "ce_source": TEXT | {"description": "Who sends it, such as /shop."},
        "ce_type": {"type": "string", "const": type_name},
        "ce_time": TIME | {"description": "When it happened: RFC 3339, with an offset."},
        "ce_actor": TEXT | {"pattern": f"^({kinds}):.+$", "description": "Who acts, as kind:id."},
    }
    optional = {
        "ce_correlationid": OPTIONAL_TEXT | {"description": "Carried on to all that follows; else the command's id."},
        "ce_causationid": OPTIONAL_TEXT | {"description": "The id of the event that the command answers."},
        "content-type": {"type": "string", "description": f"{JSON}, or none."},
    }
    return _headers(required, optional)


def of_event(topic: str) -> Schema:
    """Return the headers of an event."""
    required = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string", "const": OWN_SOURCE},
        "ce_type": {"type": "string", "const": topic},
        "ce_time": TIME | {"description": "The business time of the command."},
        "ce_subject": {"type": "string", "description": "The stream, such as order/O-1001."},
        "ce_actor": {"type": "string", "description": "Who acted, as kind:id."},
        "ce_correlationid": {"type": "string"},
        "ce_causationid": {"type": "string", "description": "The id of what led to it: a command or an event."},
        "ce_commandid": {"type": "string"},
        "ce_commandsource": {"type": "string"},
        "ce_streamversion": WHOLE_NUMBER | {"description": "Its number in the stream, from 1 on, without gaps."},
        "ce_position": WHOLE_NUMBER | {"description": "Its number in the log, from 1 on, without gaps."},
        "ce_recordedat": TIME | {"description": "When it was recorded."},
        "ce_prevhash": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the event before it."},
        "content-type": {"type": "string", "const": JSON},
    }
    return _headers(required, {"ce_sealedkeyid": {"type": "string"}})


def of_result() -> Schema:
    """Return the headers of an answer."""
    consts = {"ce_specversion": "1.0", "ce_source": OWN_SOURCE, "ce_type": RESULT_TYPE, "content-type": JSON}
    required: Schema = {name: {"type": "string"} for name in _RESULT_EXAMPLE}
    required |= {name: {"type": "string", "const": value} for name, value in consts.items()}
    of_the_first = {
        ANSWER_SEQ: WHOLE_NUMBER | {"description": "Of the first answer to a command: its number among all answers."},
        FINGERPRINT: {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the first: what was asked."},
    }
    place = {"type": "string", "description": "Where the record of the command lies: partition:offset on its topic."}
    return _headers(required | {"ce_time": TIME}, of_the_first | {COMMAND_PLACE: place})


def of_structured() -> Schema:
    """Return the header that says of a record that it is an event in structured mode."""
    return _headers({"content-type": {"type": "string", "const": STRUCTURED_CONTENT}}, {})


def of_dead_letter() -> Schema:
    """Return the headers of ours beside the record's own."""
    tombstone = {"type": "string", "const": "true", "description": "The record had no value."}
    cut = WHOLE_NUMBER | {"description": "How many bytes the record had, of which only the beginning is kept."}
    sealed = {"type": "string", "format": "uuid", "description": "The key that the record is sealed under."}
    optional = {f"{DEAD_HEADER_PREFIX}tombstone": tombstone, f"{DEAD_HEADER_PREFIX}cut": cut, KEY_ID: sealed}
    return _headers({name: {"type": "string"} for name in DEAD_EXAMPLE}, optional)


def structured_event(types: Sequence[str]) -> Schema:
    """Return the schema of a command in structured mode; its data are those of the command that its type names."""
    data = {"order_id": "O-1001", "rma_id": "6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11", "reason": "paid and done"}
    example = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/shop",
        "type": "rma.CloseReturn.v1",
        "time": "2026-03-01T10:00:00+01:00",
        "actor": "agent:rosa",
        "data": data,
    }
    properties = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": TEXT,
        "source": TEXT,
        "type": {"type": "string", "enum": list(types)},
        "time": TIME,
        "actor": TEXT,
        "data": {"type": "object", "description": "The payload of the command that type names."},
    }
    optional = {
        "correlationid": OPTIONAL_TEXT,
        "causationid": OPTIONAL_TEXT,
        "datacontenttype": {"type": "string", "enum": ["", JSON]},
    }
    return _headers(properties, optional) | {"examples": [example]}


def command_example(type_name: str, sender: str) -> Headers:
    """Return headers that a command of this type may have."""
    return {
        "ce_specversion": "1.0",
        "ce_id": "c-1",
        "ce_source": "/shop",
        "ce_type": type_name,
        "ce_time": "2026-03-01T10:00:00+01:00",
        "ce_actor": f"{sender}:one",
        "content-type": JSON,
    }


def event_example(envelope: Mapping[str, Any]) -> Headers:
    """Return the headers of a stored event, given what its example says of them."""
    return {
        "ce_specversion": "1.0",
        "ce_id": envelope["id"],
        "ce_source": OWN_SOURCE,
        "ce_type": envelope["type"],
        "ce_time": envelope["time"],
        "ce_subject": envelope["stream"],
        "ce_actor": envelope["actor"],
        "ce_correlationid": envelope["commandid"],
        "ce_causationid": envelope["commandid"],
        "ce_commandid": envelope["commandid"],
        "ce_commandsource": "/shop",
        "ce_streamversion": str(envelope["streamversion"]),
        "ce_position": "1",
        "ce_recordedat": envelope["time"],
        "ce_prevhash": "0" * 64,
        "content-type": JSON,
    }


def result_example() -> Headers:
    """Return the headers of an answer."""
    return dict(_RESULT_EXAMPLE)


def _headers(required: Schema, optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": required | optional}

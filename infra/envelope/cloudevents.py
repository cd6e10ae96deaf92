"""CloudEvents 1.0 over Kafka: reading commands, writing events and results.

Commands come in binary mode (attributes as ``ce_`` headers, the body as JSON) or in structured mode (one JSON object,
``application/cloudevents+json``). Attributes that we do not know are ignored; every fault is named by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import uuid5

import orjson

from infra.records import EVENT_NAMESPACE, CommandStamp, Headers, StoredEvent, rfc3339

OWN_SOURCE: Final = "/rma"
RESULT_TYPE: Final = "rma.CommandResult.v1"
JSON_CONTENT: Final = b"application/json"
STRUCTURED_CONTENT: Final = "application/cloudevents+json"
BODY_BYTES_MAX: Final = 1024 * 1024
ATTRIBUTE_CHARACTERS_MAX: Final = 256
NUL_FAULTS_MAX: Final = 100
PATH_CHARACTERS_MAX: Final = 1_000
YEARS: Final = range(1970, 2200)
CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
REQUIRED: Final = ("id", "source", "type", "actor")
OPTIONAL: Final = ("correlationid", "causationid")
Place = tuple[int | str, Any] | None
"""A place in a body: its last part and the place around it; None for the body itself."""
ATTRIBUTES: Final = frozenset({"specversion", "time", *REQUIRED, *OPTIONAL})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record, and where, as a JSON path (``$.ce_time``, ``$.lines[0].quantity``)."""

    path: str
    message: str


class MalformedRecordError(Exception):
    """A record is no command. ``command_id``, ``source`` and ``type`` are set where they could be read."""

    def __init__(self, faults: Sequence[Fault], *, attributes: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)
        known = attributes or {}
        self.command_id, self.source, self.type = known.get("id"), known.get("source"), known.get("type")
        self.correlation_id = known.get("correlationid")


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A record that says what it is; its body is JSON, its meaning still to be parsed.

    ``occurred_at`` is in UTC. ``data`` is the body as JSON values, ``body`` the same as bytes.
    """

    command_id: str
    source: str
    type: str
    occurred_at: datetime
    actor: str
    correlation_id: str | None
    causation_id: str | None
    data: Any
    body: bytes


def read_command(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> CommandRecord:
    """Read a command in binary or structured mode.

    Raises:
        MalformedRecordError: With every fault found, each by its path.
    """
    content_type = _content_type(headers)
    if content_type == STRUCTURED_CONTENT:
        attributes, faults, data = _structured(value)
        prefix = "$."
    else:
        attributes, faults = _binary_attributes(headers)
        if content_type not in {"", "application/json"}:
            faults.append(Fault("$.content-type", "must be application/json or application/cloudevents+json"))
        data = _json(value, faults)
        prefix = "$.ce_"
    faults += _attribute_faults(attributes, prefix, {fault.path for fault in faults})
    readable = {
        name: text for name, text in attributes.items() if not any(fault.path == prefix + name for fault in faults)
    }
    occurred_at = _time(readable, prefix, faults)
    body = value if prefix == "$.ce_" and value is not None else _written(data, faults)
    if faults or occurred_at is None:
        raise MalformedRecordError(faults, attributes=readable)
    return CommandRecord(
        attributes["id"],
        attributes["source"],
        attributes["type"],
        occurred_at,
        attributes["actor"],
        attributes.get("correlationid"),
        attributes.get("causationid"),
        data,
        body,
    )


def _content_type(headers: Sequence[tuple[str, bytes | None]]) -> str:
    for name, value in headers:
        if name.lower() == "content-type":
            return (value or b"").decode("utf-8", "replace").partition(";")[0].strip().lower()
    return ""


def _binary_attributes(headers: Sequence[tuple[str, bytes | None]]) -> tuple[dict[str, str], list[Fault]]:
    attributes: dict[str, str] = {}
    faults: list[Fault] = []
    for header, value in headers:
        name = header[len("ce_") :]
        if not header.startswith("ce_") or name not in ATTRIBUTES:
            continue
        if name in attributes or any(fault.path == f"$.{header}" for fault in faults):
            faults.append(Fault(f"$.{header}", "given twice"))
            continue
        try:
            attributes[name] = (value or b"").decode("utf-8")
        except UnicodeDecodeError:
            faults.append(Fault(f"$.{header}", "is not UTF-8"))
    return attributes, faults


def _structured(value: bytes | None) -> tuple[dict[str, str], list[Fault], Any]:
    faults: list[Fault] = []
    event = _json(value, faults)
    if not isinstance(event, dict):
        return {}, faults or [Fault("$", "must be a JSON object")], None
    attributes = {}
    for name in ATTRIBUTES & event.keys():
        if isinstance(event[name], str):
            attributes[name] = event[name]
        elif event[name] is not None:
            faults.append(Fault(f"$.{name}", "must be a string"))
    if event.get("datacontenttype", "application/json") != "application/json":
        faults.append(Fault("$.datacontenttype", "must be application/json"))
    if "data" not in event:
        faults.append(Fault("$.data", "is missing"))
    return attributes, faults, event.get("data")


def _json(value: bytes | None, faults: list[Fault]) -> Any:
    if value is None:
        faults.append(Fault("$", "has no body"))
        return None
    if len(value) > BODY_BYTES_MAX:
        faults.append(Fault("$", f"is longer than {BODY_BYTES_MAX} bytes"))
        return None
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        faults.append(Fault("$", f"is not JSON in UTF-8: {error}"))
        return None
    if b"\\u0000" in value:
        found = islice(_nul_places(data), NUL_FAULTS_MAX)
        faults += [Fault(_path(place), "holds the character U+0000") for place in found]
    return data


def _written(data: Any, faults: list[Fault]) -> bytes:
    """Return the data of a structured event as bytes; what is read may nest deeper than what can be written."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:
        faults.append(Fault("$.data", "nests too deep"))
        return b""


def _nul_places(data: Any) -> Iterator[Place]:
    """Yield where U+0000 stands, in order; PostgreSQL's text cannot hold it.

    A place is kept as its last part and the place around it: written out for every value, places that are long or deep
    would need a thousand times the memory of the body. No recursion, since JSON may nest deeper than Python may call.
    """
    left: list[tuple[Any, Place]] = [(data, None)]
    while left:
        value, place = left.pop()
        if isinstance(value, str):
            if "\x00" in value:
                yield place
        elif isinstance(value, list):
            left += [(item, (index, place)) for index, item in enumerate(value)][::-1]
        elif isinstance(value, dict):
            if any("\x00" in name for name in value):
                yield place
            left += [(item, (name, place)) for name, item in value.items()][::-1]


def _path(place: Place) -> str:
    """Return a place as a JSON path, such as ``$.lines[0].title``; cut where it is longer than anybody reads."""
    parts: list[str] = []
    while place is not None:
        part, place = place
        parts.append(f"[{part}]" if isinstance(part, int) else f".{part[:PATH_CHARACTERS_MAX]}")
    return ("$" + "".join(reversed(parts)))[:PATH_CHARACTERS_MAX]


def _attribute_faults(attributes: Mapping[str, str], prefix: str, known: set[str]) -> list[Fault]:
    faults = [
        Fault(prefix + name, "is missing")
        for name in (*REQUIRED, "time")
        if prefix + name not in known and not attributes.get(name)
    ]
    for name, text in attributes.items():
        if len(text) > ATTRIBUTE_CHARACTERS_MAX:
            faults.append(Fault(prefix + name, f"is longer than {ATTRIBUTE_CHARACTERS_MAX} characters"))
        elif CONTROL_CHARACTERS.search(text):
            faults.append(Fault(prefix + name, "holds a control character"))
        elif name in OPTIONAL and not text:
            faults.append(Fault(prefix + name, "is empty"))
    if prefix + "specversion" not in known and attributes.get("specversion") != "1.0":
        faults.append(Fault(f"{prefix}specversion", "must be 1.0"))
    return faults


def _time(attributes: Mapping[str, str], prefix: str, faults: list[Fault]) -> datetime | None:
    if "time" not in attributes:
        return None
    try:
        return parse_time(attributes["time"])
    except ValueError as error:
        faults.append(Fault(f"{prefix}time", str(error)))
        return None


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 instant in UTC, to the microsecond; raises ``ValueError`` with what is wrong."""
    if not RFC_3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset")
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no such day or time") from None
    if instant.year not in YEARS:
        raise ValueError(f"must be in the years {YEARS.start} to {YEARS.stop - 1}")
    return instant


def event_attributes(event: StoredEvent) -> list[tuple[str, str]]:
    """Return an event's CloudEvents attributes but ``prevhash``, sorted by name."""
    attributes = {
        "actor": event.actor,
        "causationid": event.causation_id,
        "commandid": event.command_id,
        "commandsource": event.command_source,
        "correlationid": event.correlation_id,
        "id": str(event.event_id),
        "position": str(event.position),
        "recordedat": rfc3339(event.recorded_at),
        "source": OWN_SOURCE,
        "specversion": "1.0",
        "streamversion": str(event.version),
        "subject": event.stream,
        "time": rfc3339(event.occurred_at),
        "type": event.type,
    }
    if event.sealed_key_id is not None:
        attributes["sealedkeyid"] = event.sealed_key_id
    return sorted(attributes.items())


def event_headers(event: StoredEvent) -> Headers:
    """Return the Kafka headers under which an event is published (binary mode)."""
    headers = [(f"ce_{name}", value.encode()) for name, value in event_attributes(event)]
    headers.append(("ce_prevhash", event.prev_hash.hex().encode()))
    headers.append(("content-type", JSON_CONTENT))
    return headers


def result_headers(stamp: CommandStamp, result: bytes, recorded_at: datetime) -> Headers:
    """Return the Kafka headers of a command's answer; the same answer has the same id."""
    command_id = stamp.command_id.encode()
    return [
        ("ce_id", str(uuid5(EVENT_NAMESPACE, result.decode())).encode()),
        ("ce_source", OWN_SOURCE.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_type", RESULT_TYPE.encode()),
        ("ce_time", rfc3339(recorded_at).encode()),
        ("ce_correlationid", stamp.correlation_id.encode()),
        ("ce_causationid", command_id),
        ("ce_commandid", command_id),
        ("ce_commandsource", stamp.source.encode()),
        ("content-type", JSON_CONTENT),
    ]

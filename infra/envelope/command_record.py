"""Reading commands: CloudEvents 1.0 over Kafka, in binary or structured mode, and every fault by its place.

In binary mode the attributes are ``ce_`` headers and the body is JSON; in structured mode a record is one JSON object,
``application/cloudevents+json``. Attributes that we do not know are ignored. A fault's path is a header
(``$.ce_time``), an attribute of a structured event (``$.time``), or a place in the body (``$.lines[0].quantity``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import orjson

from domain.errors import Fault
from domain.values import dataclass
from infra.envelope.cloudevents import STRUCTURED_CONTENT
from infra.envelope.places import Place, parts_of, path_of, walk
from infra.envelope.repeated_names import GIVEN_TWICE, repeated_names

BODY_BYTES_MAX: Final = 1024 * 1024
ATTRIBUTE_CHARACTERS_MAX: Final = 256
HEADERS_MAX: Final = 256
"""CloudEvents has a dozen, and what traces calls adds a few; a record of 8 MiB could hold a million."""
HEADER_BYTES_MAX: Final = 64 * 1024
"""Names and values of all headers together."""
DEPTH_MAX: Final = 100
"""How many lists and objects may stand inside each other in a body."""
TOO_DEEP: Final = f"nests deeper than {DEPTH_MAX} levels"
NUL_FAULTS_MAX: Final = 100
YEARS: Final = range(1970, 2200)
CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
REQUIRED: Final = ("id", "source", "type", "actor")
OPTIONAL: Final = ("correlationid", "causationid")
ATTRIBUTES: Final = frozenset({"specversion", "time", *REQUIRED, *OPTIONAL})
BINARY: Final = "$.ce_"
"""What the path of an attribute begins with in binary mode."""
STRUCTURED: Final = "$."

UNREADABLE: Final = object()
"""Stands for the JSON values of a body that has none: null is one of them."""


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """What a record says, as far as it can be read. Without ``faults`` every attribute that is required is there.

    ``attributes`` holds those that could be read, ``attributes_at`` what the path of one begins with; ``occurred_at``
    is in UTC. ``data`` is the body as JSON values, ``body`` the same as bytes; None where it is no JSON.
    """

    attributes: Mapping[str, str]
    attributes_at: str
    occurred_at: datetime | None
    data: Any
    body: bytes | None
    faults: tuple[Fault, ...]


def read_command(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> CommandRecord:
    """Read a command in binary or structured mode; whatever is wrong with it is among its faults."""
    headers, too_many = _bounded(headers)
    content_type = _content_type(headers)
    if content_type == STRUCTURED_CONTENT:
        attributes, faults, data, body, in_body = _structured(value)
        prefix = STRUCTURED
    else:
        attributes, faults = _binary_attributes(headers)
        if content_type not in {"", "application/json"}:
            faults.append(Fault("$.content-type", "must be application/json or application/cloudevents+json"))
        data = _json(value, faults)
        if value is not None and _nests_too_deep(data, value):
            faults.append(Fault("$", TOO_DEEP))
            data = UNREADABLE
        prefix, body = BINARY, None if data is UNREADABLE else value
        in_body = [] if body is None else _given_twice(repeated_names(body, data))
    faults += too_many
    faults += _attribute_faults(attributes, prefix, {fault.path for fault in faults})
    faulty = {fault.path for fault in faults}
    readable = {name: text for name, text in attributes.items() if text and not (faulty and prefix + name in faulty)}
    occurred_at = _time(readable, prefix, faults)
    if body is not None and b"\\u0000" in body:
        found = islice(_nul_places(data), NUL_FAULTS_MAX)
        in_body += [Fault(path_of(parts_of(place)), "holds the character U+0000") for place in found]
    return CommandRecord(readable, prefix, occurred_at, data, body, (*faults, *in_body))


def _bounded(
    headers: Sequence[tuple[str, bytes | None]],
) -> tuple[Sequence[tuple[str, bytes | None]], list[Fault]]:
    """Return the headers that are read, and what is wrong with how many or how long they are."""
    faults = []
    if len(headers) > HEADERS_MAX:
        faults.append(Fault("$", f"has more than {HEADERS_MAX} headers"))
    size = sum(len(name) + len(content or b"") for name, content in headers)
    if size > HEADER_BYTES_MAX:
        faults.append(Fault("$", f"has more than {HEADER_BYTES_MAX} bytes of headers"))
    return headers[:HEADERS_MAX], faults


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
            faults.append(Fault(f"$.{header}", GIVEN_TWICE))
            continue
        try:
            attributes[name] = (value or b"").decode("utf-8")
        except UnicodeDecodeError:
            faults.append(Fault(f"$.{header}", "is not UTF-8"))
    return attributes, faults


def _structured(value: bytes | None) -> tuple[dict[str, str], list[Fault], object, bytes | None, list[Fault]]:
    """Return the attributes of a structured event, its faults, its data, the same as bytes, and names twice in them."""
    faults: list[Fault] = []
    event = _json(value, faults)
    if value is None or not isinstance(event, dict):
        return {}, faults or [Fault("$", "must be a JSON object")], None, None, []
    repeated = repeated_names(value, event)
    faults += _given_twice(parts for parts in repeated if len(parts) == 1 or parts[0] != "data")
    in_body = _given_twice(parts[1:] for parts in repeated if len(parts) > 1 and parts[0] == "data")
    twice = {parts[0] for parts in repeated if len(parts) == 1}
    attributes = {}
    for name in ATTRIBUTES & event.keys() - twice:
        if isinstance(event[name], str):
            attributes[name] = event[name]
        elif event[name] is not None:
            faults.append(Fault(f"$.{name}", "must be a string"))
    if event.get("datacontenttype", "") not in ("", "application/json"):
        faults.append(Fault("$.datacontenttype", "must be application/json"))
    if "data" not in event:
        faults.append(Fault("$.data", "is missing"))
        return attributes, faults, None, None, []
    return attributes, faults, event["data"], _written(event["data"], faults), in_body


def _given_twice(places: Iterable[list[int | str]]) -> list[Fault]:
    return [Fault(path_of(parts), GIVEN_TWICE) for parts in places]


def _json(value: bytes | None, faults: list[Fault]) -> object:
    """Return the JSON values of a record, or ``UNREADABLE`` with the fault that keeps it from being read."""
    if value is None:
        faults.append(Fault("$", "has no body"))
    elif len(value) > BODY_BYTES_MAX:
        faults.append(Fault("$", f"is longer than {BODY_BYTES_MAX} bytes"))
    else:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            faults.append(Fault("$", f"is not JSON in UTF-8: {error}"))
    return UNREADABLE


def _nests_too_deep(data: Any, text: bytes) -> bool:
    """Tell whether JSON values nest deeper than ``DEPTH_MAX``; a text with fewer brackets is not looked through."""
    if text.count(b"[") + text.count(b"{") <= DEPTH_MAX:
        return False
    level = [data]
    for _ in range(DEPTH_MAX):
        level = [part for value in level for part in _parts(value) if isinstance(part, list | dict)]
        if not level:
            return False
    return True


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _written(data: object, faults: list[Fault]) -> bytes | None:
    """Return the data of a structured event as bytes; what is read may nest deeper than what can be written."""
    try:
        written = orjson.dumps(data)
    except orjson.JSONEncodeError:
        written = None
    if written is None or _nests_too_deep(data, written):
        faults.append(Fault("$.data", TOO_DEEP))
        return None
    return written


def _nul_places(data: object) -> Iterator[Place]:
    """Yield where U+0000 stands, in order; PostgreSQL's text cannot hold it."""
    for value, place in walk(data):
        if (isinstance(value, str) and "\x00" in value) or (isinstance(value, dict) and "\x00" in "".join(value)):
            yield place


def _attribute_faults(attributes: Mapping[str, str], prefix: str, known: set[str]) -> list[Fault]:
    faults = [
        Fault(prefix + name, "is missing")
        for name in (*REQUIRED, "time")
        if not attributes.get(name) and prefix + name not in known
    ]
    for name, text in attributes.items():
        if text.isprintable() and len(text) <= ATTRIBUTE_CHARACTERS_MAX:
            continue
        if len(text) > ATTRIBUTE_CHARACTERS_MAX:
            faults.append(Fault(prefix + name, f"is longer than {ATTRIBUTE_CHARACTERS_MAX} characters"))
        elif CONTROL_CHARACTERS.search(text):
            faults.append(Fault(prefix + name, "holds a control character"))
    if attributes.get("specversion") != "1.0" and prefix + "specversion" not in known:
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

"""Commands as they come over HTTP: CloudEvents in structured, binary or batch mode (CloudEvents' HTTP binding 1.0.2).

What is no CloudEvent at all ends here; whatever else is wrong with a command is the command worker's to say, so that it
says the same however a command came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from infra.envelope.cloudevents import STRUCTURED_CONTENT
from infra.envelope.command_record import (
    ATTRIBUTE_CHARACTERS_MAX,
    ATTRIBUTES,
    BODY_BYTES_MAX,
    CONTROL_CHARACTERS,
)
from infra.kafka.command_client import OutgoingCommand, key_of
from workers.http.errors import MediaTypeError, NoCloudEventError, TooLargeError

BATCH_CONTENT: Final = "application/cloudevents-batch+json"
JSON_CONTENT: Final = "application/json"
BATCH_MAX: Final = 100
ATTRIBUTE_PREFIX: Final = "ce-"
WANTED: Final = ("id", "type")
SAID_IN_BINARY: Final = "in binary mode, attributes are headers, such as ce-id; or send application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A CloudEvent: its attributes as far as they are texts, its data as JSON values, and the record it becomes."""

    attributes: Mapping[str, str]
    data: Any
    headers: Sequence[tuple[str, bytes]]
    value: bytes

    @property
    def id(self) -> str:
        return self.attributes["id"]

    @property
    def source(self) -> str:
        return self.attributes["source"]

    @property
    def key(self) -> str | None:
        """The Kafka key, by the command's own rule."""
        return key_of(self.data)


def read_commands(content_type: str, headers: Sequence[tuple[str, str]], body: bytes, source: str) -> list[Incoming]:
    """Return the commands of a request; ``source`` stands where one names none.

    Args:
        content_type: As the header says it.
        headers: All headers, names in small letters.
        body: The whole body.
        source: The caller's own.
    Raises:
        MediaTypeError: It is of none of the types that commands come in.
        NoCloudEventError: It, or one of a batch, is none.
        TooLargeError: A batch holds more than ``BATCH_MAX``.
    """
    kind, _, parameters = content_type.lower().partition(";")
    if "charset" in parameters and "utf-8" not in parameters:
        raise MediaTypeError("JSON is UTF-8")
    match kind.strip():
        case "application/cloudevents+json":
            return [_structured(_json(body), "$", source, body)]
        case "application/cloudevents-batch+json":
            return _batch(_json(body), source)
        case "application/json":
            return [_binary(headers, body, source)]
    raise MediaTypeError(f"commands come as {STRUCTURED_CONTENT}, {BATCH_CONTENT}, or {JSON_CONTENT} in binary mode")


def incoming_of(command: OutgoingCommand) -> Incoming:
    """Return a command of our own making as one that came in."""
    [made] = read_commands(STRUCTURED_CONTENT, (), command.to_bytes(), command.source)
    return made


def is_batch(content_type: str) -> bool:
    """Tell whether several commands are answered as several."""
    return content_type.lower().partition(";")[0].strip() == BATCH_CONTENT


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NoCloudEventError(f"the body is not JSON in UTF-8: {error}") from error


def _batch(events: Any, source: str) -> list[Incoming]:
    if not isinstance(events, list) or not events:
        raise NoCloudEventError("a batch is a JSON array of one CloudEvent or more")
    if len(events) > BATCH_MAX:
        raise TooLargeError(f"a batch holds at most {BATCH_MAX} commands", commands=len(events), limit=BATCH_MAX)
    return [_structured(event, f"$[{number}]", source) for number, event in enumerate(events)]


def _structured(event: Any, place: str, source: str, body: bytes | None = None) -> Incoming:
    """Return a structured event as a record; it goes on as it came, unless its source has to be filled in."""
    if not isinstance(event, dict):
        raise NoCloudEventError(f"{place} must be a JSON object", path=place)
    if event.get("source") is None:
        event, body = {**event, "source": source}, None
    texts = {name: event[name] for name in ATTRIBUTES & event.keys() if isinstance(event[name], str)}
    _want(texts, f"{place}.", "a structured CloudEvent names its id and type")
    try:
        value = orjson.dumps(event) if body is None else body
    except orjson.JSONEncodeError as error:
        raise NoCloudEventError(f"{place} nests too deep", path=place) from error
    if len(value) > BODY_BYTES_MAX:  # its source was filled in
        raise TooLargeError(f"a command has at most {BODY_BYTES_MAX:,} bytes", limit=BODY_BYTES_MAX)
    return Incoming(texts, event.get("data"), [("content-type", STRUCTURED_CONTENT.encode())], value)


def _binary(headers: Sequence[tuple[str, str]], body: bytes, source: str) -> Incoming:
    """Return a binary event as a record of Kafka's binary mode, whose headers say ``ce_`` where HTTP says ``ce-``."""
    texts: dict[str, str] = {}
    for header, value in headers:
        name = header.removeprefix(ATTRIBUTE_PREFIX)
        if header == name or name not in ATTRIBUTES:
            continue
        if name in texts:
            raise NoCloudEventError(f"{header} is given twice", path=f"$.{header}")
        texts[name] = _decoded(header, value)
    texts.setdefault("source", source)
    _want(texts, f"$.{ATTRIBUTE_PREFIX}", SAID_IN_BINARY)
    sent = [(f"ce_{name}", text.encode()) for name, text in texts.items()]
    return Incoming(texts, _json(body), [*sent, ("content-type", JSON_CONTENT.encode())], body)


def _decoded(header: str, value: str) -> str:
    """Return an attribute from its header: unquoted, percent-decoded, strictly UTF-8."""
    text = value.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise NoCloudEventError(f"{header} is not UTF-8, percent-encoded", path=f"$.{header}") from error


def _want(texts: Mapping[str, str], place: str, says: str) -> None:
    """Raise where nobody could tell what an answer would be to."""
    missing = [f"{place}{name}" for name in (*WANTED, "source") if not texts.get(name)]
    if missing:
        raise NoCloudEventError(f"{', '.join(missing)} is missing, or no text: {says}", missing=missing)
    command_id = texts["id"]
    if len(command_id) > ATTRIBUTE_CHARACTERS_MAX or CONTROL_CHARACTERS.search(command_id):
        raise NoCloudEventError(
            f"{place}id must be 1 to {ATTRIBUTE_CHARACTERS_MAX} characters, none of them a control character",
            path=f"{place}id",
        )

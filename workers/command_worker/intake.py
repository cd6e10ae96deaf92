"""From a Kafka record to a command that can be decided, or to an answer that says what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson

from commands import dispatch
from commands.faults import MalformedError
from commands.fields import Body
from commands.metadata import Meta, parse_actor
from domain.errors import Fault
from domain.values import dataclass
from domain.vocabularies import ActorKind
from infra.envelope.command_record import CommandRecord, read_command
from infra.kafka.record import Record
from infra.records import Answered, CommandStamp, Message, SetAside, Verdict
from infra.sealing.letters import DEAD_HEADER_PREFIX

FAULTS_SHOWN_MAX: Final = 100
FAULT_CHARACTERS_MAX: Final = 1_000
"""How much of a fault's path and message is told: both may name fields as long as the body."""

LETTER_BYTES_MAX: Final = 4 * 1024 * 1024
"""A larger record is not kept whole as a dead letter: with our headers, or compressed less well than it came, it could
be more than the topic takes, and the relay would stand still at it for ever."""

CUT_BYTES: Final = 64 * 1024
"""How much is kept of the value of a record that is too large, and of any key."""

UNKNOWN_TYPE: Final = "unknown"
ERASURE: Final = b"rma.EraseCustomer."


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command that can be decided; ``digest`` tells whether another under its id asks the same."""

    record: Record
    command: Body
    meta: Meta
    stamp: CommandStamp
    digest: bytes

    @property
    def id_key(self) -> tuple[str, str]:
        """The idempotency key: source and id."""
        return self.meta.source, self.meta.command_id


def take_in(record: Record, dead_topic: str) -> ParsedCommand | SetAside:
    """Return the command of a record, or what answers and keeps a malformed one, with every fault of it."""
    read = read_command(record.headers, record.value)
    faults = list(read.faults)
    actor = _actor(read, faults)
    command = _command(read, faults)
    if faults or actor is None or command is None or read.occurred_at is None:
        return _set_aside(record, read, faults, dead_topic)
    return _parsed(record, read, command, actor, read.occurred_at)


def is_erasure(record: Record) -> bool:
    """Tell whether a record may be a command that erases a customer, whatever its mode."""
    named = dict(record.headers).get("ce_type")
    return (named or record.value or b"").find(ERASURE) >= 0


def _actor(read: CommandRecord, faults: list[Fault]) -> tuple[ActorKind, str] | None:
    if "actor" not in read.attributes:
        return None
    try:
        return parse_actor(read.attributes["actor"])
    except ValueError as error:
        faults.append(Fault(f"{read.attributes_at}actor", str(error)))
        return None


def _command(read: CommandRecord, faults: list[Fault]) -> Body | None:
    """Return the body as a command, where it is JSON and its type can be read, whatever else is wrong."""
    if "type" not in read.attributes or read.body is None:
        return None
    try:
        return dispatch.parse(read.attributes["type"], read.body)
    except MalformedError as error:
        known = {fault.path for fault in faults}
        faults += [fault for fault in error.faults if fault.path not in known]
        return None


def _parsed(
    record: Record, read: CommandRecord, command: Body, actor: tuple[ActorKind, str], occurred_at: datetime
) -> ParsedCommand:
    attributes = read.attributes
    meta = Meta(
        command_id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        occurred_at=occurred_at,
        actor_kind=actor[0],
        actor_id=actor[1],
        correlation_id=attributes.get("correlationid"),
        causation_id=attributes.get("causationid"),
    )
    stamp = CommandStamp(
        source=meta.source,
        command_id=meta.command_id,
        type=meta.type,
        actor=attributes["actor"],
        correlation_id=meta.correlation_id or meta.command_id,
        causation_id=meta.causation_id,
        place=_place(record),
    )
    return ParsedCommand(record, command, meta, stamp, digest(meta.type, read.data))


def _place(record: Record) -> str:
    return f"{record.partition}:{record.offset}"


def digest(type_name: str, data: object) -> bytes:
    """Return the SHA-256 of a command's type and data as JSON values: sorted names, no spaces, 1.0 the same as 1."""
    canonical = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    if b".0" in canonical:
        canonical = orjson.dumps(_whole(data), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(type_name.encode() + b"\n" + canonical).digest()


def _whole(data: object) -> object:
    if isinstance(data, float) and data.is_integer():
        return int(data)
    if isinstance(data, list):
        return [_whole(item) for item in data]
    if isinstance(data, dict):
        return {name: _whole(item) for name, item in data.items()}
    return data


def _set_aside(record: Record, read: CommandRecord, faults: Sequence[Fault], dead_topic: str) -> SetAside:
    attributes = read.attributes
    told = [
        {"path": fault.path[:FAULT_CHARACTERS_MAX], "message": fault.message[:FAULT_CHARACTERS_MAX]}
        for fault in faults[:FAULTS_SHOWN_MAX]
    ]
    letter = dead_letter(record, {"reason": "malformed", "faults": told}, dead_topic)
    if "id" not in attributes or "source" not in attributes:
        return SetAside(letter)
    stamp = CommandStamp(
        source=attributes["source"],
        command_id=attributes["id"],
        type=attributes.get("type", UNKNOWN_TYPE),
        actor="",
        correlation_id=attributes.get("correlationid", attributes["id"]),
        place=_place(record),
    )
    message = "; ".join(f"{fault['path']}: {fault['message']}" for fault in told)[:FAULT_CHARACTERS_MAX]
    verdict = Verdict("malformed", "malformed", message, {"faults": told})
    return SetAside(letter, Answered(stamp, answer_key(record), verdict), _asked(read, stamp.type))


def _asked(read: CommandRecord, type_name: str) -> bytes | None:
    """Return the digest of a malformed command; None where it has no JSON, or nests too deep to be written."""
    try:
        return None if read.body is None else digest(type_name, read.data)
    except orjson.JSONEncodeError:
        return None


def answer_key(record: Record) -> bytes | None:
    """Return the key under which a record is answered: its own, cut where it is too long for any identifier."""
    return record.key and record.key[:CUT_BYTES]


def dead_letter(record: Record, reason: Mapping[str, object], dead_topic: str) -> Message:
    """Return the original record with where it came from and why; a tombstone is marked, and has an empty value.

    Of a record of more than ``LETTER_BYTES_MAX`` the beginning is kept, and a mark with its size: the rest is where it
    came from.
    """
    own = {
        "topic": record.topic.encode(),
        "partition": str(record.partition).encode(),
        "offset": str(record.offset).encode(),
        "reason": orjson.dumps(reason),
    }
    if record.value is None:
        own["tombstone"] = b"true"
    key, value = record.key, record.value or b""
    given = ((name, content or b"") for name, content in record.headers)
    headers = [header for header in given if not header[0].startswith(DEAD_HEADER_PREFIX)]  # nobody else's say why
    size = len(key or b"") + len(value) + sum(len(name.encode()) + len(content) for name, content in headers)
    if size > LETTER_BYTES_MAX:
        own["cut"] = str(size).encode()
        key, value, headers = answer_key(record), value[:CUT_BYTES], []
    headers += [(DEAD_HEADER_PREFIX + name, content) for name, content in own.items()]
    return Message(dead_topic, key, headers, value)

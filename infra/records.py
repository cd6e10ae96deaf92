"""What goes into the log and what comes out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from domain.values import dataclass

EVENT_NAMESPACE: Final = UUID("6f1d5d3e-3c7b-5b52-9a5f-0d2b1c0b7a11")
"""Namespace of event ids: they follow from command, stream and version, so that a retried append repeats them."""

VARIANT: Final = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}
"""By a digit of a hash, what stands in its place in a UUID: its two upper bits say the variant."""

LOST_FINGERPRINT: Final = bytes(32)
"""What is known of a command whose answer had to be made anew: nothing. Whatever comes under its id is its repeat."""

Headers = list[tuple[str, bytes]]
Status = Literal["accepted", "refused", "malformed"]


class StoredEvent(NamedTuple):
    """A row of ``rma_log.events``, in the order of its columns; times are in UTC."""

    position: int
    stream: str
    version: int
    event_id: UUID
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    command_id: str
    command_source: str
    correlation_id: str
    causation_id: str
    partition_key: str
    prev_hash: bytes
    hash: bytes
    sealed_key_id: str | None
    body: bytes


class EventRow(NamedTuple):
    """A row of ``rma_log.events`` that is about to be written: its id and its times are texts, times of RFC 3339."""

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    occurred_at: str
    recorded_at: str
    actor: str
    command_id: str
    command_source: str
    correlation_id: str
    causation_id: str
    partition_key: str
    prev_hash: bytes
    hash: bytes
    sealed_key_id: str | None
    body: bytes


class NewEvent(NamedTuple):
    """An event that a command led to, before the log gives it a position."""

    stream: str
    version: int
    type: str
    occurred_at: datetime
    partition_key: str
    body: bytes
    sealed_key_id: str | None = None
    """The key that its texts are sealed under; None: it holds none."""


@dataclass(frozen=True, slots=True)
class CommandStamp:
    """Who sent a command, and under which ids; every event and answer of the command carries it.

    ``causation_id`` is the id of the event that led to the command; None where the command names none. ``place`` is
    where its record lies (``partition:offset``): the answer says to which of several under one id it is.
    """

    source: str
    command_id: str
    type: str
    actor: str
    correlation_id: str
    causation_id: str | None = None
    place: str | None = field(default=None, compare=False)

    def event_id(self, stream: str, version: int) -> str:
        """Return the id of the event that this command adds to a stream, a UUID as text."""
        return derived_id(f"{self.source}\n{self.command_id}\n{stream}\n{version}".encode())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a command is answered; ``code`` and ``message`` are empty for an accepted one."""

    status: Status
    code: str | None = None
    message: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to publish beside the events."""

    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A command that this append decides: the answer uses up its id and is stored for ever.

    ``key`` is the Kafka key of the answer; ``fingerprint`` tells whether another command under this id asks the same.
    """

    stamp: CommandStamp
    key: bytes | None
    fingerprint: bytes
    verdict: Verdict
    events: list[NewEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answered:
    """A command that is answered and leaves nothing else behind: its id was used before, or it is malformed.

    ``answer`` holds the bytes of the first answer, the command of this same append whose answer is repeated, or what
    there is to say to this one alone.
    """

    stamp: CommandStamp
    key: bytes | None
    answer: bytes | Decided | Verdict


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that becomes a dead letter; ``answered`` is None where nobody can be answered.

    ``digest`` tells what a malformed command asks; None where that cannot be read.
    """

    letter: Message
    answered: Answered | None = None
    digest: bytes | None = None

    @property
    def id_key(self) -> tuple[str, str] | None:
        """The idempotency key, source and id, of a command that can be told from others; else None."""
        if self.answered is None or self.digest is None:
            return None
        return self.answered.stamp.source, self.answered.stamp.command_id


Entry = Decided | Answered | SetAside
"""What an append records of one handled record."""


class Outcome(NamedTuple):
    """The stored answer to a command: what was asked, as a fingerprint, and the bytes that answered it."""

    fingerprint: bytes
    result: bytes


class OutboxRow(NamedTuple):
    """A row of ``rma_log.outbox``."""

    seq: int
    topic: str
    key: bytes | None
    header_names: list[bytes]
    header_values: list[bytes]
    value: bytes

    @property
    def headers(self) -> Headers:
        return [(name.decode(), value) for name, value in zip(self.header_names, self.header_values, strict=True)]


def rfc3339(instant: datetime) -> str:
    """Return an instant in UTC as RFC 3339, to the microsecond where it has any."""
    return instant.astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"


def derived_id(content: bytes) -> str:
    """Return the UUID (version 5 of RFC 9562, as text) that follows from some content in our namespace.

    As ``uuid5`` does, in a quarter of its time: this is done four times a command.
    """
    digits = hashlib.sha1(EVENT_NAMESPACE.bytes + content, usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"

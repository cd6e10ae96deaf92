"""The chain of hashes through the log, which an auditor can verify from Kafka alone.

The hash of an event is the SHA-256 of, in this order: the previous event's hash (32 bytes; zeros before position 1);
one line ``name=value`` and a line feed for each CloudEvents attribute of the published event but ``prevhash``, without
the ``ce_`` prefix and sorted by name; one line ``key=`` with the record's key; an empty line; the body. Attributes
hold no control characters, so lines cannot be confused. To verify: sort all records of the events topic by
``position``, drop repeats, recompute each hash, and find it as the ``prevhash`` of the next position.

Answers have a chain of their own, in the order in which they were given (``seq``): the SHA-256 of the previous
answer's hash (zeros before the first), the lines ``seq= source= id= fingerprint= status=`` in this order, the
fingerprint in hex, an empty line, and the bytes of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from infra.envelope.cloudevents import OWN_SOURCE, event_attributes
from infra.records import CommandStamp, NewEvent, StoredEvent

FIRST_PREV_HASH: Final = bytes(32)
Answer = tuple[str, str, bytes, str, bytes]


def event_hash(event: StoredEvent) -> bytes:
    """Return the hash of an event from everything but its own ``hash`` field."""
    return chained_hash(event.prev_hash, event_attributes(event), event.partition_key, event.body)


def chained_hash(prev_hash: bytes, attributes: Iterable[tuple[str, str]], key: str, body: bytes) -> bytes:
    """Return the hash of an event with these attributes (sorted by name, without ``prevhash``), key and body."""
    lines = "".join([f"{name}={value}\n" for name, value in attributes])
    return hashlib.sha256(b"".join((prev_hash, f"{lines}key={key}\n\n".encode(), body))).digest()


class CommandChain:
    """Hashes the events that one command leads to, all they have in common written once; as ``event_hash`` does.

    Args:
        stamp: The command's.
        recorded_at: When its events are recorded, as text.
    """

    __slots__ = ("_actor", "_command", "_recorded_at")

    def __init__(self, stamp: CommandStamp, recorded_at: str) -> None:
        self._actor = f"actor={stamp.actor}\ncausationid="
        self._command = (
            f"\ncommandid={stamp.command_id}\ncommandsource={stamp.source}\ncorrelationid={stamp.correlation_id}\nid="
        )
        self._recorded_at = f"\nrecordedat={recorded_at}\n"

    def hash(  # noqa: PLR0917 - what an event has beside what it is made of
        self, prev_hash: bytes, event: NewEvent, event_id: str, position: int, occurred_at: str, causation_id: str
    ) -> bytes:
        """Return the hash of an event at its position."""
        sealed = "" if event.sealed_key_id is None else f"sealedkeyid={event.sealed_key_id}\n"
        lines = (
            f"{self._actor}{causation_id}{self._command}{event_id}\nposition={position}{self._recorded_at}{sealed}"
            f"source={OWN_SOURCE}\nspecversion=1.0\nstreamversion={event.version}\nsubject={event.stream}\n"
            f"time={occurred_at}\ntype={event.type}\nkey={event.partition_key}\n\n"
        )
        return hashlib.sha256(b"".join((prev_hash, lines.encode(), event.body))).digest()


def outcome_hash(prev_hash: bytes, seq: int, outcome: Answer) -> bytes:
    """Return the chain hash of an answer: source and id of its command, fingerprint, status, and the bytes."""
    source, command_id, fingerprint, status, result = outcome
    lines = f"seq={seq}\nsource={source}\nid={command_id}\nfingerprint={fingerprint.hex()}\nstatus={status}\n\n"
    return hashlib.sha256(b"".join((prev_hash, lines.encode(), result))).digest()

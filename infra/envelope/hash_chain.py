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

from infra.envelope.cloudevents import event_attributes
from infra.records import StoredEvent

FIRST_PREV_HASH: Final = bytes(32)
Answer = tuple[str, str, bytes, str, bytes]


def event_hash(event: StoredEvent) -> bytes:
    """Return the hash of an event from everything but its own ``hash`` field."""
    return chained_hash(event.prev_hash, event_attributes(event), event.partition_key, event.body)


def chained_hash(prev_hash: bytes, attributes: Iterable[tuple[str, str]], key: str, body: bytes) -> bytes:
    """Return the hash of an event with these attributes (sorted by name, without ``prevhash``), key and body."""
    lines = "".join([f"{name}={value}\n" for name, value in attributes])
    return hashlib.sha256(b"".join((prev_hash, f"{lines}key={key}\n\n".encode(), body))).digest()


def outcome_hash(prev_hash: bytes, seq: int, outcome: Answer) -> bytes:
    """Return the chain hash of an answer: source and id of its command, fingerprint, status, and the bytes."""
    source, command_id, fingerprint, status, result = outcome
    lines = f"seq={seq}\nsource={source}\nid={command_id}\nfingerprint={fingerprint.hex()}\nstatus={status}\n\n"
    return hashlib.sha256(b"".join((prev_hash, lines.encode(), result))).digest()

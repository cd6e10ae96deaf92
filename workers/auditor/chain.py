"""The events of the log, one after the other: no position left out, none twice, each hash led to by the one before."""

from __future__ import annotations

import hashlib

from infra.envelope.cloudevents import event_attributes
from infra.envelope.hash_chain import FIRST_PREV_HASH
from infra.records import StoredEvent
from workers.auditor.faults import AuditFault, FaultFoundError, What


class EventChain:
    """Follows the chain of hashes.

    Args:
        position: The event behind which to begin, whose hash is ``last_hash``.
    """

    def __init__(self, position: int = 0, last_hash: bytes = FIRST_PREV_HASH) -> None:
        self.position, self.hash = position, last_hash

    def take(self, event: StoredEvent) -> bytes:
        """Check the next event and return what is hashed of it but the hash before it; raises ``FaultFoundError``."""
        if event.position != self.position + 1:
            self._refuse_position(event)
        if event.prev_hash != self.hash:
            raise FaultFoundError(_at("chain_broken", event.position, self.hash.hex(), event.prev_hash.hex()))
        hashed = hashed_of(event)
        chained = hashlib.sha256(self.hash + hashed).digest()
        if chained != event.hash:
            raise FaultFoundError(_at("event_changed", event.position, event.hash.hex(), chained.hex()))
        self.position, self.hash = event.position, chained
        return hashed

    def _refuse_position(self, event: StoredEvent) -> None:
        if event.position <= self.position:
            raise FaultFoundError(_at("event_extra", event.position, None, f"another {event.type} at the position"))
        missing = self.position + 1
        raise FaultFoundError(_at("event_missing", missing, "an event", f"position {event.position} next"))


def hashed_of(event: StoredEvent) -> bytes:
    """Return the bytes that an event adds to the chain: attributes, key, body."""
    lines = "".join([f"{name}={value}\n" for name, value in event_attributes(event)])
    return f"{lines}key={event.partition_key}\n\n".encode() + event.body


def _at(what: What, position: int, expected: str | None, found: str | None) -> AuditFault:
    return AuditFault(what, {"position": position}, expected, found, position)

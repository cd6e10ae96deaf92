"""Proofs for others: that an event is in the log that was signed, and that an older checkpoint is its beginning."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from psycopg import Connection

from domain.errors import RmaError
from infra.envelope.cloudevents import event_headers
from infra.log.auditing import event_at, event_of_id
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note
from infra.records import StoredEvent


class NotSignedYetError(RmaError):
    """No checkpoint covers the event."""

    code = "not_signed_yet"

    def __init__(self, position: int, signed_to: int, signed_at: datetime | None) -> None:
        last = f"the last one, of {signed_at}, covers {signed_to:,}" if signed_at else "there is none"
        super().__init__(
            f"position {position:,} is in no checkpoint yet ({last}); the auditor signs within a minute, if it runs"
        )


class UnknownEventError(RmaError):
    """The log holds no such event."""

    code = "unknown_event"

    def __init__(self, asked: str) -> None:
        super().__init__(f"the log holds no event {asked}; name it by its id or its position")


class PublishedEvent(TypedDict):
    """An event as it is published, to the last byte: ``body`` is base64."""

    key: str
    headers: dict[str, str]
    body: str


class InclusionProof(TypedDict):
    """What shows that an event is in a log that was signed; hashes are hex."""

    event: PublishedEvent
    prevhash: str
    leaf_index: int
    tree_size: int
    inclusion: list[str]
    checkpoint: str


ConsistencyProof = TypedDict(
    "ConsistencyProof", {"from": int, "to": int, "proof": list[str], "older": str, "checkpoint": str}
)
"""What shows that a log which was signed is the beginning of another; hashes are hex."""


def published_event(event: StoredEvent) -> PublishedEvent:
    """Return an event as it is published."""
    headers = {name: value.decode() for name, value in event_headers(event)}
    return {"key": event.partition_key, "headers": headers, "body": base64.b64encode(event.body).decode()}


def find_event(connection: Connection, asked: str) -> StoredEvent:
    """Return an event by its id or its position; raises ``UnknownEventError``."""
    found = None
    if asked.isdecimal():
        found = event_at(connection, int(asked))
    else:
        try:
            found = event_of_id(connection, UUID(asked))
        except ValueError as no_id:
            raise UnknownEventError(asked) from no_id
    if found is None:
        raise UnknownEventError(asked)
    return found


def prove(connection: Connection, event: StoredEvent) -> InclusionProof:
    """Return the proof of an event in the newest checkpoint; raises ``NotSignedYetError``."""
    newest = store.newest(connection)
    if newest is None or newest.tree_size < event.position:
        signed_to, signed_at = (newest.tree_size, newest.signed_at) if newest else (0, None)
        raise NotSignedYetError(event.position, signed_to, signed_at)
    return proof_in(connection, event, newest)


def proof_in(connection: Connection, event: StoredEvent, signed: store.SignedCheckpoint) -> InclusionProof:
    """Return the proof of an event in a checkpoint that covers it."""
    nodes = store.tree_of(connection, signed.tree_size).inclusion(event.position - 1)
    return {
        "event": published_event(event),
        "prevhash": event.prev_hash.hex(),
        "leaf_index": event.position - 1,
        "tree_size": signed.tree_size,
        "inclusion": [node.hex() for node in nodes],
        "checkpoint": signed.note,
    }


def prove_consistency(connection: Connection, older_note: str) -> ConsistencyProof:
    """Return what shows that an older checkpoint is the beginning of the newest.

    Raises:
        NoteUnreadableError: The older one is no checkpoint of ours.
        ProofError: It is of an empty log, or of a longer one than the newest.
    """
    older = Checkpoint.parse(Note.parse(older_note).text)
    newest = store.newest(connection)
    size = newest.tree_size if newest else 0
    nodes = store.tree_of(connection, size).consistency(older.tree_size)
    return {
        "from": older.tree_size,
        "to": size,
        "proof": [node.hex() for node in nodes],
        "older": older_note,
        "checkpoint": newest.note if newest else "",
    }

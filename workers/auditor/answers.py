"""The answers, held against their chain of hashes and against the events that they name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson
from psycopg import Connection

from infra.envelope.hash_chain import FIRST_PREV_HASH, outcome_hash
from infra.log.auditing import StoredOutcome, is_answered, outcomes_after
from infra.records import StoredEvent
from workers.auditor.faults import AuditFault, FaultFoundError

PAGE_ROWS: Final = 5_000


class _Named(NamedTuple):
    """An event as the answer to its command names it."""

    position: int
    event_id: str
    stream: str
    version: int
    type: str
    source: str
    command_id: str


class Anchor(NamedTuple):
    """What a signed checkpoint says of the answers: how many there were, and the chain hash of the last one."""

    seq: int
    hash: bytes
    tree_size: int


class AnswerChain:
    """The answers in the order in which they were given, each checked as it is met.

    Events and answers are written by the same append and in the same order, so both are read once, side by side.

    Args:
        connection: To the log.
        seq: The answer behind which to begin, whose chain hash is ``last_hash``.
        position: The event behind which the events begin that are told here.
        signed_to: The last position that a signed checkpoint covers: what lies up to there was once answered.
        anchors: What signed checkpoints say of the answers behind ``seq``, in their order.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        seq: int = 0,
        last_hash: bytes = FIRST_PREV_HASH,
        position: int = 0,
        signed_to: int = 0,
        anchors: Iterator[Anchor] | None = None,
    ) -> None:
        self.seq, self.hash = seq, last_hash
        self._connection = connection
        self._position = position
        self._signed_to = signed_to
        self._read_to = (seq, last_hash)
        self._page: deque[StoredOutcome] = deque()
        self._named: deque[_Named] = deque()
        self._anchors = anchors or iter(())
        self._anchor = next(self._anchors, None)

    def expect(self, event: StoredEvent) -> None:
        """Hold the next event of the log against the answer that names it; raises ``FaultFoundError``."""
        if not self._named and not self._advance(event):
            raise FaultFoundError(self._unanswered(event))
        named, given = self._named[0], _named_by(event)
        if named == given:
            self._named.popleft()
            self._position = event.position
            if not self._named:
                self.seq, self.hash = self._read_to
        elif named.position > event.position:
            raise FaultFoundError(_nameless(event))
        else:
            raise FaultFoundError(_differs(named, given))

    def pass_eventless(self) -> None:
        """Go on behind answers without events, up to the first that names one; raises ``FaultFoundError``."""
        if not self._named:
            self._advance(None)

    def left_over(self) -> AuditFault | None:
        """Return the first event that an answer names and that the log does not hold, once all of it was told."""
        self.pass_eventless()
        if not self._named:
            return self._anchor_out_of_reach()
        named = self._named[0]
        said = f"{named.type}, as the answer to {named.command_id} of {named.source} names it"
        return AuditFault("event_missing", {"position": named.position}, said, None, named.position)

    def _advance(self, event: StoredEvent | None) -> bool:
        """Read on to the next answer that names events, and tell whether there is one."""
        while (outcome := self._peek()) is not None:
            self._page.popleft()
            self._read_to = (outcome.seq, self._checked(outcome, event))
            self._hold_against_anchors()
            self._named.extend(one for one in _names(outcome) if one.position > self._position)
            if self._named:
                return True
            self.seq, self.hash = self._read_to
        return False

    def _peek(self) -> StoredOutcome | None:
        if not self._page:
            self._page.extend(outcomes_after(self._connection, self._read_to[0], PAGE_ROWS))
        return self._page[0] if self._page else None

    def _checked(self, outcome: StoredOutcome, event: StoredEvent | None) -> bytes:
        """Return the chain hash of an answer once it was found to be what it was."""
        seq, last_hash = self._read_to
        position = self._position + 1
        if outcome.seq != seq + 1:
            found = f"answer {outcome.seq}"
            where = self._where_missing(seq + 1, event)
            raise FaultFoundError(AuditFault("outcome_missing", where, f"answer {seq + 1}", found, position))
        answer = (outcome.source, outcome.command_id, outcome.fingerprint, outcome.status, outcome.result)
        chained = outcome_hash(last_hash, outcome.seq, answer)
        if chained != outcome.hash:
            where = _place(outcome.source, outcome.command_id)
            raise FaultFoundError(AuditFault("outcome_changed", where, outcome.hash.hex(), chained.hex(), position))
        return chained

    def _where_missing(self, seq: int, event: StoredEvent | None) -> dict[str, int | str]:
        """Name an answer that is gone: by its command where an event says which, else by its place in their order."""
        if event is None or is_answered(self._connection, event.command_source, event.command_id):
            return {"seq": seq}
        return _place(event.command_source, event.command_id)

    def _hold_against_anchors(self) -> None:
        """Raise where the answers up to here are not those that were signed."""
        seq, chained = self._read_to
        while self._anchor is not None and self._anchor.seq <= seq:
            if (self._anchor.seq, self._anchor.hash) != (seq, chained):
                where = {"tree_size": self._anchor.tree_size}
                expected = f"{self._anchor.hash.hex()} after {self._anchor.seq} answers"
                raise FaultFoundError(
                    AuditFault("outcome_changed", where, expected, f"{chained.hex()} after {seq}", self._position)
                )
            self._anchor = next(self._anchors, None)

    def _anchor_out_of_reach(self) -> AuditFault | None:
        """Return what it means where a checkpoint counts more answers than there are."""
        seq = self._read_to[0]
        if self._anchor is None or self._anchor.seq <= seq:
            return None
        said = f"{self._anchor.seq} answers, as the checkpoint of tree size {self._anchor.tree_size} says"
        return AuditFault("outcome_missing", {"seq": seq + 1}, said, f"{seq} answers", self._position)

    def _unanswered(self, event: StoredEvent) -> AuditFault:
        """Return what is wrong where no answer is left: the event is one too many, or its answer is gone."""
        if event.position > self._signed_to:
            return _nameless(event)
        where = _place(event.command_source, event.command_id)
        return AuditFault(
            "outcome_missing", where, f"the answer that names position {event.position}", None, event.position
        )


def _names(outcome: StoredOutcome) -> Iterator[_Named]:
    """Yield the events that an accepted answer names; one that cannot be read names none, and its hash told so."""
    if outcome.status != "accepted":
        return
    for told in orjson.loads(outcome.result)["events"]:
        yield _Named(
            told["position"],
            told["id"],
            told["stream"],
            told["version"],
            told["type"],
            outcome.source,
            outcome.command_id,
        )


def _named_by(event: StoredEvent) -> _Named:
    return _Named(
        event.position,
        str(event.event_id),
        event.stream,
        event.version,
        event.type,
        event.command_source,
        event.command_id,
    )


def _place(source: str, command_id: str) -> dict[str, int | str]:
    return {"source": source, "id": command_id}


def _nameless(event: StoredEvent) -> AuditFault:
    said = f"{event.type}, which no answer names"
    return AuditFault("event_extra", {"position": event.position}, None, said, event.position)


def _differs(named: _Named, given: _Named) -> AuditFault:
    """Return the fault of an event that its chain of hashes bears and that no answer named like this."""
    return AuditFault("event_changed", {"position": given.position}, _said(named), _said(given), given.position)


def _said(one: _Named) -> str:
    return f"{one.type} as version {one.version} of {one.stream} at position {one.position} with id {one.event_id}"

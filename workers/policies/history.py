"""Every return ever requested, from the log: what was asked, and what policy decided on each line, as stored.

Bodies are read without building aggregates, stream by stream: hundreds of thousands of returns are looked
through in one pass, and memory holds one page of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError

from domain.policy.facts import Facts
from domain.policy.statutes import FIRST, LawPin
from domain.rma import Rma
from domain.units import UnitRun
from infra.envelope.codec import Codec, UnreadableEventError
from infra.log.event_log import EventLog
from infra.log.queries import StreamPlace, StreamRow, read_streams

STREAM_PREFIX: Final = "rma/"
STREAMS_END: Final = "rma0"
"""The text after every stream of a return."""
PAGE_EVENTS_MAX: Final = 5_000
# the last one is an authorization that waits until the customer has answered what is offered instead
DECIDED: Final = (Rma.Authorized, Rma.Denied, Rma.ReviewAsked, Rma.RemedyOffered)


class StoredFees(BaseModel):
    """The fees of a stored decision, as far as they bear on what goes back."""

    restocking_bps: int
    return_shipping_minor: int
    waived_for: tuple[str, ...]
    fee_free: bool
    on_exchange: bool = False


class StoredRemedy(BaseModel):
    """What a stored decision offers before an authorization."""

    kind: str


class StoredDecision(BaseModel):
    """A stored decision without its reasons, which are read only where they are asked for."""

    outcome: str
    codes: tuple[str, ...]
    method: str
    refund_due: str
    refunds_outward_shipping: bool
    grade_share_bps: dict[str, int] = {}
    promotions: str = "keep"
    remedy: StoredRemedy | None
    fees: StoredFees
    statutes: tuple[str, ...]
    law: LawPin | None = None
    facts: Facts

    @property
    def edition(self) -> int:
        """The edition of the statutes that it was made under."""
        return FIRST if self.law is None else self.law.edition


class DecidedLine(BaseModel):
    """One line of a decision event: the units, and what was decided on them."""

    line: int
    runs: tuple[UnitRun, ...]
    decision: StoredDecision


class _Body(BaseModel):
    lines: tuple[DecidedLine, ...]


@dataclass
class DecisionEvent:
    """What one event decided: its body as today's version would have stored it."""

    position: int
    body: bytes
    is_upcast: bool = False
    """Whether other bytes were stored: those of an older version."""

    @cached_property
    def lines(self) -> tuple[DecidedLine, ...]:
        """The lines decided; raises ``UnreadableEventError`` where the stored body was damaged."""
        try:
            return _Body.model_validate_json(self.body).lines
        except ValidationError as damaged:
            raise UnreadableEventError(f"the event at position {self.position} is damaged: {damaged}") from damaged

    @cached_property
    def decisions(self) -> list[dict[str, Any]]:
        """The decisions of the lines in full, as JSON values."""
        return [line["decision"] for line in orjson.loads(self.body)["lines"]]

    def decided_by(self, line: DecidedLine) -> str:
        """Return which rule, window, statute or offers decided a line, as its stored trace has it."""
        trace = self.decisions[self.lines.index(line)]["trace"]
        return str(next(record["decided_by"] for record in trace if record["kind"] == "outcome"))


@dataclass(slots=True)
class DecidedReturn:
    """One return: the fields of its request as JSON values, and what was decided on it."""

    stream: str
    asked: dict[str, Any]
    events: list[DecisionEvent] = field(default_factory=list)

    def last_decisions(self) -> dict[int, tuple[DecisionEvent, DecidedLine]]:
        """Return the decision that stands on each line by its number: a corrected request was decided anew."""
        lines = {line.line: (event, line) for event in self.events for line in event.lines}
        return dict(sorted(lines.items()))


def decided_returns(
    log: EventLog, codec: Codec, low: str = STREAM_PREFIX, high: str = STREAMS_END
) -> Iterator[DecidedReturn]:
    """Yield the returns whose streams are from ``low`` on and before ``high``, in the order of their streams.

    Raises:
        UnreadableEventError: The log holds a type of event that this version does not know, or a damaged request.
    """
    types = codec.types_of(Rma.Requested, *DECIDED)
    after = StreamPlace(low)
    current: DecidedReturn | None = None
    while True:  # bounded: each page begins after the one before it
        rows = read_streams(log.connection, after, high, types, PAGE_EVENTS_MAX)
        for row in rows:
            kind = codec.class_of(row.type)
            if row.body is None:
                continue
            _, body = codec.newest(row.type, row.body)
            if kind is Rma.Requested:
                if current is not None:
                    yield current
                current = DecidedReturn(row.stream, _asked(row, body))
            elif current is not None:
                current.events.append(DecisionEvent(row.position, body, is_upcast=body is not row.body))
        if len(rows) < PAGE_EVENTS_MAX:
            break
        after = rows[-1].place
    if current is not None:
        yield current


def _asked(row: StreamRow, body: bytes) -> dict[str, Any]:
    try:
        asked: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError as damaged:
        raise UnreadableEventError(f"the event at position {row.position} is damaged: {damaged}") from damaged
    return asked

"""Every return ever requested, from the log: what was asked, and what policy decided on each line, as stored.

Bodies are read without building aggregates, stream by stream: hundreds of thousands of returns are looked
through in one pass, and memory holds one page of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson
from pydantic import BaseModel

from domain.policy.facts import Facts
from domain.rma import Rma
from domain.units import UnitRun
from infra.log.event_log import EventLog

STREAM_PREFIX: Final = "rma/"
STREAMS_END: Final = "rma0"
"""The text after every stream of a return."""
PAGE_EVENTS_MAX: Final = 5_000
REQUESTED: Final = Rma.Requested.TOPIC
DECIDED: Final = (
    Rma.Authorized.TOPIC,
    Rma.Denied.TOPIC,
    Rma.ReviewAsked.TOPIC,
    "rma.Rma.RemedyOffered.v1",  # an authorization that waits until the customer has answered what is offered instead
)
REASONS_BEGIN: Final = b',"trace":['
REASONS_END: Final = b'],"flips":'
"""Between these a stored decision has its trace. Inside a JSON text their quotes would be escaped, so they stand only
where they are keys."""
DECIDED_BY: Final = re.compile(rb'"decided_by":("(?:[^"\\]|\\.)*")')
PAGE: Final = """
    SELECT stream, version, position, type, body FROM rma_log.events
    WHERE (stream, version) > (%s, %s) AND stream < %s AND type = ANY(%s)
    ORDER BY stream, version LIMIT %s
"""


class StoredFees(BaseModel):
    """The fees of a stored decision, as far as they bear on what goes back."""

    restocking_bps: int
    return_shipping_minor: int
    waived_for: tuple[str, ...]
    fee_free: bool


class StoredRemedy(BaseModel):
    """What a stored decision offers before an authorization."""

    kind: str


class StoredDecision(BaseModel):
    """A stored decision without its reasons, which are most of its bytes and are read only where they are asked for."""

    outcome: str
    codes: tuple[str, ...]
    method: str
    refund_due: str
    refunds_outward_shipping: bool
    remedy: StoredRemedy | None
    fees: StoredFees
    statutes: tuple[str, ...]
    facts: Facts


class DecidedLine(BaseModel):
    """One line of a decision event: the units, and what was decided on them."""

    line: int
    runs: tuple[UnitRun, ...]
    decision: StoredDecision


class _Body(BaseModel):
    lines: tuple[DecidedLine, ...]


@dataclass
class DecisionEvent:
    """What one event decided, and its bytes."""

    position: int
    type: str
    body: bytes

    @cached_property
    def lines(self) -> tuple[DecidedLine, ...]:
        """The lines decided; raises ``pydantic.ValidationError`` where the stored body was damaged."""
        return _Body.model_validate_json(without_traces(self.body)).lines

    def decided_by(self, line: DecidedLine) -> str:
        """Return which rule, window, statute or offers decided a line, as its stored trace has it."""
        names = DECIDED_BY.findall(self.body)  # one in each line's trace
        return str(orjson.loads(names[self.lines.index(line)]))


def without_traces(body: bytes) -> bytes:
    """Return the JSON of a decision event without its traces: most of its bytes, and seldom asked for."""
    kept, at = [], 0
    while (begin := body.find(REASONS_BEGIN, at)) >= 0 and (end := body.find(REASONS_END, begin)) >= 0:
        kept.append(body[at:begin])
        at = end + 1
    return b"".join((*kept, body[at:]))


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


def decided_returns(log: EventLog, low: str = STREAM_PREFIX, high: str = STREAMS_END) -> Iterator[DecidedReturn]:
    """Yield the returns whose streams are from ``low`` on and before ``high``, in the order of their streams."""
    after: tuple[str, int] = (low, 0)
    current: DecidedReturn | None = None
    types = [REQUESTED, *DECIDED]
    while True:  # bounded: each page begins after the one before it
        query = (*after, high, types, PAGE_EVENTS_MAX)
        rows = log.connection.execute(PAGE, query, prepare=True, binary=True).fetchall()
        for stream, _, position, type_name, body in rows:
            if type_name == REQUESTED:
                if current is not None:
                    yield current
                current = DecidedReturn(stream, orjson.loads(body))
            elif current is not None:
                current.events.append(DecisionEvent(position, type_name, body))
        if len(rows) < PAGE_EVENTS_MAX:
            break
        after = (rows[-1][0], rows[-1][1])
    if current is not None:
        yield current

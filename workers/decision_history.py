"""Every return ever requested, from the log: what was asked, and what policy decided on each line, as stored.

Bodies are read as JSON without building aggregates, stream by stream: hundreds of thousands of returns are looked
through in one pass, and memory holds one page of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from domain.rma import Rma
from infra.event_log import EventLog

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
PAGE: Final = """
    SELECT stream, version, position, type, body FROM rma_log.events
    WHERE (stream, version) > (%s, %s) AND stream < %s AND type = ANY(%s)
    ORDER BY stream, version LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class DecisionEvent:
    """What one event decided: its lines as JSON values, and its bytes."""

    position: int
    type: str
    body: bytes
    lines: list[dict[str, Any]]


@dataclass(slots=True)
class DecidedReturn:
    """One return: the fields of its request as JSON values, and what was decided on it."""

    stream: str
    asked: dict[str, Any]
    events: list[DecisionEvent] = field(default_factory=list)

    def last_decisions(self) -> dict[int, dict[str, Any]]:
        """Return the decision that stands on each line by its number: a corrected request was decided anew."""
        lines = {line["line"]: line for event in self.events for line in event.lines}
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
                current.events.append(DecisionEvent(position, type_name, body, orjson.loads(body)["lines"]))
        if len(rows) < PAGE_EVENTS_MAX:
            break
        after = (rows[-1][0], rows[-1][1])
    if current is not None:
        yield current

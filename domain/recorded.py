"""An event as the log recorded it: the fact, and everything around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.fact import Fact


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event of the log with its envelope; ``body`` holds the stored JSON, ``fact`` the decoded event.

    ``position`` is the place in the whole log (1, 2, … without gaps), ``version`` the place in the stream. Decoding
    waits until somebody asks for ``fact``, so that a reader pays only for the types it wants.
    """

    event_id: UUID
    stream: str
    version: int
    position: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    command_id: str
    correlation_id: str
    causation_id: str
    partition_key: str
    body: bytes
    decode: Callable[[RecordedEvent], Fact] = field(repr=False, compare=False)
    _fact: Fact | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def fact(self) -> Fact:
        """The event object; decoded once, upcast if its type is an old one."""
        if self._fact is None:
            object.__setattr__(self, "_fact", self.decode(self))
        assert self._fact is not None  # noqa: S101 - assigned above; for the type checker
        return self._fact

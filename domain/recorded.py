"""An event as the log recorded it: the fact, and everything around it."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.fact import Fact
from domain.values import dataclass

FactClass = type[Fact]


class EventReader(Protocol):
    """Reads stored events of every version."""

    def class_of(self, type_name: str) -> FactClass:
        """Return the class of a stored type, old or new."""

    def decode_recorded(self, event: RecordedEvent) -> Fact:
        """Return the event object, upcast if its type is an old one."""

    def newest(self, type_name: str, body: bytes) -> tuple[str, bytes]:
        """Return type and body as today's version would have stored them."""

    def decode_marked(self, event: RecordedEvent) -> Fact:
        """Return the event object with a mark in the place of each sealed text."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event of the log with its envelope; ``body`` holds the stored JSON, ``fact`` the decoded event.

    ``position`` is the place in the whole log (1, 2, … without gaps), ``version`` the place in the stream. Decoding
    waits until somebody asks for ``fact``, so that a reader pays only for those it wants. It chooses them by ``kind``,
    never by ``type``: that names one version, and events of an older one count the same.
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
    reader: EventReader = field(repr=False, compare=False)
    sealed_key_id: str | None = None
    """The key that its texts are sealed under; None: they are as they were written, or there are none."""
    _fact: Fact | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def kind(self) -> FactClass:
        """The class of the fact, whichever version of it was stored."""
        return self.reader.class_of(self.type)

    @property
    def newest(self) -> tuple[str, bytes]:
        """Type and body as today's version would have stored them: what the contract describes."""
        return self.reader.newest(self.type, self.body)

    @property
    def marked(self) -> Fact:
        """The event object as it is put into words: in the place of a sealed text it says ``(sealed)``."""
        return self.fact if self.sealed_key_id is None else self.reader.decode_marked(self)

    @property
    def fact(self) -> Fact:
        """The event object; decoded once, upcast if its type is an old one."""
        if self._fact is None:
            object.__setattr__(self, "_fact", self.reader.decode_recorded(self))
        assert self._fact is not None  # noqa: S101 - assigned above; for the type checker
        return self._fact

    def forget(self) -> None:
        """Let the decoded event go, which takes several times the memory of its body."""
        object.__setattr__(self, "_fact", None)

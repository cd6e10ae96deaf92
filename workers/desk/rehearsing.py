"""What a command would bring about, before it is sent: played through its real handler, and never written."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from commands import dispatch
from commands.metadata import Meta, parse_actor
from commands.streams import Streams
from domain.fact import AggregateRoot, Fact
from infra.envelope.codec import topic_of
from workers.runtime.every_event import make_codec

REHEARSAL: Final = "rehearsal"
"""The id of a command that is never sent."""


class RehearsedStreams(Streams, Protocol):
    """Streams on which a command can be played, looked at, and taken back."""

    def uncommitted(self) -> list[tuple[AggregateRoot, Fact]]:
        """Return what was played, causes before their effects."""

    def refuse(self) -> None:
        """Forget everything that was played."""


class Played(NamedTuple):
    """A fact that would be recorded: its type, and its body as JSON values."""

    type: str
    data: dict[str, Any]


class Intended(NamedTuple):
    """A command that somebody means to send: its type, body, source, actor, and when."""

    type: str
    body: bytes
    source: str
    actor: str
    at: datetime


def rehearse(intended: Intended, streams: RehearsedStreams) -> list[Played]:
    """Return the facts that a command would bring about now; ``streams`` are left as they were.

    Raises:
        MalformedError: The body does not fit its command.
        RuleViolationError: It would be refused.
    """
    command = dispatch.parse(intended.type, intended.body)
    meta = Meta(REHEARSAL, intended.source, intended.type, intended.at, *parse_actor(intended.actor))
    codec = make_codec()
    try:
        dispatch.handle(command, meta, streams, now=intended.at)
        return [Played(topic_of(type(fact)), orjson.loads(codec.encode(fact))) for _, fact in streams.uncommitted()]
    finally:
        streams.refuse()

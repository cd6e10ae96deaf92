"""Which edition of the law requests are decided under."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from commands.fields import Body, Instant
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams, find_statutes
from domain.policy.statute_book import StatuteBook

EDITION_MAX: Final = 10_000


class PublishStatutes(Body):
    """Publish an edition of the statutes, for requests from ``effective_from`` on; the key is `statutes`."""

    edition: Annotated[int, Field(ge=1, le=EDITION_MAX)]
    effective_from: Instant


@handles(PublishStatutes, by="system agent")
def publish_statutes(command: PublishStatutes, meta: Meta, streams: Streams) -> None:
    book = find_statutes(streams)
    if book is None:
        streams.add(StatuteBook.publish(command.edition, command.effective_from, meta.occurred_at))
    else:
        book.revise(command.edition, command.effective_from, meta.occurred_at)

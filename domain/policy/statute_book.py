"""Which edition of the statutes requests are decided under, and from when on: published like policies, for everyone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Self

from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import STATUTES_STREAM
from domain.policy.statutes import EDITIONS, FIRST, edition_numbered
from domain.policy.statutes.errors import (
    EditionEffectiveDateError,
    EditionOlderError,
    EditionPublishedError,
    UnknownEditionError,
)
from domain.values import dataclass

PARTITION_KEY: Final = "statutes"
EDITION_PATH: Final = "$.edition"
"""The place in a command that names an edition which cannot be published."""


@dataclass(frozen=True)
class PublishedEdition:
    """One edition as its event tells it."""

    edition: int
    content_hash: str
    effective_from: datetime


class StatuteBook(AggregateRoot):
    """The editions of the statutes that were published, in the order in which they take effect."""

    TOPIC = "rma.StatuteBook"

    class Event(Fact): ...

    class Published(Event, FirstFact):
        """The first edition that was published; requests before ``effective_from`` are decided under edition 1."""

        TOPIC = "rma.StatuteBook.Published.v1"
        edition: int
        content_hash: str
        effective_from: datetime

    class Revised(Event):
        """A later edition, for requests from its own instant on."""

        TOPIC = "rma.StatuteBook.Revised.v1"
        edition: int
        content_hash: str
        effective_from: datetime

        def apply(self, aggregate: StatuteBook) -> None:
            aggregate.published.append(PublishedEdition(self.edition, self.content_hash, self.effective_from))

    def __init__(self, edition: int, content_hash: str, effective_from: datetime) -> None:
        self.published = [PublishedEdition(edition, content_hash, effective_from)]

    @property
    def partition_key(self) -> str:
        """Return the key under which its events are published."""
        return PARTITION_KEY

    @classmethod
    def publish(cls, edition: int, effective_from: datetime, at: datetime) -> Self:
        """Publish the first edition; raises ``UnknownEditionError``."""
        content_hash = _hash_of(edition)
        return cls._create(
            cls.Published,
            id=STATUTES_STREAM,
            timestamp=at,
            edition=edition,
            content_hash=content_hash,
            effective_from=effective_from,
        )

    def revise(self, edition: int, effective_from: datetime, at: datetime) -> None:
        """Publish a later edition; the newest told again as it was says nothing new.

        Raises:
            UnknownEditionError: There is none of this number.
            EditionPublishedError: It was published already, from another instant on.
            EditionOlderError: It is older than the newest published.
            EditionEffectiveDateError: It would take effect no later than the one before it.
        """
        content_hash = _hash_of(edition)
        latest = self.published[-1]
        for known in self.published:
            if known.edition == edition:
                if known.effective_from != effective_from:
                    raise EditionPublishedError(
                        f"edition {edition} is published already",
                        path=EDITION_PATH,
                        edition=edition,
                        effective_from=_text(known),
                    )
                return
        if edition < latest.edition:
            raise EditionOlderError(
                f"edition {latest.edition} is published already",
                path=EDITION_PATH,
                edition=edition,
                newest=latest.edition,
            )
        if effective_from <= latest.effective_from:
            raise EditionEffectiveDateError(
                "an edition must take effect later than those before it",
                path="$.effective_from",
                effective_from=effective_from.astimezone(UTC).isoformat(),
                latest=_text(latest),
                edition=latest.edition,
            )
        self.trigger_event(
            self.Revised, timestamp=at, edition=edition, content_hash=content_hash, effective_from=effective_from
        )

    def edition_for(self, requested_at: datetime) -> int:
        """Return the number of the newest edition in effect at a request's time, else of the first."""
        return next((told.edition for told in reversed(self.published) if told.effective_from <= requested_at), FIRST)


def _hash_of(edition: int) -> str:
    if edition not in EDITIONS:
        raise UnknownEditionError(
            f"there is no edition {edition} of the statutes", path=EDITION_PATH, editions=list(EDITIONS)
        )
    return edition_numbered(edition).hash


def _text(told: PublishedEdition) -> str:
    return told.effective_from.astimezone(UTC).isoformat()

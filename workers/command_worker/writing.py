"""From facts to the events that record them: bodies as JSON, texts sealed, nothing larger than the topic takes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import EventTooLargeError
from domain.fact import AggregateRoot, Fact
from infra.envelope.codec import Codec, topic_of
from infra.kafka.record_batch import fits_record
from infra.records import Decided, NewEvent
from workers.command_worker.sealing import Sealing
from workers.command_worker.streams import Facts


class TooLargeAmongOthersError(Exception):
    """One of several commands brought about an event that is too large: each has to be decided on its own."""


class Writing:
    """Writes facts down as events.

    Args:
        codec: Knows every event class.
        sealing: Seals their texts.
    """

    def __init__(self, codec: Codec, sealing: Sealing) -> None:
        self._codec = codec
        self._sealing = sealing

    def refuse_too_large(self, facts: Facts) -> None:
        """Raise ``EventTooLargeError`` where the topic would not take one of these."""
        refuse_too_large(self._sealed(facts, self._plain(facts)))

    def write_down(self, brought_about: Sequence[tuple[Decided, Facts]]) -> None:
        """Give commands the events that record what they brought about: first all bodies, then all texts sealed.

        Command by command it takes twice the time: by turns with the rules of returns, and with one another, neither
        stays in the processor's caches.

        Raises:
            TooLargeAmongOthersError: The topic would not take one of them.
        """
        bodies = [self._plain(facts) for _, facts in brought_about]
        for (decided, facts), plain in zip(brought_about, bodies, strict=True):
            decided.events.extend(self._sealed(facts, plain))
            try:
                refuse_too_large(decided.events)
            except EventTooLargeError as too_large:
                raise TooLargeAmongOthersError from too_large

    def _plain(self, facts: Facts) -> list[NewEvent]:
        return [self._event(aggregate, fact) for aggregate, fact in facts]

    def _sealed(self, facts: Facts, events: Sequence[NewEvent]) -> list[NewEvent]:
        pairs = zip(facts, events, strict=True)
        return [self._sealing.sealed(event, aggregate.person) for (aggregate, _), event in pairs]

    def _event(self, aggregate: AggregateRoot, fact: Fact) -> NewEvent:
        return NewEvent(
            fact.originator_id,
            fact.originator_version,
            topic_of(type(fact)),
            fact.timestamp,
            aggregate.partition_key,
            self._codec.encode(fact),
        )


def refuse_too_large(events: Sequence[NewEvent]) -> None:
    """Raise ``EventTooLargeError`` for what the topic would not take: the relay would stand still at it for ever."""
    for event in events:
        if not fits_record(event.body):
            raise EventTooLargeError(event.type)

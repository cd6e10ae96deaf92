"""The aggregates that a batch of commands works on, and those kept between batches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple, Protocol

from eventsourcing.domain import OriginatorVersionError

from domain.fact import AggregateRoot, Fact
from infra.calendars import holidays_of
from infra.envelope.codec import Codec
from infra.log.event_log import ConcurrencyError, EventLog
from infra.records import NewEvent, StoredEvent

BODY_BYTES_CACHED_MAX: Final = 20 * 1024 * 1024
"""Bytes of event bodies behind the aggregates that are kept: in memory these take five to six times as much."""

Facts = list[tuple[AggregateRoot, Fact]]
"""What a command brought about, each fact with the aggregate whose it is."""


class Known(NamedTuple):
    """An aggregate, None where its stream has no facts, and the bytes of the bodies of the facts behind it."""

    aggregate: AggregateRoot | None
    body_bytes: int


UNKNOWN: Final = Known(None, 0)


class AggregateCache:
    """The aggregates used last, by stream. They are taken out to be worked on, and put back once that is recorded.

    What one takes in memory goes with what its facts hold: an order of a thousand lines counts as a thousand of one.
    """

    def __init__(self, body_bytes_max: int = BODY_BYTES_CACHED_MAX) -> None:
        self._body_bytes_max = body_bytes_max
        self._body_bytes = 0
        self._known: OrderedDict[str, Known] = OrderedDict()

    def take(self, stream: str) -> Known:
        """Return what is kept of a stream and forget it."""
        known = self._known.pop(stream, UNKNOWN)
        self._body_bytes -= known.body_bytes
        return known

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._body_bytes = 0

    def put(self, stream: str, known: Known) -> None:
        """Keep this one; those used longest ago make room."""
        self.take(stream)
        self._known[stream] = known
        self._body_bytes += known.body_bytes
        while self._body_bytes > self._body_bytes_max:
            _, gone = self._known.popitem(last=False)
            self._body_bytes -= gone.body_bytes


class Texts(Protocol):
    """Opens the texts of recorded events."""

    def opened(self, events: dict[str, list[StoredEvent]]) -> dict[str, list[StoredEvent]]:
        """Return the events of each stream with their texts as they were written."""

    def keys_of(self, person: str) -> tuple[str, ...]:
        """Return the names of the keys of a person's texts, as the vault has them now."""


class BatchStreams:
    """The streams of one batch, as the handlers see them. Without ``texts`` those that are sealed stay sealed.

    Aggregates leave the cache while the batch lasts; only ``keep`` puts them back, so that whatever goes wrong, no
    state that was never recorded survives.
    """

    def __init__(self, log: EventLog, codec: Codec, cache: AggregateCache, texts: Texts | None = None) -> None:
        self._log = log
        self._texts = texts
        self._codec = codec
        self._cache = cache
        self._aggregates: dict[str, AggregateRoot | None] = {}
        self._body_bytes: dict[str, int] = {}
        self._accepted: dict[str, list[Fact]] = {}
        self._uncommitted: list[Fact] = []

    def preload(self, streams: Iterable[str]) -> None:
        """Bring these streams up to date, all with one query."""
        kept = {stream: self._cache.take(stream) for stream in streams if stream not in self._aggregates}
        found = self._load(
            {stream: known.aggregate.version if known.aggregate else 0 for stream, known in kept.items()}
        )
        for stream, known in kept.items():
            events = found.get(stream, ())
            self._body_bytes[stream] = known.body_bytes + sum(len(event.body) for event in events)
            self._put(stream, self._evolve(known.aggregate, events))

    def get(self, stream: str) -> AggregateRoot | None:
        """Return the aggregate of a stream, with all that was decided before it in this batch, or None."""
        if stream not in self._aggregates:
            self.preload([stream])
        return self._aggregates[stream]

    def add(self, aggregate: AggregateRoot) -> None:
        """Take in an aggregate that a command has just begun."""
        self._put(aggregate.id, aggregate)

    def holidays(self, calendar: str, year: int) -> frozenset[date]:
        """Return the holidays of a calendar in a year; none for a calendar nobody knows."""
        return holidays_of(calendar, year)

    def keys_of(self, person: str) -> tuple[str, ...]:
        """Return the names of the keys under which a person's texts are sealed; none: nothing is."""
        return () if self._texts is None else self._texts.keys_of(person)

    def uncommitted(self) -> Facts:
        """Return what the command brought about, each fact with its aggregate, causes before their effects."""
        return [(self._aggregate(fact.originator_id), fact) for fact in self._uncommitted]

    def accept(self) -> None:
        """Keep what the command brought about, and begin the next."""
        for fact in self._uncommitted:
            self._accepted.setdefault(fact.originator_id, []).append(fact)
        for stream in {fact.originator_id for fact in self._uncommitted}:
            self._aggregate(stream).pending_events.clear()
        self._uncommitted.clear()

    def refuse(self) -> None:
        """Undo what a refused command may have triggered before it was refused, and begin the next."""
        touched = dict.fromkeys(fact.originator_id for fact in self._uncommitted)
        self._uncommitted.clear()
        for stream in touched:
            self._put(stream, self._rebuild(stream))

    def keep(self, events: Iterable[NewEvent]) -> None:
        """Put everything back into the cache: what it holds is recorded now, what the batch brought about as events."""
        for event in events:
            self._body_bytes[event.stream] = self._body_bytes.get(event.stream, 0) + len(event.body)
        for stream, aggregate in self._aggregates.items():
            if aggregate is not None:
                self._cache.put(stream, Known(aggregate, self._body_bytes.get(stream, 0)))
        self._aggregates = {}

    def persons(self) -> set[str]:
        """Return whose texts the aggregates of the batch hold."""
        return {aggregate.person for aggregate in self._aggregates.values() if aggregate is not None}

    def _load(self, requests: Mapping[str, int]) -> dict[str, list[StoredEvent]]:
        """Return recorded events with their texts opened, where this process may; else as they are stored."""
        found = self._log.load(requests)
        return found if self._texts is None else self._texts.opened(found)

    def _put(self, stream: str, aggregate: AggregateRoot | None) -> None:
        if aggregate is not None:
            aggregate.share_uncommitted(self._uncommitted)
        self._aggregates[stream] = aggregate

    def _aggregate(self, stream: str) -> AggregateRoot:
        aggregate = self._aggregates[stream]
        assert aggregate is not None  # noqa: S101 - it triggered a fact
        return aggregate

    def _rebuild(self, stream: str) -> AggregateRoot | None:
        aggregate = self._evolve(None, self._load({stream: 0}).get(stream, ()))
        try:
            for fact in self._accepted.get(stream, ()):
                aggregate = fact.mutate(aggregate)
        except (OriginatorVersionError, AssertionError) as raced:
            raise ConcurrencyError(f"{stream} grew while its batch was decided") from raced
        return aggregate

    def _evolve(self, aggregate: AggregateRoot | None, events: Iterable[StoredEvent]) -> AggregateRoot | None:
        for event in events:
            fact = self._codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)
            aggregate = fact.mutate(aggregate)
        return aggregate

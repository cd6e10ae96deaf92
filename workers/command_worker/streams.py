"""The aggregates that a batch of commands works on, and those kept between batches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, cast

from eventsourcing.domain import BaseAggregate, OriginatorVersionError

from domain.fact import Fact
from infra.calendars import holidays_of
from infra.envelope.codec import Codec
from infra.log.event_log import ConcurrencyError, EventLog
from infra.records import StoredEvent

AGGREGATES_CACHED_MAX: Final = 20_000

Aggregate = BaseAggregate[str]


class AggregateCache:
    """The aggregates used last, by stream. They are taken out to be worked on, and put back once that is recorded."""

    def __init__(self, size_max: int = AGGREGATES_CACHED_MAX) -> None:
        self._size_max = size_max
        self._aggregates: OrderedDict[str, Aggregate] = OrderedDict()

    def take(self, stream: str) -> Aggregate | None:
        """Return a kept aggregate and forget it, or None."""
        return self._aggregates.pop(stream, None)

    def put(self, aggregates: Iterable[Aggregate]) -> None:
        """Keep these; those used longest ago make room."""
        for aggregate in aggregates:
            self._aggregates[aggregate.id] = aggregate
        while len(self._aggregates) > self._size_max:
            self._aggregates.popitem(last=False)


class BatchStreams:
    """The streams of one batch, as the handlers see them.

    Aggregates leave the cache while the batch lasts; only ``keep`` puts them back, so that whatever goes wrong, no
    state that was never recorded survives.
    """

    def __init__(self, log: EventLog, codec: Codec, cache: AggregateCache) -> None:
        self._log = log
        self._codec = codec
        self._cache = cache
        self._aggregates: dict[str, Aggregate | None] = {}
        self._accepted: dict[str, list[Fact]] = {}
        self._touched: dict[str, None] = {}

    def preload(self, streams: Iterable[str]) -> None:
        """Bring these streams up to date, all with one query."""
        kept = {stream: self._cache.take(stream) for stream in streams if stream not in self._aggregates}
        found = self._log.load({stream: aggregate.version if aggregate else 0 for stream, aggregate in kept.items()})
        for stream, aggregate in kept.items():
            self._aggregates[stream] = self._evolve(aggregate, found.get(stream, ()))

    def get(self, stream: str) -> Aggregate | None:
        """Return the aggregate of a stream, with all that was decided before it in this batch, or None."""
        if stream not in self._aggregates:
            self.preload([stream])
        self._touched[stream] = None
        return self._aggregates[stream]

    def add(self, aggregate: Aggregate) -> None:
        """Take in an aggregate that a command has just begun."""
        self._aggregates[aggregate.id] = aggregate
        self._touched[aggregate.id] = None

    def holidays(self, calendar: str, year: int) -> frozenset[date]:
        """Return the holidays of a calendar in a year; none for a calendar nobody knows."""
        return holidays_of(calendar, year)

    def pending(self) -> list[tuple[Aggregate, Fact]]:
        """Return what the command brought about, by aggregate in the order of first touch."""
        touched = [aggregate for stream in self._touched if (aggregate := self._aggregates[stream]) is not None]
        return [(aggregate, cast("Fact", fact)) for aggregate in touched for fact in aggregate.pending_events]

    def accept(self) -> None:
        """Keep what the command brought about, and begin the next."""
        for stream in self._touched:
            aggregate = self._aggregates[stream]
            if aggregate is not None and aggregate.pending_events:
                new = cast("Sequence[Fact]", aggregate.collect_events())
                self._accepted.setdefault(stream, []).extend(new)
        self._touched.clear()

    def refuse(self) -> None:
        """Undo what a refused command may have triggered before it was refused, and begin the next."""
        for stream in self._touched:
            aggregate = self._aggregates[stream]
            if aggregate is not None and aggregate.pending_events:
                self._aggregates[stream] = self._rebuild(stream)
        self._touched.clear()

    def keep(self) -> None:
        """Put everything back into the cache: what it holds is recorded now."""
        self._cache.put(aggregate for aggregate in self._aggregates.values() if aggregate is not None)
        self._aggregates = {}

    def _rebuild(self, stream: str) -> Aggregate | None:
        aggregate = self._evolve(None, self._log.load({stream: 0}).get(stream, ()))
        try:
            for fact in self._accepted.get(stream, ()):
                aggregate = fact.mutate(aggregate)
        except (OriginatorVersionError, AssertionError) as raced:
            raise ConcurrencyError(f"{stream} grew while its batch was decided") from raced
        return aggregate

    def _evolve(self, aggregate: Aggregate | None, events: Iterable[StoredEvent]) -> Aggregate | None:
        for event in events:
            fact = self._codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)
            aggregate = fact.mutate(aggregate)
        return aggregate

"""What a message is about, read from the log: the event that it tells of, what else its command brought about, and the
return and its order as they were right after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self, TypeVar

from domain.fact import AggregateRoot, Fact
from domain.identity import order_stream, rma_stream
from domain.order import Order
from domain.rma import Rma
from infra.envelope.codec import Codec
from infra.log.event_log import EventLog
from infra.records import StoredEvent
from infra.sealing.sealed_text import DataKey
from infra.sealing.vault import Vault
from workers.command_worker.sealing import Sealing
from workers.notices.table import Message

Kind = TypeVar("Kind", bound=Fact)


class Recorded(NamedTuple):
    """An event with its texts opened, its fact, and the event as it was recorded."""

    event: StoredEvent
    fact: Fact
    stored: StoredEvent


@dataclass(frozen=True, slots=True)
class Case:
    """The ``rma`` and its ``order`` right after the command that ``told`` belongs to; ``beside`` is all that it did.

    ``now``: the return as it is now. ``current_contact``: how the order's customer is reached now. ``key``: the key of
    whose texts the return holds; None: nothing was ever sealed. ``request``: the return's, where that command made it.
    """

    told: Recorded
    beside: Sequence[Fact]
    rma: Rma
    now: Rma
    order: Order
    current_contact: str | None = None
    key: DataKey | None = None
    request: Recorded | None = None

    def facts(self, kind: type[Kind]) -> list[Kind]:
        """Return what the command did of one kind, in its order."""
        return [fact for fact in self.beside if isinstance(fact, kind)]

    @property
    def declaration(self) -> Recorded | None:
        """The request, where that command made it and it is the withdrawal that the law provides for."""
        return self.request if self.rma.withdrawal else None

    @classmethod
    def of(cls, message: Message, found: Mapping[str, Sequence[Recorded]]) -> Self | None:
        """Return the case of a message in its streams; None where they do not hold it."""
        streams = [found.get(name, ()) for name in dict.fromkeys(streams_of(message))]
        told = next((one for of in streams for one in of if one.event.position == message.position), None)
        if told is None:
            return None
        command = (told.event.command_source, told.event.command_id)
        beside = [one for of in streams for one in of if (one.event.command_source, one.event.command_id) == command]
        last = max((one.event.position for one in beside), default=told.event.position)
        rma, now = (evolved(found[rma_stream(message.rma_id)], until) for until in (last, None))
        of_order = found[order_stream(message.order_id)]
        order, today = evolved(of_order, last), evolved(of_order, None)
        if not (isinstance(rma, Rma) and isinstance(now, Rma) and isinstance(order, Order)):
            return None
        contact = today.contact if isinstance(today, Order) else None
        request = next((one for one in beside if isinstance(one.fact, Rma.Requested)), None)
        return cls(told, [one.fact for one in beside], rma, now, order, contact, request=request)


def streams_of(message: Message) -> list[str]:
    """Return the streams that a message is about."""
    return [rma_stream(message.rma_id), order_stream(message.order_id), message.stream]


def evolved(events: Iterable[Recorded], until: int | None) -> AggregateRoot | None:
    """Return what events add up to, those up to a position of the log."""
    aggregate: AggregateRoot | None = None
    for one in events:
        if until is None or one.event.position <= until:
            aggregate = one.fact.mutate(aggregate)
    return aggregate


class Reader:
    """Reads the log with its texts opened; no key is kept for longer than one look."""

    def __init__(self, log: EventLog, vault: Vault, codec: Codec) -> None:
        self._log, self._vault, self._codec = log, vault, codec

    def events(self, streams: Iterable[str]) -> dict[str, list[Recorded]]:
        """Return the events of streams, all with one query."""
        stored = self._log.load(dict.fromkeys(streams, 0))
        return {
            stream: [
                Recorded(event, self._fact(event), as_it_was)
                for event, as_it_was in zip(of, stored[stream], strict=True)
            ]
            for stream, of in Sealing(self._vault).opened(stored).items()
        }

    def cases(self, messages: Sequence[Message]) -> dict[int, Case | None]:
        """Return what messages are about, by their positions."""
        found = self.events(name for message in messages for name in streams_of(message))
        cases = {message.position: Case.of(message, found) for message in messages}
        keys = {key.person: key for key in self._vault.find((), {case.rma.person for case in cases.values() if case})}
        return {position: case and replace(case, key=keys.get(case.rma.person)) for position, case in cases.items()}

    def orders(self, order_ids: Iterable[str]) -> dict[str, Order]:
        """Return orders as they are now; absent: not registered."""
        wanted = {order_stream(order_id) for order_id in order_ids}
        found = {name: evolved(events, None) for name, events in self.events(wanted).items()}
        return {order.order_id: order for order in found.values() if isinstance(order, Order)}

    def _fact(self, event: StoredEvent) -> Fact:
        return self._codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)

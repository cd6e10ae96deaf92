"""A shop in memory: commands go through the real parser, handlers and aggregates; nothing is stored."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from commands.dispatch import handle, parse
from commands.metadata import Meta, parse_actor
from domain.fact import AggregateRoot, Fact
from domain.identity import order_stream, rma_stream
from domain.order import Order
from domain.rma import Rma

ORDERED = datetime(2026, 3, 1, 9, tzinfo=UTC)
RMA_ID = UUID("00000000-0000-4000-8000-000000000001")


class Shop:
    """Streams that live as long as a test; ``send`` returns the facts that a command made."""

    def __init__(self) -> None:
        self.aggregates: dict[str, AggregateRoot] = {}
        self.history: list[Fact] = []
        self.sent: list[tuple[str, list[Fact]]] = []
        """The commands that were accepted, each with its facts."""
        self.senders: list[tuple[str, str]] = []
        """Of each fact of the history who sent the command that led to it, and that command's id."""

    def get(self, stream: str) -> AggregateRoot | None:
        return self.aggregates.get(stream)

    def add(self, aggregate: AggregateRoot) -> None:
        aggregate.share_uncommitted(self.history)
        self.aggregates[aggregate.id] = aggregate

    def holidays(self, _calendar: str, _year: int, /) -> frozenset[date]:
        return frozenset()

    def keys_of(self, person: str, /) -> tuple[str, ...]:
        """Return a key of whom something was recorded since he was erased; nothing here is really sealed."""
        erased = [place for place, fact in enumerate(self.history) if fact.originator_id == person]
        since = self.history[erased[-1] + 1 :] if erased else self.history
        is_known = any(self.aggregates[fact.originator_id].person == person for fact in since)
        return (str(uuid5(NAMESPACE_URL, f"{person}/{len(erased)}")),) if is_known else ()

    def send(
        self,
        name: str,
        data: dict[str, Any],
        *,
        actor: str = "agent:A1",
        at: datetime = ORDERED,
        now: datetime | None = None,
    ) -> list[Fact]:
        """Handle one command at the moment ``now`` (None: its own); raises what the handler refuses it with."""
        command = parse(f"rma.{name}.v1", json.dumps(data).encode())
        kind, name_of = parse_actor(actor)
        meta = Meta(f"c-{len(self.history)}", "/test", f"rma.{name}.v1", at, kind, name_of)
        known = len(self.history)
        handle(command, meta, self, now or at)
        facts = self.history[known:]
        for fact in facts:
            self.aggregates[fact.originator_id].pending_events.clear()
        self.sent.append((name, facts))
        self.senders += [(actor, meta.command_id)] * len(facts)
        return facts

    def order(self, order_id: str = "O-1") -> Order:
        order = self.aggregates[order_stream(order_id)]
        assert isinstance(order, Order)
        return order

    def rma(self, rma_id: UUID = RMA_ID) -> Rma:
        rma = self.aggregates[rma_stream(rma_id)]
        assert isinstance(rma, Rma)
        return rma


def names(facts: list[Fact]) -> list[str]:
    """Return the facts' names without aggregate and version."""
    return [type(fact).__name__ for fact in facts]

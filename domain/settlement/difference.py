"""A payout on which a gateway's settlement file and our books differ: found, then resolved by an agent."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from domain.errors import IdentifierReusedError, WrongStateError
from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import difference_stream
from domain.values import dataclass
from domain.vocabularies import DifferenceKind, DifferenceResolution, PayoutStatus


@dataclass(frozen=True, slots=True)
class OurSide:
    """A payout as our books have it, in minor units."""

    amount_minor: int
    currency: str
    status: PayoutStatus


@dataclass(frozen=True, slots=True)
class TheirSide:
    """A payout as the gateway's file has it, in minor units."""

    amount_minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class BooksDiffer:
    """What was found on a payout; a side is None where it knows no such payout, or has not paid it."""

    kind: DifferenceKind
    payout_id: UUID
    order_id: str | None
    rma_id: UUID | None
    here: OurSide | None
    there: TheirSide | None


class SettlementDifference(AggregateRoot):
    """One difference; money that must move because of it moves by the commands that move money."""

    TOPIC = "rma.SettlementDifference"

    class Event(Fact): ...

    class Found(Event, FirstFact):
        """The books differ; a side is None where it knows no such payout, or has not paid it."""

        TOPIC = "rma.SettlementDifference.Found.v1"
        difference_id: UUID
        kind: DifferenceKind
        payout_id: UUID
        order_id: str | None
        rma_id: UUID | None
        here: OurSide | None
        there: TheirSide | None

    class Resolved(Event):
        """An agent found out what happened, and said so."""

        TOPIC = "rma.SettlementDifference.Resolved.v1"
        resolution: DifferenceResolution
        note: str

        def apply(self, aggregate: SettlementDifference) -> None:
            aggregate.resolution, aggregate.note = self.resolution, self.note

    def __init__(  # noqa: PLR0917 - the library passes the fields of Registered, by name
        self,
        difference_id: UUID,
        kind: DifferenceKind,
        payout_id: UUID,
        order_id: str | None,
        rma_id: UUID | None,
        here: OurSide | None,
        there: TheirSide | None,
    ) -> None:
        self.difference_id = difference_id
        self.found = BooksDiffer(kind, payout_id, order_id, rma_id, here, there)
        self.resolution: DifferenceResolution | None = None
        self.note: str | None = None

    @property
    def partition_key(self) -> str:
        """The key under which the facts are published: that of the order, where one is known."""
        return self.found.order_id or str(self.found.payout_id)

    @classmethod
    def find(cls, difference_id: UUID, found: BooksDiffer, at: datetime) -> Self:
        """Begin the stream of a difference."""
        return cls._create(
            cls.Found,
            id=difference_stream(difference_id),
            difference_id=difference_id,
            kind=found.kind,
            payout_id=found.payout_id,
            order_id=found.order_id,
            rma_id=found.rma_id,
            here=found.here,
            there=found.there,
            timestamp=at,
        )

    def find_again(self, found: BooksDiffer) -> None:
        """Say nothing new where the same is found again; raises ``IdentifierReusedError`` where it is another."""
        if found != self.found:
            raise IdentifierReusedError("difference_id", str(self.difference_id))

    def resolve(self, resolution: DifferenceResolution, note: str, at: datetime) -> None:
        """Record how it was resolved; the same again is no second time.

        Raises:
            WrongStateError: It was resolved in another way before.
        """
        if (self.resolution, self.note) == (resolution, note):
            return
        if self.resolution is not None:
            raise WrongStateError("the difference is resolved already", resolution=self.resolution)
        self.trigger_event(self.Resolved, resolution=resolution, note=note, timestamp=at)

"""A parcel at the dock that nobody can place: kept with what is in it until somebody finds out whose it is."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from domain.content import is_same_content
from domain.errors import IdentifierReusedError
from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import unknown_parcel_stream
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class ParcelItem:
    """So many units of an article, with the serial numbers that were read off them."""

    sku: str
    quantity: int
    serials: tuple[str, ...] = ()


class UnknownParcel(AggregateRoot):
    """One parcel; once it is assigned, what is in it was received under a return."""

    TOPIC = "rma.UnknownParcel"

    class Event(Fact): ...

    class Recorded(Event, FirstFact):
        """The warehouse keeps a parcel that it cannot place."""

        TOPIC = "rma.UnknownParcel.Recorded.v1"
        parcel_id: str
        site: str
        items: tuple[ParcelItem, ...]
        tracking_number: str | None
        note: str | None
        content_hash: str

    class Assigned(Event):
        """Somebody found out which return the parcel belongs to."""

        TOPIC = "rma.UnknownParcel.Assigned.v1"
        rma_id: UUID
        order_id: str

        def apply(self, aggregate: UnknownParcel) -> None:
            aggregate.rma_id = self.rma_id

    def __init__(  # noqa: PLR0917 - the library passes the fields of Recorded, by name
        self,
        parcel_id: str,
        site: str,
        items: tuple[ParcelItem, ...],
        tracking_number: str | None,
        note: str | None,
        content_hash: str,
    ) -> None:
        self.parcel_id = parcel_id
        self.site = site
        self.items = items
        self.tracking_number = tracking_number
        self.note = note
        self.content_hash = content_hash
        self.rma_id: UUID | None = None

    @property
    def partition_key(self) -> str:
        """The key under which the facts are published: the parcel's own, for no order is known."""
        return self.parcel_id

    @classmethod
    def record(
        cls,
        parcel_id: str,
        *,
        site: str,
        items: tuple[ParcelItem, ...],
        tracking_number: str | None,
        note: str | None,
        content_hash: str,
        at: datetime,
    ) -> Self:
        """Begin the stream of a parcel."""
        return cls._create(
            cls.Recorded,
            id=unknown_parcel_stream(parcel_id),
            parcel_id=parcel_id,
            site=site,
            items=items,
            tracking_number=tracking_number,
            note=note,
            content_hash=content_hash,
            timestamp=at,
        )

    def record_again(self, content_hash: str) -> None:
        """Say nothing new where the same is told again; raises ``IdentifierReusedError`` where it is another."""
        if not is_same_content(self.content_hash, content_hash):
            raise IdentifierReusedError("parcel_id", self.parcel_id)

"""What the projector worker asks of a read model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from psycopg import Connection

from domain.recorded import RecordedEvent
from projections.view import View


class Projection(Protocol):
    """One read model: its tables, and how a batch of events becomes rows.

    The worker calls ``fold`` inside the transaction that also moves the projection's position, with events that are new
    to this projection: per stream in order and without gaps, repeats already dropped. Events of several partitions come
    in one call. Whatever ``fold`` raises undoes the whole batch.
    """

    @property
    def name(self) -> str:
        """The projection's name for people and settings, such as ``tracking``."""

    @property
    def version(self) -> int:
        """Grows with every change that needs a rebuild; each version has tables of its own."""

    @property
    def tables_sql(self) -> str:
        """Statements that create the schema and tables of this version; safe to repeat."""

    @property
    def views(self) -> Sequence[View]:
        """The stable views of schema ``rma_read`` that show this read model."""

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Write what a whole batch of new events changes, each table with one statement."""

"""Where handlers get aggregates from and put new ones; the command worker stands behind it."""

from __future__ import annotations

from datetime import date
from typing import Protocol, cast
from uuid import UUID

from domain.errors import UnknownOrderError, UnknownReturnError
from domain.fact import AggregateRoot
from domain.identity import STATUTES_STREAM, order_stream, policy_stream, rma_stream
from domain.order import Order
from domain.policy.return_policy import ReturnPolicy
from domain.policy.statute_book import StatuteBook
from domain.rma import Rma


class Streams(Protocol):
    """The aggregates of a batch of commands."""

    def get(self, stream: str) -> AggregateRoot | None:
        """Return the aggregate of a stream, with all that was decided before it in this batch, or None."""

    def add(self, aggregate: AggregateRoot) -> None:
        """Take in an aggregate that a command has just begun."""

    def holidays(self, calendar: str, year: int) -> frozenset[date]:
        """Return the holidays of a calendar (``GB``, ``US-CA``) in a year; none for a calendar nobody knows."""

    def keys_of(self, person: str) -> tuple[str, ...]:
        """Return the names of the keys under which a person's texts are sealed; none: nothing is."""


def find_order(streams: Streams, order_id: str) -> Order | None:
    """Return an order, or None where it is not registered."""
    return cast("Order | None", streams.get(order_stream(order_id)))


def the_order(streams: Streams, order_id: str) -> Order:
    """Return an order; raises ``UnknownOrderError``."""
    order = find_order(streams, order_id)
    if order is None:
        raise UnknownOrderError(order_id)
    return order


def find_return(streams: Streams, rma_id: UUID) -> Rma | None:
    """Return a return by its id, or None where nobody asked for one."""
    return cast("Rma | None", streams.get(rma_stream(rma_id)))


def the_return(streams: Streams, rma_id: UUID, order: Order) -> Rma:
    """Return a return of an order; raises ``UnknownReturnError``."""
    rma = find_return(streams, rma_id)
    if rma is None or rma.order_id != order.order_id:
        raise UnknownReturnError(str(rma_id), order_id=order.order_id)
    return rma


def find_policy(streams: Streams, policy_id: str) -> ReturnPolicy | None:
    """Return a policy with all its versions, or None where none was published."""
    return cast("ReturnPolicy | None", streams.get(policy_stream(policy_id)))


def find_statutes(streams: Streams) -> StatuteBook | None:
    """Return which editions of the statutes were published, or None where none was."""
    return cast("StatuteBook | None", streams.get(STATUTES_STREAM))

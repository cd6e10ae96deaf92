"""From a command's bytes to its handler: parsed once, at the edge, then checked for permission and handled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from commands import (  # importing them registers their handlers
    bundles,
    closing,
    credit_notes,
    customers,
    deadlines,
    decisions,
    differences,
    evidence,
    exchanges,
    external_refunds,
    goods,
    money,
    notices,
    order_money,
    orders,
    parcels,
    policies,
    requests,
    statutes,
    unknown_parcels,
)
from commands.faults import MalformedError
from commands.fields import Body
from commands.metadata import Meta
from commands.reading import read
from commands.registry import REGISTRATIONS, Registration
from commands.sources import ANYONE, Sources
from commands.streams import Streams
from domain.errors import Fault, NotPermittedError, TimeInFutureError
from domain.identity import (
    customer_stream,
    difference_stream,
    order_stream,
    policy_stream,
    rma_stream,
    unknown_parcel_stream,
)

TIME_AHEAD_MAX: Final = timedelta(days=1)
"""How far business time may lie ahead of this system's clock: clocks differ, and times without a zone are guessed."""

STREAMS_NAMED: Final[tuple[tuple[str, Callable[[Any], str]], ...]] = (
    ("order_id", order_stream),
    ("rma_id", rma_stream),
    ("policy_id", policy_stream),
    ("difference_id", difference_stream),
    ("parcel_id", unknown_parcel_stream),
)
"""Fields of commands that name a stream, and which."""

MODULES: Final = (
    policies,
    statutes,
    orders,
    requests,
    evidence,
    decisions,
    parcels,
    goods,
    unknown_parcels,
    money,
    order_money,
    external_refunds,
    deadlines,
    closing,
    notices,
    differences,
    credit_notes,
    customers,
)


def registration_of(type_name: str) -> Registration:
    """Return what is registered for a CloudEvents type; raises ``MalformedError`` for an unknown one."""
    if type_name not in REGISTRATIONS:
        raise MalformedError([Fault("$.type", f"unknown command type {type_name}")])
    return REGISTRATIONS[type_name]


def parse(type_name: str, body: bytes) -> Body:
    """Return the command of a JSON body; raises ``MalformedError`` with every fault by its JSON path."""
    return read(registration_of(type_name).model, body)


def streams_of(command: Body) -> tuple[str, ...]:
    """Return the streams that a command names itself."""
    if isinstance(command, customers.EraseCustomer):
        return (customer_stream(command.customer_id),)
    named = vars(command)
    streams = [stream(named[field]) for field, stream in STREAMS_NAMED if named.get(field)]
    if isinstance(command, orders.RegisterOrder):
        streams += bundles.streams_named(command.seller_id, (line.bundle_id for line in command.lines))
    return tuple(streams)


def persons_of(command: Body) -> tuple[str, ...]:
    """Return the people that a command names itself."""
    named = (command.named("customer_id"), command.named("recipient_id"))
    return tuple(customer_stream(name) for name in named if name is not None)


def handle(command: Body, meta: Meta, streams: Streams, now: datetime, sources: Sources = ANYONE) -> None:
    """Decide a command: new events are pending on the aggregates it touched, or ``RuleViolationError`` is raised.

    Args:
        command: Its body.
        meta: What came with it.
        streams: The aggregates that it may touch.
        now: What the clock says; business time may be ``TIME_AHEAD_MAX`` ahead of it.
        sources: What each source may do.
    """
    registration = registration_of(meta.type)
    sources.check(meta, registration.model.__name__)
    if meta.actor_kind not in registration.by:
        raise NotPermittedError(
            f"{meta.actor_kind} may not send {registration.model.__name__}",
            actor_kind=meta.actor_kind,
            permitted=sorted(registration.by),
        )
    latest = now + TIME_AHEAD_MAX
    if meta.occurred_at > latest:
        raise TimeInFutureError(latest=latest.isoformat())
    registration.handler(command, meta, streams)
    if order_id := command.named("order_id"):
        exchanges.follow(streams, order_id, meta.occurred_at)

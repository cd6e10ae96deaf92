"""Differences between a gateway's books and ours: reported when found, resolved by an agent."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from commands.fields import AmountMinor, Body, Currency, Identifier, Text
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams
from domain.errors import IdentifierReusedError, UnknownDifferenceError
from domain.identity import difference_stream
from domain.settlement.difference import OurSide, SettlementDifference, TheirSide
from domain.vocabularies import DifferenceKind, DifferenceResolution, PayoutStatus


class SideHere(Body):
    """The payout as our books have it."""

    amount_minor: AmountMinor
    currency: Currency
    status: PayoutStatus


class SideThere(Body):
    """The payout as the gateway's file has it."""

    amount_minor: AmountMinor
    currency: Currency
    reference: Text


class ReportDifference(Body):
    """Record a payout on which the books differ; a side is left out where it has no such payout."""

    difference_id: UUID
    kind: DifferenceKind
    payout_id: UUID
    order_id: Identifier | None = None
    rma_id: UUID | None = None
    here: SideHere | None = None
    there: SideThere | None = None


class ResolveDifference(Body):
    """Say what was behind a difference; money that must move is moved by commands of its own."""

    difference_id: UUID
    resolution: DifferenceResolution
    note: Text


@handles(ReportDifference, by="gateway system agent")
def report_difference(command: ReportDifference, meta: Meta, streams: Streams) -> None:
    facts = {
        "kind": command.kind,
        "payout_id": command.payout_id,
        "order_id": command.order_id,
        "rma_id": command.rma_id,
        "here": OurSide(**dict(command.here)) if command.here else None,
        "there": TheirSide(**dict(command.there)) if command.there else None,
    }
    known = _find(streams, command.difference_id)
    if known is None:
        streams.add(SettlementDifference.find(command.difference_id, at=meta.occurred_at, **facts))
    elif any(getattr(known, name) != value for name, value in facts.items()):
        raise IdentifierReusedError("difference_id", str(command.difference_id))


@handles(ResolveDifference, by="agent")
def resolve_difference(command: ResolveDifference, meta: Meta, streams: Streams) -> None:
    difference = _find(streams, command.difference_id)
    if difference is None:
        raise UnknownDifferenceError(
            f"no difference {command.difference_id} was reported", difference_id=str(command.difference_id)
        )
    difference.resolve(command.resolution, command.note, meta.occurred_at)


def _find(streams: Streams, difference_id: UUID) -> SettlementDifference | None:
    return cast("SettlementDifference | None", streams.get(difference_stream(difference_id)))

"""Differences between a gateway's books and ours: reported when found, resolved by an agent."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from commands.fields import AmountMinor, Body, Currency, Identifier, Name, Text
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams
from domain.errors import UnknownDifferenceError
from domain.identity import difference_stream
from domain.settlement.difference import BooksDiffer, OurSide, SettlementDifference, TheirSide
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
    reference: Name


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
    here, there = command.here, command.there
    found = BooksDiffer(
        command.kind,
        command.payout_id,
        command.order_id,
        command.rma_id,
        OurSide(here.amount_minor, here.currency, here.status) if here else None,
        TheirSide(there.amount_minor, there.currency, there.reference) if there else None,
    )
    known = _find(streams, command.difference_id)
    if known is None:
        streams.add(SettlementDifference.find(command.difference_id, found, meta.occurred_at))
    else:
        known.find_again(found)


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

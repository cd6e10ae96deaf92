"""Money that went back elsewhere: recorded as it is told, with what came of a dispute about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commands.fields import LINES_MAX, Body, Identifier, PositiveAmountMinor, Text
from commands.metadata import Meta
from commands.order_money import AmountOfLine
from commands.registry import content_hash, handles
from commands.streams import Streams, the_order, the_return
from domain.case import external_refunds
from domain.order.parts import LineAmount
from domain.settlement.external_refunds import GoneBack
from domain.vocabularies import ChargebackOutcome, ExternalKind


class RecordExternalRefund(Body):
    """Record money that already went back elsewhere: it is a refund that is settled.

    ``lines`` sum to the amount; without them it falls to all that is left. A payout under way for which its tender has
    no room left fails (``refunded_elsewhere``), and what still fits of it is requested anew.
    """

    order_id: Identifier
    external_id: Identifier
    tender_id: Identifier
    amount_minor: PositiveAmountMinor
    kind: ExternalKind
    lines: Annotated[tuple[AmountOfLine, ...], Field(max_length=LINES_MAX)] = ()
    reference: Text | None = None


class RecordChargebackOutcome(Body):
    """Record what came of a dispute about a chargeback; won, all that it did is undone."""

    order_id: Identifier
    external_id: Identifier
    outcome: ChargebackOutcome


@handles(RecordExternalRefund, by="gateway system agent")
def record_external_refund(command: RecordExternalRefund, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    told = GoneBack(
        external_id=command.external_id,
        tender_id=command.tender_id,
        amount_minor=command.amount_minor,
        kind=command.kind,
        lines=tuple(LineAmount(line.line_id, line.quantity, line.amount_minor) for line in command.lines),
        reference=command.reference,
        content_hash=content_hash(command),
    )
    external_refunds.record(order, lambda rma_id: the_return(streams, rma_id, order), told, meta.occurred_at)


@handles(RecordChargebackOutcome, by="gateway system agent")
def record_chargeback_outcome(command: RecordChargebackOutcome, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    external_refunds.decide_chargeback(
        order,
        lambda rma_id: the_return(streams, rma_id, order),
        command.external_id,
        command.outcome,
        meta.occurred_at,
    )

"""What an order's shop and agents move beside its returns: units that never leave, and money."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands import approvals
from commands.fields import LINES_MAX, AmountMinor, Body, Identifier, Name, PositiveAmountMinor, Quantity, Text
from commands.metadata import Meta
from commands.orders import MovedLines
from commands.registry import content_hash, handles
from commands.streams import Streams, the_order, the_return
from domain.case import cancellation
from domain.order import Order
from domain.order.parts import LineAmount, LineQuantity, Payment
from domain.settlement import order_refund, payments, receivables
from domain.settlement.cancellation import Cancellation
from domain.settlement.order_refund import OrderRefund
from domain.settlement.receivables import DebtPayment, WriteOff
from domain.vocabularies import PaymentKind


class CancelUnits(Body):
    """Let units that have not left never be delivered; what was paid for them goes back at once."""

    order_id: Identifier
    cancellation_id: Identifier
    lines: MovedLines
    reason: Text


class AmountOfLine(Body):
    """So much money in all for so many units of an order line."""

    line_id: Identifier
    quantity: Quantity
    amount_minor: AmountMinor


class RefundOrder(Body):
    """Give money back while the goods stay: of units that the customer keeps, or of outward shipping with its tax."""

    order_id: Identifier
    refund_request_id: Identifier
    lines: Annotated[tuple[AmountOfLine, ...], Field(max_length=LINES_MAX)] = ()
    shipping_minor: AmountMinor = 0
    reason: Text
    approved_by: Identifier | None = None


class RecordPayment(Body):
    """Record that the customer paid, in full or in part, what was sold on account."""

    order_id: Identifier
    payment_id: Identifier
    tender_id: Identifier
    amount_minor: PositiveAmountMinor
    reference: Name | None = None


class RecordCustomerPayment(Body):
    """Record that the customer paid what is owed on a return, or without ``rma_id`` on the order, the oldest first."""

    order_id: Identifier
    rma_id: UUID | None = None
    payment_id: Identifier
    amount_minor: PositiveAmountMinor
    tender_kind: PaymentKind
    reference: Name | None = None


class WriteOffReceivable(Body):
    """Give up what a customer owes and will not pay; under a ``write_off_id`` told again it is no second time."""

    order_id: Identifier
    rma_id: UUID | None = None
    amount_minor: PositiveAmountMinor
    reason: Text
    approved_by: Identifier
    write_off_id: Identifier | None = None


@handles(CancelUnits, by="system agent")
def cancel_units(command: CancelUnits, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    lines = tuple(LineQuantity(line.line_id, line.quantity) for line in command.lines)
    asked = Cancellation(command.cancellation_id, lines, command.reason, content_hash(command))
    cancellation.cancel(order, lambda rma_id: the_return(streams, rma_id, order), asked, meta.occurred_at)


@handles(RefundOrder, by="agent")
def refund_order(command: RefundOrder, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    own = sum(line.amount_minor for line in command.lines) + command.shipping_minor
    approvals.check(streams, order, meta, command.approved_by, own)
    asked = OrderRefund(
        refund_request_id=command.refund_request_id,
        lines=tuple(LineAmount(line.line_id, line.quantity, line.amount_minor) for line in command.lines),
        shipping_minor=command.shipping_minor,
        reason=command.reason,
        approved_by=command.approved_by,
        content_hash=content_hash(command),
    )
    order_refund.give(order, asked, meta.occurred_at)


@handles(RecordPayment, by="gateway system agent")
def record_payment(command: RecordPayment, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    payment = Payment(command.payment_id, command.tender_id, command.amount_minor, command.reference)
    payments.record(order, payment, content_hash(command), meta.occurred_at)


@handles(RecordCustomerPayment, by="gateway system agent")
def record_customer_payment(command: RecordCustomerPayment, meta: Meta, streams: Streams) -> None:
    payment = DebtPayment(
        payment_id=command.payment_id,
        rma_id=command.rma_id,
        amount_minor=command.amount_minor,
        tender_kind=command.tender_kind,
        reference=command.reference,
        content_hash=content_hash(command),
    )
    receivables.pay(_order_of(command, streams), payment, meta.occurred_at)


@handles(WriteOffReceivable, by="agent")
def write_off_receivable(command: WriteOffReceivable, meta: Meta, streams: Streams) -> None:
    lost = WriteOff(
        write_off_id=command.write_off_id,
        rma_id=command.rma_id,
        amount_minor=command.amount_minor,
        reason=command.reason,
        approved_by=command.approved_by,
        content_hash=content_hash(command),
    )
    order = _order_of(command, streams)
    approvals.check(streams, order, meta, command.approved_by)
    receivables.write_off(order, lost, meta.occurred_at)


def _order_of(command: RecordCustomerPayment | WriteOffReceivable, streams: Streams) -> Order:
    order = the_order(streams, command.order_id)
    if command.rma_id is not None:
        the_return(streams, command.rma_id, order)
    return order

"""Money of an order that no return asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commands.fields import LINES_MAX, AmountMinor, Body, Identifier, Quantity, Text
from commands.metadata import Meta
from commands.registry import content_hash, handles
from commands.streams import Streams, the_order
from domain.order.parts import LineAmount
from domain.settlement import order_refund
from domain.settlement.order_refund import OrderRefund


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


@handles(RefundOrder, by="agent")
def refund_order(command: RefundOrder, meta: Meta, streams: Streams) -> None:
    asked = OrderRefund(
        refund_request_id=command.refund_request_id,
        lines=tuple(LineAmount(line.line_id, line.quantity, line.amount_minor) for line in command.lines),
        shipping_minor=command.shipping_minor,
        reason=command.reason,
        approved_by=command.approved_by,
        content_hash=content_hash(command),
    )
    order_refund.give(the_order(streams, command.order_id), asked, meta.occurred_at)

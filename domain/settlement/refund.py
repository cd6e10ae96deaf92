"""A refund is requested: which cents of which units, to whom; the gateways have yet to pay it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain import ledger
from domain.ledger import Posting
from domain.order import Order
from domain.order.parts import Credit, RefundedLine, Tender, TenderShare
from domain.order.payout import Payout
from domain.order.promotions import PromotionChange
from domain.settlement import cash_rounding
from domain.settlement.entitlement import new_units
from domain.settlement.promotions import total_minor
from domain.settlement.sales_returns import sales_return
from domain.settlement.tenders import payouts_of, shared_out, with_room
from domain.values import dataclass
from domain.vocabularies import RefundGround

By = Literal["policy", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who gets the money: the order's tenders, and what they cannot take the holder of a store credit.

    ``rma_id`` None: no return asked for it. ``recipient_id``: who asked for it in the place of the customer.
    """

    holder_id: str
    rma_id: UUID | None = None
    recipient_id: str | None = None
    as_store_credit: bool = False
    tenders: tuple[TenderShare, ...] = ()
    """Those that a person named, which take all that is paid."""


def net_minor(credits: Sequence[Credit], return_shipping_minor: int = 0) -> int:
    """Return what is paid for credits, after fees (minor units)."""
    return sum(credit.gross_minor - credit.fee_minor for credit in credits) - return_shipping_minor


def request(
    order: Order,
    refund: UUID,
    credits: Sequence[Credit],
    at: datetime,
    *,
    because: RefundGround,
    payee: Payee,
    return_shipping_minor: int = 0,
    label_fee_by: By = "policy",
    promotions: Sequence[PromotionChange] = (),
    stays_sold: bool = False,
) -> tuple[Payout, ...]:
    """Let money become due for these cents, less fees and what promotions change; return its payouts, to be made."""
    kept = return_shipping_minor + total_minor(promotions)
    amount, rounding = _figures(order, credits, kept)
    payouts = _payouts(order, refund, amount, payee)
    lines = by_line(order, credits, kept - rounding)
    order.trigger_event(
        order.RefundRequested,
        refund_id=refund,
        rma_id=payee.rma_id,
        because=because,
        amount_minor=amount,
        currency=order.currency,
        restocking_minor=sum(credit.fee_minor for credit in credits),
        return_shipping_minor=return_shipping_minor,
        credits=tuple(credits),
        units=sum(line.units for line in lines),
        payouts=payouts,
        recipient_id=payee.recipient_id,
        postings=_postings(credits, amount, rounding=rounding, promotion=total_minor(promotions)),
        lines=lines,
        label_fee_by=label_fee_by,
        rounding_minor=rounding,
        promotions=tuple(promotions),
        stays_sold=stays_sold,
        timestamp=at,
    )
    return payouts


def _figures(order: Order, credits: Sequence[Credit], kept_minor: int) -> tuple[int, int]:
    """Return what is paid, and what of it cash was rounded by: that goes with the last of an order's units."""
    net = net_minor(credits, kept_minor)
    rounding = cash_rounding.due_with(order, credits, net)
    return net + rounding, rounding


def _payouts(order: Order, refund: UUID, amount_minor: int, payee: Payee) -> tuple[Payout, ...]:
    shares = _shares(order, amount_minor, payee)
    return tuple(
        payout
        for tender, share in shares
        if share
        for payout in payouts_of(order, refund, tender, share, rma_id=payee.rma_id, holder_id=payee.holder_id)
    )


def _shares(order: Order, amount_minor: int, payee: Payee) -> list[tuple[Tender | None, int]]:
    if payee.tenders:
        return [(with_room(order, share.tender_id, share.amount_minor), share.amount_minor) for share in payee.tenders]
    return [(None, amount_minor)] if payee.as_store_credit else shared_out(order, amount_minor)


def by_line(order: Order, credits: Sequence[Credit], aside_minor: int = 0) -> tuple[RefundedLine, ...]:
    """Return what falls to each line; what is taken off aside of the units is borne by the first.

    That is return shipping and what promotions change, which only returns bear, of one line, and what cash was rounded
    down by; or what of it is given.
    """
    lines: list[RefundedLine] = []
    for line_id in dict.fromkeys(credit.line_id for credit in credits):
        of_line = [credit for credit in credits if credit.line_id == line_id]
        units = sum(new_units(order.lines[line_id], credit) for credit in of_line)
        lines.append(RefundedLine(line_id, units, net_minor(of_line, 0 if lines else aside_minor)))
    return tuple(lines)


def _postings(credits: Sequence[Credit], amount_minor: int, *, rounding: int, promotion: int) -> tuple[Posting, ...]:
    """Return what a refund posts: what of the goods' worth is not owed to the customer is income from fees.

    What is lost of a promotion is not: what stays sold costs so much more, and that much less of the sale goes back.
    """
    gross = sum(credit.gross_minor for credit in credits)
    return ledger.entry(
        *sales_return(credits),
        (ledger.CASH_ROUNDING, rounding),
        (ledger.REFUNDS_OWED, -amount_minor),
        (ledger.SALES_RETURNS, -promotion),
        (ledger.FEE_INCOME, amount_minor - rounding + promotion - gross),
    )

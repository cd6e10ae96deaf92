"""What a command about one order does to another: an exchange's books are kept by the two that it joins."""

from __future__ import annotations

from datetime import datetime

from commands.streams import Streams, find_order
from domain.order import Order
from domain.settlement import exchange_orders
from domain.settlement.tenders import is_on_account


def follow(streams: Streams, order_id: str, at: datetime) -> None:
    """Carry over what the command just handled did to an order that was given in exchange, or had units exchanged."""
    order = find_order(streams, order_id)
    if order is None:
        return
    for fact in tuple(order.pending_events):
        if isinstance(fact, Order.ExchangeReopened) and fact.carried_minor:
            given = find_order(streams, fact.by_order_id)
            if given is not None:
                exchange_orders.withdraw(given, fact.carried_minor, at)
    origin = find_order(streams, order.exchange_of.order_id) if order.exchange_of else None
    if origin is not None:
        _tell(origin, order, at)


def _tell(origin: Order, order: Order, at: datetime) -> None:
    """Let the exchange know what was paid for the new article, set off, and given back."""
    on_account = {tender.tender_id for tender in order.tenders if is_on_account(tender)}
    for fact in tuple(order.pending_events):
        if isinstance(fact, Order.RefundRequested):
            exchange_orders.note_given_back(origin, order, exchange_orders.carried_of(order, fact.payouts), at)
        elif isinstance(fact, Order.PaymentReceived) and fact.payment.tender_id in on_account:
            exchange_orders.lower(origin, order, fact.payment.amount_minor, at)
        elif isinstance(fact, Order.PayoutSettled):
            payout = order.payouts[fact.payout_id]
            if payout.set_off and payout.tender_id in on_account:
                exchange_orders.lower(origin, order, payout.amount_minor, at, set_off=True)

"""Which customer may ask for a return, and speak for it afterwards."""

from __future__ import annotations

from domain.case import Case
from domain.errors import NotPermittedError
from domain.order import Order
from domain.rma import Rma


def check_may_ask(order: Order, customer_id: str, *, gift: bool, recipient_id: str | None) -> None:
    """Let customers ask for their own orders, and the recipient of a gift for himself.

    Raises:
        NotPermittedError: It is another's order and no gift, or the gift is another's.
    """
    if customer_id != order.customer_id and not gift:
        raise _not_permitted("the order is another customer's", customer_id)
    if gift and recipient_id not in {None, customer_id}:
        raise _not_permitted("the recipient of a gift asks himself", customer_id)


def check_is_customer(order: Order, customer_id: str) -> None:
    """Let the customer of an order speak for it; raises ``NotPermittedError`` for another."""
    if customer_id != order.customer_id:
        raise _not_permitted("the order is another customer's", customer_id)


def check_may_speak(case: Case, customer_id: str) -> None:
    """Let whoever asked for a return decide about it, and nobody else.

    Raises:
        NotPermittedError: Another customer asked for it.
    """
    if customer_id != requester_of(case.order, case.rma):
        raise _not_permitted("another customer asked for the return", customer_id)


def requester_of(order: Order, rma: Rma) -> str | None:
    """Return the customer who asked for a return, or for whom an agent did; None where that is not known."""
    if rma.requester_id is not None:
        return rma.requester_id
    return rma.recipient_id if rma.gift else order.customer_id


def _not_permitted(why: str, customer_id: str) -> NotPermittedError:
    return NotPermittedError(why, actor_kind="customer", actor_id=customer_id)

"""Orders given in exchange: what the returned units were worth pays for them, and closes the exchange's accounts.

An exchange left its quote on ``exchange_clearing``, and what the returned units did not cover of it with the customer.
The order of the new article takes both off again: the part that its tender of kind ``exchange`` carries, and the
difference as far as its other tenders paid it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain import ledger
from domain.errors import AmountDiffersError, UnknownOrderError
from domain.order import Order
from domain.order.debts import ExchangeAccount
from domain.order.errors import ExchangeOfMissingError
from domain.order.parts import ExchangeOf, Tender, TenderShare
from domain.order.placed_order import PlacedOrder
from domain.settlement.tenders import owed, payment_reference, room


@dataclass(frozen=True, slots=True)
class Closing:
    """What an order takes off an exchange's accounts, in minor units: what it carries, and what was paid beside it."""

    carried_minor: int
    paid_minor: int
    moved: tuple[TenderShare, ...] = ()
    """What of the first order's tenders gives its money back through the new order's from now on."""


def carried_over(placed: PlacedOrder, origin: Order | None) -> tuple[PlacedOrder, Closing | None]:
    """Return an order with what its exchange tender stands for in the end, and what that closes.

    Args:
        placed: The order as the shop tells it.
        origin: The order in exchange for units of which it is given, where it is known.
    Raises:
        ExchangeOfMissingError: An exchange tender without an exchange.
        UnknownOrderError: The exchange's order is not known.
        AmountDiffersError: The tender is not what the exchange put into this order.
    """
    exchange_tenders = [tender for tender in placed.tenders if tender.kind == "exchange"]
    given = placed.exchange_of
    if given is None:
        if exchange_tenders:
            raise ExchangeOfMissingError(exchange_tenders[0].tender_id)
        return placed, None
    if origin is None:
        if exchange_tenders:
            raise UnknownOrderError(given.order_id)
        return placed, None
    account = origin.exchange_of_line(given.rma_id, given.line)
    direct = sum(t.amount_minor for t in placed.tenders if t.kind not in {"exchange", "on_account"})
    if not exchange_tenders:  # the shop names the tenders that paid in the end, in the place of what they paid for
        carried = min(direct, account.carried_minor)
        return placed, Closing(carried, min(direct - carried, account.difference_minor))
    carried = _checked(placed, exchange_tenders, account)
    in_the_end, moved = _resolved(exchange_tenders[0], origin, carried)
    return replace(placed, carried=in_the_end), Closing(carried, min(direct, account.difference_minor), moved)


def _checked(placed: PlacedOrder, exchange_tenders: Sequence[Tender], account: ExchangeAccount) -> int:
    found = sum(tender.amount_minor for tender in exchange_tenders)
    right = min(account.carried_minor, sum(tender.amount_minor for tender in placed.tenders))
    if found != right:
        message = f"the exchange put {right} into this order, not {found} (minor units)"
        raise AmountDiffersError(message, expected=right, found=found, expected_minor=right, given_minor=found)
    return right


def _resolved(tender: Tender, origin: Order, amount_minor: int) -> tuple[tuple[Tender, ...], tuple[TenderShare, ...]]:
    """Return what a sum was paid with in the end, and what of each tender it is; store credit takes what is left."""
    shares: list[tuple[Tender, int]] = []
    left = amount_minor
    for paid in origin.tenders:
        share = min(left, max(room(origin, paid.tender_id) - owed(origin, paid.tender_id), 0))
        if share:
            shares.append((paid, share))
            left -= share
    in_the_end = tuple(
        replace(
            paid,
            tender_id=tender.tender_id if len(shares) == 1 else f"{tender.tender_id}/{number}",
            amount_minor=share,
            reference=payment_reference(origin, paid),
            from_order_id=paid.from_order_id or origin.order_id,
        )
        for number, (paid, share) in enumerate(shares, start=1)
    )
    return in_the_end, tuple(TenderShare(paid.tender_id, share) for paid, share in shares)


def close(origin: Order, given: ExchangeOf, by_order_id: str, closing: Closing, at: datetime) -> None:
    """Take off the exchange's accounts what an order carries and what was paid beside it; nothing says nothing."""
    closed = closing.carried_minor + closing.paid_minor
    if not closed:
        return
    debt = origin.receivables.get((given.rma_id, "exchange_difference"))
    lowered = min(closing.paid_minor, max(debt.open_minor, 0)) if debt else 0
    origin.trigger_event(
        origin.ExchangeClosed,
        rma_id=given.rma_id,
        line=given.line,
        by_order_id=by_order_id,
        carried_minor=closing.carried_minor,
        paid_minor=closing.paid_minor,
        lowered_minor=lowered,
        moved=closing.moved,
        currency=origin.currency,
        postings=ledger.entry(
            (ledger.EXCHANGE_CLEARING, closed), (ledger.CUSTOMER_RECEIVABLE, -lowered), (ledger.SALES, lowered - closed)
        ),
        timestamp=at,
    )


def close_by_payment(origin: Order, order: Order, amount_minor: int, at: datetime) -> None:
    """Let a payment of what an order given in exchange was sold for on account lower the difference that is open."""
    given = order.exchange_of
    if given is not None:
        difference = origin.exchange_of_line(given.rma_id, given.line).difference_minor
        close(origin, given, order.order_id, Closing(0, min(amount_minor, difference)), at)

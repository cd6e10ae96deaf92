"""Orders given in exchange: what the returned units were worth pays for them, and closes the exchange's accounts.

An exchange left its quote on ``exchange_clearing``, and what the returned units did not cover of it with the customer.
The order of the new article takes both off again: the part that its tender of kind ``exchange`` carries, and the
difference as far as its other tenders paid it. One that comes before the exchange is decided closes it then; one whose
exchange is called off is owed what it carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain import ledger
from domain.errors import AmountDiffersError, CurrencyDiffersError, UnknownOrderError, WrongStateError
from domain.order import Order
from domain.order.debts import ExchangeAccount
from domain.order.errors import ExchangeOfMissingError
from domain.order.parts import ExchangeOf, Tender, TenderShare
from domain.order.payout import Payout
from domain.order.placed_order import PlacedOrder
from domain.settlement.tenders import owed, payment_reference, room
from domain.values import dataclass


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
        CurrencyDiffersError: It was paid in another currency.
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
    if placed.currency != origin.currency:
        message = f"the order {origin.order_id} was paid in {origin.currency}"
        raise CurrencyDiffersError(message, expected=origin.currency, found=placed.currency)
    account = origin.exchange_of_line(given.rma_id, given.line)
    direct = placed.paid_directly_minor
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


def close(
    origin: Order,
    given: ExchangeOf,
    by_order_id: str,
    closing: Closing,
    at: datetime,
    *,
    set_off: bool = False,
    was_ahead: bool = False,
) -> None:
    """Take off the exchange's accounts what an order carries and what was paid beside it; nothing says nothing.

    ``set_off``: what was open was not paid, as the new article came back before.
    """
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
        set_off=set_off,
        was_ahead=was_ahead,
        postings=ledger.entry(
            (ledger.EXCHANGE_CLEARING, closed), (ledger.CUSTOMER_RECEIVABLE, -lowered), (ledger.SALES, lowered - closed)
        ),
        timestamp=at,
    )


def register(origin: Order, placed: PlacedOrder, closing: Closing, at: datetime) -> None:
    """Let an order that was just given in exchange close it; where nothing was exchanged yet, it waits for that."""
    given = placed.exchange_of
    if given is None:
        return
    if origin.exchange_of_line(given.rma_id, given.line).quoted_minor:
        close(origin, given, placed.order_id, closing, at)
    else:
        _pay_ahead(origin, given, placed.order_id, placed.paid_directly_minor, at)


def lower(origin: Order, order: Order, amount_minor: int, at: datetime, *, set_off: bool = False) -> None:
    """Let the difference that is open fall with what is owed on an order given in exchange: paid, or set off.

    Where nothing was exchanged yet, it waits for that.
    """
    given = order.exchange_of
    if given is None:
        return
    account = origin.exchange_of_line(given.rma_id, given.line)
    if account.quoted_minor:
        close(
            origin, given, order.order_id, Closing(0, min(amount_minor, account.difference_minor)), at, set_off=set_off
        )
    elif not account.closings:
        _pay_ahead(origin, given, order.order_id, amount_minor, at)


def _pay_ahead(origin: Order, given: ExchangeOf, by_order_id: str, amount_minor: int, at: datetime) -> None:
    if amount_minor:
        origin.trigger_event(
            origin.ExchangePaidAhead,
            rma_id=given.rma_id,
            line=given.line,
            by_order_id=by_order_id,
            amount_minor=amount_minor,
            currency=origin.currency,
            timestamp=at,
        )


def close_ahead(origin: Order, rma_id: UUID, line: int, at: datetime) -> None:
    """Let an order that was given before the exchange was decided close it now."""
    account = origin.exchange_of_line(rma_id, line)
    if account.ahead_minor:
        carried = min(account.ahead_minor, account.carried_minor)
        closing = Closing(carried, min(account.ahead_minor - carried, account.difference_minor))
        close(origin, ExchangeOf(origin.order_id, rma_id, line), account.ahead_by, closing, at, was_ahead=True)


def reopen(origin: Order, rma_id: UUID, line: int, at: datetime) -> None:
    """Take back what orders closed of an exchange that was called off, the newest first.

    What they carried, they are no longer paid with; what was paid of the difference beside goes back through them.
    """
    account = origin.exchange_of_line(rma_id, line)
    carried, paid = max(-account.carried_minor, 0), max(-account.difference_minor, 0)
    for closing in reversed(tuple(account.closings)):
        back, beside = min(carried, closing.carried_minor), min(paid, closing.paid_minor)
        if not back + beside:
            continue
        origin.trigger_event(
            origin.ExchangeReopened,
            rma_id=rma_id,
            line=line,
            by_order_id=closing.by_order_id,
            carried_minor=back,
            paid_minor=beside,
            moved=_last(closing.moved, back),
            currency=origin.currency,
            postings=ledger.entry(
                (ledger.EXCHANGE_CLEARING, -back - beside), (ledger.CUSTOMER_RECEIVABLE, beside), (ledger.SALES, back)
            ),
            timestamp=at,
        )
        carried, paid = carried - back, paid - beside


def note_given_back(origin: Order, order: Order, amount_minor: int, at: datetime) -> None:
    """Note with an exchange that its order gave back so much of what the returned units were worth: it is gone."""
    given = order.exchange_of
    if given is None:
        return
    closings = origin.exchange_of_line(given.rma_id, given.line).closings
    carried = sum(closing.carried_minor for closing in closings if closing.by_order_id == order.order_id)
    if amount := min(amount_minor, carried):
        origin.trigger_event(
            origin.ExchangeGivenBack,
            rma_id=given.rma_id,
            line=given.line,
            by_order_id=order.order_id,
            amount_minor=amount,
            currency=origin.currency,
            timestamp=at,
        )


def carried_of(order: Order, payouts: Sequence[Payout]) -> int:
    """Return what of payouts is money that an exchange had carried into their order.

    Shops that name the tenders of the end themselves do not tell it apart: then it is all of it.
    """
    carrying = {tender.tender_id for tender in order.tenders if tender.from_order_id is not None}
    return sum(p.amount_minor for p in payouts if not p.set_off and (p.tender_id in carrying or not carrying))


def _last(moved: Sequence[TenderShare], amount_minor: int) -> tuple[TenderShare, ...]:
    """Return the last shares that sum to an amount, or all of them where they sum to less."""
    shares, left = [], amount_minor
    for share in reversed(moved):
        part = min(left, share.amount_minor)
        if part:
            shares.append(TenderShare(share.tender_id, part))
            left -= part
    return tuple(shares)


def _never_paid(order: Order) -> int:
    """Return what of an order's price none of its tenders stands for."""
    price = sum(account.fact.paid_minor + account.fact.shipping_minor for account in order.lines.values())
    return price + order.rounding_left_minor - sum(tender.amount_minor for tender in order.tenders)


def withdraw(order: Order, amount_minor: int, at: datetime) -> None:
    """Let what an exchange had carried into an order be owed on its tenders: the exchange was called off.

    What was carried though the first order was never paid for it stands with no tender: the first one bears it.

    Raises:
        WrongStateError: The order gave that money back already: nothing is left that could be given anew.
    """
    owes, left = dict[str, int](), amount_minor
    tenders = sorted(order.tenders, key=lambda tender: tender.from_order_id is None)
    for tender in tenders:
        owes[tender.tender_id] = min(left, max(room(order, tender.tender_id) - owed(order, tender.tender_id), 0))
        left -= owes[tender.tender_id]
    if left > max(_never_paid(order), 0):
        raise WrongStateError(
            f"order {order.order_id}, which was given in exchange, gave the money for these units back already",
            order_id=order.order_id,
        )
    owes[tenders[0].tender_id] += left
    order.trigger_event(
        order.ExchangeWithdrawn,
        owed=tuple(TenderShare(tender_id, part) for tender_id, part in owes.items() if part),
        currency=order.currency,
        postings=ledger.entry((ledger.ACCOUNTS_RECEIVABLE, amount_minor), (ledger.SALES, -amount_minor)),
        timestamp=at,
    )

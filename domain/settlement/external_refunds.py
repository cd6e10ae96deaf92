"""Money that went back elsewhere: it is a fact, whatever was about to be paid here for the same.

It first pays, in their place, payouts that its tender has no room left for; then it gives back what is left of the
order's cents, or of the lines that were named; then it pays what else is under way, or failed. What is still too much
is a surplus, which the customer owes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import ledger
from domain.errors import (
    AmountDiffersError,
    AmountExceedsEntitlementError,
    DuplicateLineError,
    QuantityExceededError,
)
from domain.identity import idempotency_key, order_refund_id, payout_id
from domain.money import share_by_largest_remainder
from domain.order import Order
from domain.order.accounts import LineAccount
from domain.order.parts import Credit, LineAmount, OwedShare, Tender
from domain.order.payout import Payout, PayoutCover
from domain.settlement import payouts, refund, retries, tenders
from domain.settlement.entitlement import cut, left_of, left_of_all, left_shipping_of, limit, spread
from domain.settlement.sales_returns import sales_return
from domain.units import UnitRun, take, total
from domain.values import dataclass
from domain.vocabularies import ExternalKind

REFUNDED_ELSEWHERE: Final = "refunded_elsewhere"
"""Why a payout failed that had to give way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneBack:
    """What somebody says went back elsewhere, to which tender and for which lines, if he says so (minor units)."""

    external_id: str
    tender_id: str
    amount_minor: int
    kind: ExternalKind
    lines: tuple[LineAmount, ...]
    reference: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class _Divided:
    """What of the money pays payouts in their place, and what of it gives back of the order's cents."""

    covers: tuple[PayoutCover, ...]
    credits: tuple[Credit, ...]
    rounding_minor: int
    """What of it cash was rounded by."""


@dataclass(slots=True)
class _Covers:
    """What is paid of which payouts in their place."""

    order: Order
    by_payout: Counter[UUID] = field(default_factory=Counter)

    @property
    def total_minor(self) -> int:
        return self.by_payout.total()

    def take(self, amount_minor: int, candidates: Sequence[Payout]) -> None:
        """Pay so much in the place of the candidates, the first first, or less where there is less."""
        left = amount_minor
        for payout in candidates:
            share = min(left, payout.left_minor - self.by_payout[payout.payout_id])
            if share > 0:
                self.by_payout[payout.payout_id] += share
                left -= share

    def told(self) -> tuple[PayoutCover, ...]:
        """Return what is paid of each payout, in the order in which they were made."""
        return tuple(
            PayoutCover(payout.payout_id, payout.refund_id, self.by_payout[payout.payout_id])
            for payout in self.order.payouts.values()
            if self.by_payout[payout.payout_id]
        )


def record(order: Order, told: GoneBack, at: datetime) -> tuple[UUID, ...]:
    """Record what went back elsewhere, and return the refunds that it pays in the place of payouts.

    The same again is no second time. A payout under way that gives way to it fails; for what of it still fits a new one
    is requested.

    Raises:
        IdentifierReusedError: Another one came under this name.
        UnknownTenderError: The order has no such tender.
        AmountExceedsEntitlementError: The tender never paid so much.
        DuplicateLineError, UnknownLineError: A line is named twice, or is not the order's.
        AmountDiffersError: The lines sum to another amount.
        QuantityExceededError: A line has fewer units.
    """
    if order.is_repeat("external_id", told.external_id, told.content_hash):
        return ()
    tender = tenders.find(order, told.tender_id)
    _check(order, tender, told)
    divided = _divided(order, told)
    _tell(order, tender, told, divided, at)
    for cover in divided.covers:
        _give_way(order, order.payouts[cover.payout_id], at)
    make_room(order, told.tender_id, 0, at)
    return tuple(dict.fromkeys(cover.refund_id for cover in divided.covers))


def make_room(order: Order, tender_id: str, amount_minor: int, at: datetime) -> None:
    """Let those payouts to a tender give way that pay for nothing that is owed, until it has room for so much."""
    for payout in _doubtful(order, tender_id):
        if tenders.room(order, tender_id) < amount_minor:
            _give_way(order, payout, at)


def _check(order: Order, tender: Tender, told: GoneBack) -> None:
    if told.amount_minor > tender.amount_minor:
        raise AmountExceedsEntitlementError(
            asked=told.amount_minor, available=tender.amount_minor, tender_id=tender.tender_id
        )
    named = [line.line_id for line in told.lines]
    if twice := next((line_id for line_id in named if named.count(line_id) > 1), None):
        raise DuplicateLineError(f"line {twice} is there twice", line_id=twice)
    for line in told.lines:
        standing = total(order.line(line.line_id).standing)
        if line.quantity > standing:
            raise QuantityExceededError(asked=line.quantity, available=standing, line_id=line.line_id)
    given = sum(line.amount_minor for line in told.lines)
    if told.lines and given != told.amount_minor:
        message = f"the lines sum to {given}, not to {told.amount_minor} (minor units)"
        raise AmountDiffersError(message, expected_minor=told.amount_minor, given_minor=given)


def _divided(order: Order, told: GoneBack) -> _Divided:
    doubtful = sum(payout.amount_minor for payout in _doubtful(order, told.tender_id))
    room = tenders.room(order, told.tender_id) + doubtful
    candidates = _candidates(order, told)
    covers = _Covers(order)
    without_room = min(told.amount_minor - room, told.amount_minor)
    covers.take(without_room, [p for p in candidates if p.is_under_way and p.tender_id == told.tender_id])
    fits = max(min(told.amount_minor - covers.total_minor, room), 0)
    rounding = _rounding(order, told, fits)
    credits = [credit for credit in _credits(order, told, fits - rounding) if credit.gross_minor]
    covers.take(fits - rounding - _gross(credits), candidates)
    return _Divided(covers.told(), tuple(credits), rounding)


def _rounding(order: Order, told: GoneBack, amount_minor: int) -> int:
    """Return what of an amount cash was rounded by: that goes with all that is left, or not at all."""
    whole = order.rounding_left_minor
    left = sum(map(_gross, _all_left(order))) if whole and not told.lines else 0
    return whole if left and amount_minor >= left + whole else 0


def _doubtful(order: Order, tender_id: str) -> list[Payout]:
    """Return the payouts to a tender that others replaced, and of which nobody can tell any more whether they failed.

    They pay for nothing that is still owed; where they leave no room they give way, too.
    """
    to_it = [payout for payout in order.payouts.values() if payout.tender_id == tender_id]
    return [payout for payout in to_it if payout.retried and payout.is_under_way and not payout.returns_payment]


def _candidates(order: Order, told: GoneBack) -> list[Payout]:
    """Return the payouts that may give way: those under way first, its tender's, its lines', and the newest first."""
    named = {line.line_id for line in told.lines}

    def beside_the_point(payout: Payout) -> tuple[bool, bool, bool]:
        about = {credit.line_id for credit in order.refunds[payout.refund_id].credits}
        return payout.has_failed, payout.tender_id != told.tender_id, not named & about

    newest_first = reversed(order.payouts.values())
    open_ones = (payout for payout in newest_first if payout.is_under_way or payout.may_be_retried)
    waiting = [p for p in open_ones if not (p.is_ours or p.returns_payment or p.retried)]
    return sorted(waiting, key=beside_the_point)


def _credits(order: Order, told: GoneBack, amount_minor: int) -> list[Credit]:
    """Return what an amount gives back of the lines named, else of all that is left, and less where less is left."""
    if told.lines:
        credits: list[Credit] = []
        for line in told.lines:
            credits += _of_line(order.lines[line.line_id], line, amount_minor - _gross(credits))
        return credits
    return _of_all(_all_left(order), amount_minor)


def _all_left(order: Order) -> list[list[Credit]]:
    """Return all that is left of each line."""
    accounts = order.lines.values()
    return [left_of_all(a, _with_something_left(a, a.fact.quantity), with_shipping=True) for a in accounts]


def _of_all(left: Sequence[Sequence[Credit]], amount_minor: int) -> list[Credit]:
    """Return what an amount gives back of all that is left, shared out over the lines, then over the units of each."""
    by_line = [_gross(credits) for credits in left]
    shares = share_by_largest_remainder(min(amount_minor, sum(by_line)), by_line)
    return [credit for credits, share in zip(left, shares, strict=True) for credit in limit(credits, share)]


def _of_line(account: LineAccount, asked: LineAmount, most_minor: int) -> list[Credit]:
    """Return what a line gives: of its price and tax first, then of its shipping."""
    wanted = min(asked.amount_minor, most_minor)
    units = _with_something_left(account, asked.quantity)
    goods = left_of_all(account, units, with_shipping=False)
    shipping = [left_shipping_of(account, run) for run in units]
    of_goods = min(wanted, _gross(goods))
    return spread(goods, of_goods) + limit(shipping, min(wanted - of_goods, _gross(shipping)))


def _with_something_left(account: LineAccount, quantity: int) -> list[UnitRun]:
    """Return the lowest-numbered units with something left, wherever they are; those with only shipping left last."""
    left = [left_of(account, run, with_shipping=True) for run in cut(account, UnitRun(1, account.fact.quantity))]
    some = sorted((credit for credit in left if credit.gross_minor), key=lambda credit: not credit.paid_minor)
    return take([credit.run for credit in some], quantity)


def _gross(credits: Sequence[Credit]) -> int:
    return sum(credit.gross_minor for credit in credits)


def _tell(order: Order, tender: Tender, told: GoneBack, divided: _Divided, at: datetime) -> None:
    refund_id = order_refund_id(order.order_id, "external", told.external_id)
    covers, credits, rounding = divided.covers, divided.credits, divided.rounding_minor
    owed, beyond = paid_in_place(order, covers)
    beyond[None] += told.amount_minor - _gross(credits) - rounding - sum(cover.amount_minor for cover in covers)
    payout = _payout(order, tender, refund_id, told.amount_minor)
    order.trigger_event(
        order.ExternalRefundRecorded,
        external_id=told.external_id,
        refund_id=refund_id,
        kind=told.kind,
        amount_minor=told.amount_minor,
        currency=order.currency,
        asked=told.lines,
        credits=credits,
        payout=payout,
        covers=covers,
        surplus=surplus_shares(beyond),
        by_line=refund.by_line(order, credits, -rounding),
        rounding_minor=rounding,
        reference=told.reference,
        content_hash=told.content_hash,
        postings=ledger.entry(
            *sales_return(credits),
            (ledger.CASH_ROUNDING, rounding),
            (ledger.REFUNDS_OWED, owed),
            (ledger.CUSTOMER_RECEIVABLE, beyond.total()),
            (payouts.paid_from(payout), -told.amount_minor),
        ),
        timestamp=at,
    )


def _payout(order: Order, tender: Tender, refund_id: UUID, amount_minor: int) -> Payout:
    return Payout(
        payout_id=payout_id(refund_id, tender.tender_id, 1),
        refund_id=refund_id,
        rma_id=None,
        tender_id=tender.tender_id,
        tender_kind=tender.kind,
        amount_minor=amount_minor,
        idempotency_key=idempotency_key(refund_id, tender.tender_id, 1),
        status="settled",
        tender_reference=tenders.payment_reference(order, tender),
        elsewhere=True,
    )


def paid_in_place(order: Order, covers: Sequence[PayoutCover], sign: int = 1) -> tuple[int, Counter[UUID | None]]:
    """Return what of the covers was owed, and by return what is beyond that; ``sign`` -1: once they are taken back."""
    by_refund: Counter[UUID] = Counter()
    for cover in covers:
        by_refund[cover.refund_id] += sign * cover.amount_minor
    owed, beyond = 0, Counter[UUID | None]()
    for refund_id, amount in by_refund.items():
        was_owed, too_much = payouts.owed_and_beyond(order, order.refunds[refund_id], amount)
        owed += was_owed
        beyond[order.refunds[refund_id].rma_id] += too_much
    return owed, beyond


def surplus_shares(beyond: Mapping[UUID | None, int]) -> tuple[OwedShare, ...]:
    """Return surpluses by return."""
    return tuple(OwedShare(rma_id, "surplus", amount) for rma_id, amount in beyond.items() if amount)


def _give_way(order: Order, payout: Payout, at: datetime) -> None:
    """Let a payout under way fail, and request what still fits of it anew; one that failed already has only less left.

    Whoever was asked for it may have paid it all the same: then that is too much.
    """
    if not payout.is_under_way:
        return
    order.trigger_event(
        order.PayoutFailed,
        payout_id=payout.payout_id,
        refund_id=payout.refund_id,
        rma_id=payout.rma_id,
        reference=None,
        reason=REFUNDED_ELSEWHERE,
        postings=(),
        gave_way=True,
        timestamp=at,
    )
    if payout.left_minor and not payout.retried:
        request_anew(order, payout, payout.left_minor, at)


def request_anew(order: Order, old: Payout, amount_minor: int, at: datetime) -> None:
    """Request so much of a failed payout by a new one of the same refund to the same tender."""
    order.trigger_event(
        order.PayoutRetried,
        payout_id=old.payout_id,
        rma_id=old.rma_id,
        payout=retries.again(order, old, amount_minor),
        currency=order.currency,
        timestamp=at,
    )

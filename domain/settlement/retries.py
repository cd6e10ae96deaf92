"""A payout that failed, replaced by new ones: to the same tender, to others with room for it, or as store credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.errors import DuplicateTenderError, SeveralWaysError, TendersDoNotSumError, WrongStateError
from domain.identity import idempotency_key, payout_id
from domain.order import Order
from domain.order.payout import Payout
from domain.settlement.payouts import settle_ours
from domain.settlement.tenders import payouts_of, shared_out, with_room
from domain.values import dataclass

Share = tuple[str | None, int]
"""A tender (None: store credit), and what of a payout it takes, in minor units."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the money of a failed payout is to go, one way at most; none of them: where it should have gone."""

    tender_id: str | None = None
    as_store_credit: bool = False
    tenders: tuple[Share, ...] = ()
    approved_by: str | None = None
    """The second person who let it."""

    def shares(self, old: Payout) -> Sequence[Share]:
        """Return which tender takes what of a payout.

        Raises:
            SeveralWaysError: More than one way is named.
            DuplicateTenderError, TendersDoNotSumError: A tender is there twice, or they do not sum to the payout.
        """
        named = {"tender_id": self.tender_id, "as_store_credit": self.as_store_credit, "tenders": self.tenders}
        ways = [way for way, value in named.items() if value]
        if len(ways) > 1:
            raise SeveralWaysError(ways)
        if self.as_store_credit:
            return [(None, old.left_minor)]
        if not self.tenders:
            return [(self.tender_id or old.tender_id, old.left_minor)]
        ids = [tender_id for tender_id, _ in self.tenders]
        if twice := next((one for one in ids if ids.count(one) > 1), None):
            raise DuplicateTenderError(f"tender {twice} is there twice", tender_id=twice)
        given = sum(amount for _, amount in self.tenders)
        if given != old.left_minor:
            raise TendersDoNotSumError(
                f"{given} given for a payout of {old.left_minor} (minor units)",
                expected_minor=old.left_minor,
                given_minor=given,
            )
        return self.tenders


def retry(order: Order, old: Payout, to: Destination, at: datetime, *, holder_id: str) -> None:
    """Replace a failed payout by new ones of the same amount in all, less what went back elsewhere in its place.

    What goes out as store credit, of ``holder_id``, is settled at once and needs no room: it has the failed payout's.

    Raises:
        WrongStateError: It has not failed, or was retried before, or its money went back elsewhere.
        UnknownTenderError: The order has no such tender.
        AmountExceedsEntitlementError: A tender has not so much left to give back.
        SeveralWaysError, DuplicateTenderError, TendersDoNotSumError: As ``Destination.shares`` does.
    """
    if not old.may_be_retried:
        raise WrongStateError("only a failed payout can be retried, once", status=old.status, retried=old.retried)
    _replace(order, old, to.shares(old), at, holder_id=holder_id, approved_by=to.approved_by)


def request_elsewhere(order: Order, old: Payout, amount_minor: int, at: datetime) -> None:
    """Request so much of a payout anew: of its tender as far as that has room, else of the others, as refunds go.

    Meanwhile its tender may have given to another refund what it had no room for here.
    """
    shares = [
        (to.tender_id if to else None, share) for to, share in shared_out(order, amount_minor, first=old.tender_id)
    ]
    _replace(order, old, shares, at, holder_id=old.holder_id or order.customer_id)


def _replace(
    order: Order, old: Payout, shares: Sequence[Share], at: datetime, *, holder_id: str, approved_by: str | None = None
) -> None:
    new = [payout for tender_id, amount in shares for payout in _instead(order, old, tender_id, amount, holder_id)]
    order.trigger_event(
        order.PayoutRetried,
        payout_id=old.payout_id,
        rma_id=old.rma_id,
        payout=new[0],
        further=tuple(new[1:]),
        currency=order.currency,
        approved_by=approved_by,
        timestamp=at,
    )
    settle_ours(order, old.refund_id, at)


def _instead(order: Order, old: Payout, tender_id: str | None, amount_minor: int, holder_id: str) -> list[Payout]:
    """Return the payouts of so much of a failed one to a tender (None: as store credit), or back to its payment."""
    if old.returns_payment and tender_id == old.tender_id:
        return [again(order, old, amount_minor)]
    return payouts_of(
        order,
        old.refund_id,
        with_room(order, tender_id, amount_minor) if tender_id else None,
        amount_minor,
        rma_id=old.rma_id,
        holder_id=holder_id,
        attempt=_next_attempt(order, old.refund_id, tender_id),
    )


def again(order: Order, old: Payout, amount_minor: int) -> Payout:
    """Return a payout of so much of a failed one, to the same tender under a key of its own."""
    attempt = _next_attempt(order, old.refund_id, old.tender_id)
    return replace(
        old,
        payout_id=payout_id(old.refund_id, old.tender_id, attempt),
        idempotency_key=idempotency_key(old.refund_id, old.tender_id, attempt),
        amount_minor=amount_minor,
        attempt=attempt,
        status="requested",
        retried=False,
        gave_way=False,
        covered_minor=0,
    )


def _next_attempt(order: Order, refund: UUID, tender_id: str | None) -> int:
    """Return which payout of a refund to a tender (None: as store credit) the next one would be, from 1."""
    return 1 + sum(order.payouts[p].tender_id == tender_id for p in order.refunds[refund].payouts)

"""How much goes back for which units, to which tenders: cents are only moved that were allocated at registration."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal
from uuid import UUID

from domain import ledger
from domain.case import Case, fees
from domain.case.store_credit import holder_of
from domain.errors import AmountExceedsEntitlementError
from domain.identity import idempotency_key, payout_id, refund_id
from domain.money import basis_points_minor, part_minor, share_by_largest_remainder, spread_minor
from domain.order import Order
from domain.order.accounts import LineAccount, LineFees
from domain.order.parts import Credit, Payout, Tender
from domain.rma.parts import RefundPart, RmaRun
from domain.units import UnitRun, UnitStates

Because = Literal["policy", "agent", "fees_returned", "exchange_difference"]


def entitlement(case: Case, runs: Sequence[RmaRun]) -> list[Credit]:
    """Return what may still be given back for these units of one line, before fees: what was paid less what went back.

    Outward shipping counts only where the line's terms give it back.
    """
    credits = []
    for run in runs:
        line = case.rma.lines[run.line]
        account = case.order.lines[line.asked.line_id]
        with_shipping = line.terms is not None and line.terms.refunds_outward_shipping
        credits.append(_left(account, run, with_shipping=with_shipping))
    return credits


def _left(account: LineAccount, run: RmaRun, *, with_shipping: bool) -> Credit:
    line, units = account.fact, run.run
    return Credit(
        run.line,
        line.line_id,
        run.first,
        run.count,
        left_minor(account.credits, "goods_minor", line.goods_of, units),
        left_minor(account.credits, "tax_minor", line.tax_of, units),
        left_minor(account.credits, "shipping_minor", line.shipping_of, units) if with_shipping else 0,
    )


Component = Literal["goods_minor", "tax_minor", "shipping_minor"]


def left_minor(
    credits: Sequence[Credit], component: Component, paid_of: Callable[[UnitRun], int], units: UnitRun
) -> int:
    """Return what is left of one component of the cents paid for some units, after all credits so far.

    A credit is spread over its units in proportion to what was left for each: units 1 to k of it hold ⌊C·L(k)/L⌋. So no
    unit gives more than it has, however refunds of parts, of amounts and of units given back before overlap.
    """
    edges = {units.first, units.end} | {edge for credit in credits for edge in (credit.first, credit.run.end)}
    firsts = sorted(edges)
    left = [paid_of(UnitRun(first, end - first)) for first, end in pairwise(firsts)]
    for credit in credits:
        pieces = range(bisect_left(firsts, credit.first), bisect_left(firsts, credit.run.end))
        whole, amount = sum(left[piece] for piece in pieces), getattr(credit, component)
        before = 0
        for piece in pieces if whole else ():
            upto = before + left[piece]
            left[piece] -= part_minor(amount, whole, before, upto)
            before = upto
    return sum(left[bisect_left(firsts, units.first) : bisect_left(firsts, units.end)])


def with_something_left(case: Case, number: int, runs: Sequence[UnitRun]) -> list[UnitRun]:
    """Return those of a line's units for which something may still be given back."""
    account = case.order.lines[case.rma.lines[number].asked.line_id]
    cuts = {edge for credit in account.credits for edge in (credit.run.first, credit.run.end)}
    left = []
    for run in runs:
        edges = sorted({run.first, run.end} | {edge for edge in cuts if run.first < edge < run.end})
        parts = [UnitRun(first, end - first) for first, end in pairwise(edges)]
        left += [p for p in parts if entitlement(case, [RmaRun(number, p.first, p.count)])[0].gross_minor > 0]
    return left


def limit(credits: Sequence[Credit], amount_minor: int) -> list[Credit]:
    """Return the credits cut down to an amount in all, shared in proportion, goods, tax and shipping apart.

    Raises:
        AmountExceedsEntitlementError: There is less.
    """
    available = sum(credit.gross_minor for credit in credits)
    if amount_minor > available:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=available)
    weights = [part for credit in credits for part in (credit.goods_minor, credit.tax_minor, credit.shipping_minor)]
    shares = share_by_largest_remainder(amount_minor, weights)
    return [
        replace(credit, goods_minor=goods, tax_minor=tax, shipping_minor=shipping)
        for credit, goods, tax, shipping in zip(credits, shares[::3], shares[1::3], shares[2::3], strict=True)
    ]


def with_restocking(case: Case, credits: Sequence[Credit]) -> list[Credit]:
    """Return the credits with the restocking fee that each bears.

    Parts of a line that are refunded apart bear in sum the fee of the whole: it is rounded over all cents that bore
    one so far, and what was taken before is subtracted.
    """
    charged: list[Credit] = []
    so_far = dict(case.order.account(case.rma.rma_id).fees)
    for credit in credits:
        line = case.rma.lines[credit.line]
        run = RmaRun(credit.line, credit.first, credit.count)
        rate_bps = max(fees.restocking_bps(line, state) for _, state in case.rma.states_of([run]))
        base = credit.goods_minor + credit.tax_minor if rate_bps else 0
        before = so_far.get(credit.line, LineFees(0, 0))
        fee = basis_points_minor(before.base_minor + base, rate_bps) - before.fee_minor if rate_bps else 0
        fee = max(min(fee, base), 0)
        so_far[credit.line] = LineFees(before.base_minor + base, before.fee_minor + fee)
        charged.append(replace(credit, fee_minor=fee, fee_base_minor=base))
    return charged


def restocking_back(case: Case, number: int, waived: Sequence[RmaRun]) -> list[Credit]:
    """Return credits that give back what these units of a line bear of its restocking fee, one for each run.

    What stays is the fee on the cents of all other units, rounded once; a unit bears in proportion to what was paid.
    """
    line, account = case.rma.lines[number], case.order.account(case.rma.rma_id)
    sold = case.order.lines[line.asked.line_id].fact
    bases = [
        sum(
            spread_minor(credit.fee_base_minor, credit.run, run.run, sold.paid_of)
            for credit in account.charged_on(number)
        )
        for run in waived
    ]
    so_far = account.fees.get(number, LineFees(0, 0))
    if line.terms is None or not sum(bases):
        return []
    stays = basis_points_minor(max(so_far.base_minor - sum(bases), 0), line.terms.fees.restocking_bps)
    backs = share_by_largest_remainder(max(so_far.fee_minor - stays, 0), bases)
    return [
        Credit(number, sold.line_id, run.first, run.count, 0, 0, 0, -back, -base)
        for run, back, base in zip(waived, backs, bases, strict=True)
        if base
    ]


def return_shipping_now(case: Case, line: int, bearable_minor: int) -> int:
    """Return what of the return shipping this refund bears; nothing where any line waives it."""
    if fees.return_shipping_is_waived(case.rma):
        return 0
    taken = case.order.account(case.rma.rma_id).return_shipping_minor
    return min(max(fees.return_shipping_minor(case.rma.lines[line]) - taken, 0), bearable_minor)


def request(
    case: Case,
    credits: Sequence[Credit],
    *,
    because: Because,
    return_shipping_minor: int = 0,
    as_store_credit: bool = False,
) -> UUID:
    """Request a refund and return its id: the fact in the order's ledger, its payouts, the return's own note of it."""
    order, rma = case.order, case.rma
    restocking = sum(credit.fee_minor for credit in credits)
    gross = sum(credit.gross_minor for credit in credits)
    amount = gross - restocking - return_shipping_minor
    refund = refund_id(rma.rma_id, rma.refund_count + 1)
    payouts = _payouts(case, refund, amount, as_store_credit=as_store_credit or rma.gift)
    tax = sum(credit.tax_minor for credit in credits)
    order.trigger_event(
        order.RefundRequested,
        refund_id=refund,
        rma_id=rma.rma_id,
        because=because,
        amount_minor=amount,
        currency=order.currency,
        restocking_minor=restocking,
        return_shipping_minor=return_shipping_minor,
        credits=tuple(credits),
        units=sum(_new_units(case.order.lines[credit.line_id], credit) for credit in credits),
        payouts=payouts,
        recipient_id=rma.recipient_id,
        postings=ledger.entry(
            (ledger.SALES_RETURNS, gross - tax),
            (ledger.SALES_TAX, tax),
            (ledger.REFUNDS_OWED, -amount),
            (ledger.FEE_INCOME, -restocking - return_shipping_minor),
        ),
        timestamp=case.at,
    )
    rma.trigger_event(
        rma.RefundStarted,
        refund_id=refund,
        amount_minor=amount,
        settlement="pending" if payouts else "settled",
        currency=order.currency,
        parts=_parts(refund, credits, amount),
        timestamp=case.at,
    )
    return refund


def _new_units(account: LineAccount, credit: Credit) -> int:
    """Return how many units of a credit were given nothing back for before."""
    if not credit.gross_minor:
        return 0
    units: UnitStates[bool] = UnitStates([(credit.run, True)])
    for earlier in account.credits:
        if earlier.gross_minor:
            units.change([earlier.run], lambda _: False)
    return sum(run.count for run, new in units if new)


def _parts(refund: UUID, credits: Sequence[Credit], amount_minor: int) -> tuple[RefundPart, ...]:
    nets = [credit.gross_minor - credit.fee_minor for credit in credits]
    shares = share_by_largest_remainder(amount_minor, nets if any(nets) else [1] * len(nets))
    return tuple(
        RefundPart(refund, credit.line, credit.first, credit.count, share)
        for credit, share in zip(credits, shares, strict=True)
    )


def room(order: Order, tender_id: str) -> int:
    """Return what a tender paid and has not got back, nor is about to (minor units)."""
    paid = next(tender.amount_minor for tender in order.tenders if tender.tender_id == tender_id)
    given = sum(p.amount_minor for p in order.payouts.values() if p.tender_id == tender_id and p.status != "failed")
    return paid - given


def _payouts(case: Case, refund: UUID, amount_minor: int, *, as_store_credit: bool) -> tuple[Payout, ...]:
    """Share a refund over the tenders, in their order, each up to its room; what none takes is store credit."""
    shares: list[tuple[Tender | None, int]] = []
    left = amount_minor
    if not as_store_credit:
        for tender in case.order.tenders:
            share = min(left, max(room(case.order, tender.tender_id), 0))
            if share:
                shares.append((tender, share))
                left -= share
    if left:
        shares.append((None, left))
    return tuple(new_payout(case, refund, tender, share, attempt=1) for tender, share in shares)


def new_payout(case: Case, refund: UUID, tender: Tender | None, amount_minor: int, *, attempt: int) -> Payout:
    """Return the payout of a sum to a tender (None: as store credit), under the key of this attempt."""
    tender_id = tender.tender_id if tender else None
    return Payout(
        payout_id=payout_id(refund, tender_id, attempt),
        refund_id=refund,
        rma_id=case.rma.rma_id,
        tender_id=tender_id,
        tender_kind=tender.kind if tender else "store_credit",
        amount_minor=amount_minor,
        idempotency_key=idempotency_key(refund, tender_id, attempt),
        attempt=attempt,
        tender_reference=tender.reference if tender else None,
        holder_id=None if tender else holder_of(case.rma),
    )

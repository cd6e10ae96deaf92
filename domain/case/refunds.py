"""How much goes back for which units, to which tenders: cents are only moved that were allocated at registration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from domain.case import Case, fees, shares
from domain.case.store_credit import holder_of
from domain.identity import refund_id
from domain.money import basis_points_minor, share_by_largest_remainder, spread_minor
from domain.order.accounts import LineFees
from domain.order.parts import Credit, TenderShare
from domain.order.promotions import PromotionChange
from domain.rma.parts import RefundPart, RmaRun
from domain.settlement import refund as settlement_refund
from domain.settlement.entitlement import cut, left_of_all
from domain.settlement.refund import By, Payee
from domain.units import UnitRun
from domain.vocabularies import RefundGround, Settlement


def entitlement(case: Case, runs: Sequence[RmaRun]) -> list[Credit]:
    """Return what may still be given back for these units of one line, before fees: what was paid less what went back.

    Outward shipping counts only where the line's terms give it back.
    """
    credits: list[Credit] = []
    for number, of_line in groupby(runs, key=lambda run: run.line):
        line = case.rma.lines[number]
        account = case.order.lines[line.asked.line_id]
        with_shipping = line.terms is not None and line.terms.refunds_outward_shipping
        units = [run.run for run in of_line]
        credits += left_of_all(account, units, with_shipping=with_shipping, line=number)
    return credits


def with_something_left(case: Case, number: int, runs: Sequence[UnitRun], *, by_policy: bool = False) -> list[UnitRun]:
    """Return those of a line's units for which something may still be given back: by a person, or as policy grants."""
    account = case.order.lines[case.rma.lines[number].asked.line_id]
    left = []
    for run in runs:
        for part in cut(account, run):
            credits = entitlement(case, [RmaRun(number, part.first, part.count)])
            credits = shares.granted(case, credits) if by_policy else credits
            left += [part] if credits[0].gross_minor > 0 else []
    return left


def with_restocking(case: Case, credits: Sequence[Credit], given_back: Sequence[Credit] = ()) -> list[Credit]:
    """Return the credits with the restocking fee that each bears, once the fees ``given_back`` are.

    Parts of a line that are refunded apart bear in sum the fee of the whole: it is rounded over all cents that bore
    one so far, and what was taken before is subtracted.
    """
    charged: list[Credit] = []
    so_far = dict(case.order.account(case.rma.rma_id).fees)
    for back in given_back:
        before = so_far.get(back.line, LineFees(0, 0))
        so_far[back.line] = LineFees(before.base_minor + back.fee_base_minor, before.fee_minor + back.fee_minor)
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


def return_shipping_now(case: Case, runs: Sequence[RmaRun], bearable_minor: int, *, given_back_minor: int = 0) -> int:
    """Return what of the return shipping one line's units bear by policy, once ``given_back_minor`` of it is.

    Nothing where any line waives it, or a person named another.
    """
    account = case.order.account(case.rma.rma_id)
    of_line = fees.return_shipping_minor(case.rma.lines[runs[0].line])
    due = max(of_line - account.return_shipping_minor + given_back_minor, 0)
    if not due or account.label_fee_is_named or fees.return_shipping_is_waived(case.rma, runs):
        return 0
    return min(due, bearable_minor)


def request(
    case: Case,
    credits: Sequence[Credit],
    *,
    because: RefundGround,
    return_shipping_minor: int = 0,
    label_fee_by: By = "policy",
    as_store_credit: bool = False,
    tenders: Sequence[TenderShare] = (),
    promotions: Sequence[PromotionChange] = (),
    stays_sold: bool = False,
) -> UUID:
    """Request a refund and return its id: the fact in the order's ledger, its payouts, the return's own note of it.

    It goes to the ``tenders`` named, or where none are to those of the order in their order.
    """
    order, rma = case.order, case.rma
    refund = refund_id(rma.rma_id, rma.refund_count + 1)
    payee = Payee(
        holder_id=holder_of(rma),
        rma_id=rma.rma_id,
        recipient_id=rma.recipient_id,
        as_store_credit=as_store_credit or rma.gift,
        tenders=tuple(tenders),
    )
    payouts = settlement_refund.request(
        order,
        refund,
        credits,
        case.at,
        because=because,
        payee=payee,
        return_shipping_minor=return_shipping_minor,
        label_fee_by=label_fee_by,
        promotions=promotions,
        stays_sold=stays_sold,
    )
    amount = order.refunds[refund].amount_minor
    _tell_return(case, refund, credits, amount, settlement="pending" if payouts else "settled")
    return refund


def _tell_return(
    case: Case, refund: UUID, credits: Sequence[Credit], amount_minor: int, *, settlement: Settlement
) -> None:
    case.rma.trigger_event(
        case.rma.RefundStarted,
        refund_id=refund,
        amount_minor=amount_minor,
        settlement=settlement,
        currency=case.order.currency,
        parts=_parts(refund, credits, amount_minor),
        timestamp=case.at,
    )


def _parts(refund: UUID, credits: Sequence[Credit], amount_minor: int) -> tuple[RefundPart, ...]:
    nets = [credit.gross_minor - credit.fee_minor for credit in credits]
    shares = share_by_largest_remainder(amount_minor, nets if any(nets) else [1] * len(nets))
    return tuple(
        RefundPart(refund, credit.line, credit.first, credit.count, share)
        for credit, share in zip(credits, shares, strict=True)
    )

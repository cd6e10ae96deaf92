"""Goods of a grade that is worth a share: they are accepted, and policy gives back that share of what was paid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from domain.case import Case
from domain.money import basis_points_minor, share_by_largest_remainder
from domain.order.accounts import LineAccount
from domain.order.parts import Credit
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.settlement import entitlement
from domain.units import UnitRun
from domain.vocabularies import MERCHANT_SIDE

ALL_BPS: Final = 10_000


def share_bps(line: RmaLine, state: RunState) -> int:
    """Return what share of goods and tax policy gives back for units, in basis points.

    All of it where somebody on the merchant's side is liable, and where a statute's right for faulty goods holds, until
    the inspection says otherwise. A right to withdraw leaves the share: wear beyond trying on may be deducted.
    Source: Directive 2011/83/EU art. 14(2); (EU) 2019/771 art. 13 and 14.
    """
    terms = line.terms
    if terms is None or state.grade is None or state.liable_party in MERCHANT_SIDE:
        return ALL_BPS
    if terms.fees.fee_free and state.liable_party != "customer" and state.cause != "none_found":
        return ALL_BPS
    return terms.grade_share_bps.get(state.grade, ALL_BPS)


def apart(case: Case, runs: Sequence[RmaRun]) -> list[RmaRun]:
    """Return the units of one line in runs of one share each."""
    if not runs or not _has_shares(case.rma.lines[runs[0].line]):
        return list(runs)
    line = case.rma.lines[runs[0].line]
    parts = []
    for whole in runs:
        for _, same in groupby(case.rma.states_of([whole]), key=lambda part: share_bps(line, part[1])):
            known = [run for run, _ in same]
            parts.append(RmaRun(whole.line, known[0].first, sum(run.count for run in known)))
    return parts


def granted(case: Case, credits: Sequence[Credit]) -> list[Credit]:
    """Return what policy grants of what is left for units, one credit for each: their share, less what went back of it.

    One sum for each run, rounded half to even, which goods and tax bear in proportion; shipping is no part of it. What
    the order gave back while the goods stayed made them cheaper, and is no part of what is shared.
    """
    return [_granted(case, credit) for credit in credits]


def _granted(case: Case, credit: Credit) -> Credit:
    line = case.rma.lines[credit.line]
    if not _has_shares(line):
        return credit
    states = case.rma.states_of([RmaRun(credit.line, credit.first, credit.count)])
    share = min((share_bps(line, state) for _, state in states), default=ALL_BPS)
    if share == ALL_BPS:
        return credit
    base = _price(case.order.lines[credit.line_id], credit.run)
    went_back = base - credit.paid_minor
    due = min(max(basis_points_minor(base, share) - went_back, 0), credit.paid_minor)
    goods, tax = share_by_largest_remainder(due, [credit.goods_minor, credit.tax_minor])
    return entitlement.cut_down(credit, goods, tax, credit.shipping_minor)


def _has_shares(line: RmaLine) -> bool:
    return line.terms is not None and bool(line.terms.grade_share_bps)


def _price(account: LineAccount, run: UnitRun) -> int:
    """Return the goods and tax cents of units, less what the order gave back of them without a return."""
    before = [credit for credit in account.credits if not credit.line]
    goods = entitlement.left_minor(before, "goods_minor", account.fact.goods_of, run)
    return goods + entitlement.left_minor(before, "tax_minor", account.fact.tax_of, run)

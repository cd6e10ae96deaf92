"""Money asked back from the customer, and no longer asked once what a deadline asked it for has lost its ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from domain import ledger
from domain.case import Case
from domain.case.payouts import Named
from domain.identity import claim_id
from domain.money import part_minor
from domain.order.accounts import Claim
from domain.order.parts import LineRun
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.settlement import overpayments
from domain.units import UnitRun, total, without
from domain.vocabularies import UnclaimedBecause

NOT_RETURNED_AFTER_EXCHANGE: Final = "not_returned_after_advance_exchange"
NOT_RETURNED_AFTER_REFUND: Final = "not_returned_after_refund"
BY_DEADLINE: Final = frozenset({NOT_RETURNED_AFTER_EXCHANGE, NOT_RETURNED_AFTER_REFUND})
"""The reasons of claims that a deadline raises by itself."""


def raise_claim(
    case: Case,
    amount_minor: int,
    *,
    line: int | None,
    reason: str,
    named: Named | None = None,
    units: Sequence[LineRun] = (),
) -> None:
    """Ask money back from the customer: it stands in the receivable until it is paid; the same again counts once.

    Raises:
        UnknownLineError: The return has no such line.
        IdentifierReusedError: Another claim came under this name.
    """
    if named and named.is_repeat(case.order, "claim_id"):
        return
    if line is not None:
        case.rma.line(line)
    number = len(case.order.claims) + 1
    case.order.trigger_event(
        case.order.ClaimRaised,
        rma_id=case.rma.rma_id,
        line=line,
        amount_minor=amount_minor,
        reason=reason,
        postings=ledger.entry((ledger.CUSTOMER_RECEIVABLE, amount_minor), (ledger.SALES_RETURNS, -amount_minor)),
        currency=case.order.currency,
        approved_by=case.approved_by,
        claim_id=(named and named.name) or str(claim_id(case.rma.rma_id, number)),
        content_hash=named and named.content_hash,
        units=tuple(units),
        timestamp=case.at,
    )


def claim_unreturned(case: Case, number: int, waiting: Sequence[tuple[RmaRun, RunState]]) -> None:
    """Ask back what went out for goods that did not come in time: a new article's worth, or an early refund."""
    line = case.rma.lines[number]
    replaced = [run for run, state in waiting if state.goods_sent]
    refunded = [run for run, state in waiting if state.is_paid_out and not state.goods_sent]
    for runs, reason, worth_of in (
        (replaced, NOT_RETURNED_AFTER_EXCHANGE, line.asked.paid_of),
        (refunded, NOT_RETURNED_AFTER_REFUND, line.refunded_of),
    ):
        amount = sum(worth_of(run.run) for run in runs)
        if amount:
            raise_claim(case, amount, line=number, reason=reason, units=case.order_runs(runs))


def give_up(case: Case, runs: Sequence[RmaRun], because: UnclaimedBecause) -> None:
    """Ask no longer what a deadline asked for these units by itself: its ground is gone.

    What the customer paid of it goes back to him.
    """
    wanted = case.order_runs(runs)
    for claim in list(case.order.claims.values()):
        if claim.rma_id != case.rma.rma_id or claim.reason not in BY_DEADLINE:
            continue
        units = tuple(_still_claimed(case, claim, wanted))
        amount = _share_of(case, claim, units)
        if not units or not amount:
            continue
        case.order.trigger_event(
            case.order.ClaimReversed,
            claim_id=claim.claim_id,
            rma_id=claim.rma_id,
            line=claim.line,
            amount_minor=amount,
            because=because,
            units=units,
            postings=ledger.entry((ledger.SALES_RETURNS, amount), (ledger.CUSTOMER_RECEIVABLE, -amount)),
            currency=case.order.currency,
            reversal=len(claim.reversals) + 1,
            timestamp=case.at,
        )
    overpayments.give_back(case.order, case.rma.rma_id, "claim", case.at)


def _still_claimed(case: Case, claim: Claim, wanted: Sequence[LineRun]) -> Iterator[LineRun]:
    """Yield those of the wanted units that a claim is for and still asks for."""
    for part in _units_of(case, claim):
        given_up = [run.run for run in claim.given_up if run.line_id == part.line_id]
        left = without([part.run], given_up)
        beside = without(left, [run.run for run in wanted if run.line_id == part.line_id])
        yield from (LineRun(part.line_id, run.first, run.count) for run in without(left, beside))


def _units_of(case: Case, claim: Claim) -> tuple[LineRun, ...]:
    """Return the units of a claim; one of the first days names none: those of its line that were replaced are meant."""
    if claim.units or claim.line is None:
        return claim.units
    line = case.rma.lines[claim.line]
    return tuple(LineRun(line.asked.line_id, run.first, run.count) for run, state in line.states if state.goods_sent)


def _share_of(case: Case, claim: Claim, units: Sequence[LineRun]) -> int:
    """Return what of a claim falls to some of its units, in proportion to what was paid for them."""
    line_ids = {run.line_id for run in units}
    if len(line_ids) != 1:
        return 0
    paid_of = case.order.lines[line_ids.pop()].fact.paid_of
    parts = [run.run for run in _units_of(case, claim)]
    if total(parts) == total(run.run for run in (*claim.given_up, *units)):
        return claim.amount_minor - claim.given_up_minor  # the last of them: what is left, to the cent
    weigh = paid_of if sum(map(paid_of, parts)) else _count
    whole = sum(map(weigh, parts))
    return sum(_spread(claim.amount_minor, parts, weigh, whole, run.run) for run in units)


def _count(run: UnitRun) -> int:
    return run.count


def _spread(
    amount_minor: int, parts: Sequence[UnitRun], weigh: Callable[[UnitRun], int], whole: int, run: UnitRun
) -> int:
    before = sum(weigh(UnitRun(p.first, min(p.end, run.first) - p.first)) for p in parts if p.first < run.first)
    return part_minor(amount_minor, whole, before, before + weigh(run))

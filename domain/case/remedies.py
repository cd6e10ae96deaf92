"""Offers that may avoid a return: taken, turned down or left to lapse; only the first changes what was decided."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.case import Case, refunds, resolution
from domain.case.authorization import carry_out
from domain.case.resolution import Award, Figures
from domain.errors import AlreadyShippedError, WrongStateError
from domain.money import basis_points_minor
from domain.policy.document import Remedy
from domain.rma.parts import LineDecision, RmaRun


def answer(case: Case, number: int, *, accepted: bool) -> None:
    """Carry out the customer's answer to an offer.

    Raises:
        UnknownLineError: The return has no such line.
        WrongStateError: Nothing is offered on it, or not any more.
        AlreadyShippedError: The goods that would stay with the customer have left.
    """
    offer = case.rma.line(number).offer
    remedy = offer.decision.remedy if offer else None
    if offer is None or remedy is None or not case.rma.awaits_answer(number):
        raise WrongStateError("nothing is offered on the line", line=number)
    offer = _of_waiting_units(case, offer)
    if accepted:
        if any(not state.is_with_customer for _, state in case.rma.line(number).states.within(offer.runs)):
            raise AlreadyShippedError("goods are on their way", line=number)
        case.rma.trigger_event(case.rma.RemedyAccepted, line=number, remedy=remedy, timestamp=case.at)
        _accept(case, offer, remedy)
    else:
        case.rma.trigger_event(case.rma.RemedyDeclined, line=number, timestamp=case.at)
        carry_out(case, [offer])


def lapse(case: Case, number: int, deadline_id: UUID) -> None:
    """Carry out the decision on a line whose offer nobody answered."""
    offer = case.rma.lines[number].offer
    if offer is not None:
        offer = _of_waiting_units(case, offer)
        case.rma.trigger_event(case.rma.RemedyLapsed, line=number, deadline_id=deadline_id, timestamp=case.at)
        carry_out(case, [offer])


def _of_waiting_units(case: Case, offer: LineDecision) -> LineDecision:
    """Return the offer for those of its units that wait: others were withdrawn since, or cancelled by the shop."""
    states = case.rma.line(offer.line).states.within(offer.runs)
    return replace(offer, runs=tuple(run for run, state in states if state.authorization == "requested"))


def _accept(case: Case, offer: LineDecision, remedy: Remedy) -> None:
    rma = case.rma
    runs = tuple(RmaRun(offer.line, run.first, run.count) for run in offer.runs)
    if remedy.kind == "troubleshooting":
        rma.trigger_event(rma.Withdrawn, runs=runs, reason="remedy_accepted", timestamp=case.at)
        case.order.free_units(rma.rma_id, case.order_runs(runs), "withdrawn", case.at)
    elif remedy.kind == "partial_refund":
        rma.trigger_event(rma.Authorized, lines=(offer,), timestamp=case.at)
        rma.trigger_event(rma.KeptByCustomer, runs=runs, timestamp=case.at)
        paid = sum(rma.lines[offer.line].asked.paid_of(run) for run in offer.runs)
        left = sum(credit.gross_minor for credit in refunds.entitlement(case, runs))
        share = min(basis_points_minor(paid, remedy.share_bps or 0), left)  # some may have gone back before
        figures = Figures(amount_minor=share)
        resolution.resolve(
            case, runs, Award(resolution="refund", by="policy", figures=figures, reason="remedy_accepted")
        )
    else:
        carry_out(case, [offer])

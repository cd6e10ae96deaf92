"""What a person decides that units get: where policy left it open, or where what was decided has moved nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from domain.case import Case, exchange, refunds, resolution, shares
from domain.case.bench import found_as
from domain.case.resolution import Award
from domain.errors import (
    AmountExceedsEntitlementError,
    DuplicateTenderError,
    QuantityExceededError,
    TendersDoNotSumError,
    WrongStateError,
)
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.settlement import cash_rounding
from domain.settlement.tenders import with_room
from domain.units import UnitRun, take, total, without
from domain.values import dataclass
from domain.vocabularies import PAID_OUT, Resolution

_MOVES_NO_MONEY: Final = frozenset({"replacement", "repair", "send_back", "none"})
_GOODS_COME: Final = frozenset({"repair", "send_back"})
"""Resolutions that need the goods here."""


@dataclass(frozen=True, slots=True)
class PersonsRuling:
    """What a person wants so many units of a line to get."""

    line: int
    quantity: int
    award: Award


def decide(case: Case, ruling: PersonsRuling) -> None:
    """Carry out a person's decision: on units undecided first, then on those whose decision has moved nothing yet.

    Units that were refunded in part may be refunded further, up to what is left of them. Refused goods may be sent
    back whatever was decided on the request: no money moves. An exchange is changed until its article left; where that
    was promised in advance, its money waits for policy's moment as any would.

    Raises:
        WrongStateError: Figures without a resolution that pays so, or goods kept that have to come.
        QuantityExceededError: More units than there are in a fitting state.
        AmountExceedsEntitlementError, UnknownTenderError: More money than there is, or to no tender of the order.
        DuplicateTenderError, TendersDoNotSumError: Tenders that do not take what is paid, each once.
    """
    _check_words(case, ruling)
    choice = _open_to_a_person(case, ruling)
    if total(choice) < ruling.quantity:
        raise QuantityExceededError(asked=ruling.quantity, available=total(choice), line=ruling.line)
    chosen = sorted(take(choice, ruling.quantity), key=lambda run: run.first)
    fitting = shares.apart(case, [RmaRun(ruling.line, run.first, run.count) for run in chosen])
    award = ruling.award
    if award.figures.are_named:
        _check_figures(case, ruling, fitting)
    later = [] if award.keep or award.figures.are_named else _promised_in_advance(case, ruling, fitting)
    if now := _without(fitting, later):
        resolution.resolve(case, now, award)
    if later:
        resolution.resolve(case, later, replace(award, when_due=True))


def _check_words(case: Case, ruling: PersonsRuling) -> None:
    """Refuse what does not go together, whatever state the units are in."""
    name, figures = ruling.award.resolution, ruling.award.figures
    if name not in PAID_OUT:
        if figures.amount_minor is not None:
            raise WrongStateError(f"a {name} has no amount", resolution=name)
        if figures.return_shipping_minor is not None:
            raise WrongStateError(f"a {name} bears no return shipping", resolution=name)
    if figures.tenders and (name != "refund" or case.rma.gift):
        raise WrongStateError("only a refund that is no gift goes to tenders", resolution=name)
    if ruling.award.keep and name in _GOODS_COME:
        raise WrongStateError(f"a {name} needs the goods", resolution=name)
    ids = [share.tender_id for share in figures.tenders]
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        raise DuplicateTenderError(f"tender {twice} is there twice", tender_id=twice)


def _check_figures(case: Case, ruling: PersonsRuling, runs: Sequence[RmaRun]) -> None:
    figures, account = ruling.award.figures, case.order.lines[case.rma.lines[ruling.line].asked.line_id]
    called_off = exchange.called_off(case, runs) if account.set_off and exchange.promised(case, runs) else None
    if figures.amount_minor is not None:
        available = sum(credit.gross_minor for credit in refunds.entitlement(case, runs))
        available -= sum(credit.gross_minor for credit in called_off.credits) if called_off else 0
        if figures.amount_minor > available:
            raise AmountExceedsEntitlementError(asked=figures.amount_minor, available=available, line=ruling.line)
    priced = resolution.price(case, runs, ruling.award, called_off)
    if not figures.tenders:
        return
    given_back = called_off.credits if called_off else ()
    paid = priced.paid_minor
    paid += cash_rounding.due_with(case.order, [*given_back, *priced.credits], paid)
    given = sum(share.amount_minor for share in figures.tenders)
    if given != paid:
        raise TendersDoNotSumError(
            f"the tenders take {given} of {paid} that are paid (minor units)", expected_minor=paid, given_minor=given
        )
    for share in figures.tenders:
        with_room(case.order, share.tender_id, share.amount_minor)


def _open_to_a_person(case: Case, ruling: PersonsRuling) -> list[UnitRun]:
    """Return the units that a person may decide on, in the order in which they are taken.

    What has nothing left is among them by figures, or where goods are kept: then it is refused by its figures.
    """

    found = found_as(case, ruling.line, ruling.award.sku)

    def of(fits: Callable[[RunState], bool]) -> list[UnitRun]:
        fitting = case.rma.fitting(ruling.line, lambda state: fits(state) and _is_meant(state, ruling, found))
        return case.open_units(ruling.line, fitting)

    decidable = _may_be_sent_back if ruling.award.resolution == "send_back" else _is_authorized
    choice = of(lambda state: decidable(state) and state.is_undecided)
    choice += of(lambda state: decidable(state) and _nothing_moved(state, ruling.award.resolution))
    if ruling.award.resolution in PAID_OUT:
        refunded = of(lambda state: state.is_authorized and state.is_paid_out)
        by_policy = ruling.award.figures.amount_minor is None
        further = refunds.with_something_left(case, ruling.line, refunded, by_policy=by_policy)
        choice += further
        if not by_policy or ruling.award.keep:
            choice += without(refunded, further)
    return choice


def _is_meant(state: RunState, ruling: PersonsRuling, found: str | None) -> bool:
    """Tell whether a ruling may be about units: of its inspection, as what was found; kept ones with the customer."""
    of_inspection = ruling.award.inspection_id is None or state.inspection_id == ruling.award.inspection_id
    of_article = (state.found_sku if state.is_another_article else None) == found
    return of_inspection and of_article and (not ruling.award.keep or state.is_with_customer or state.is_kept)


def _is_authorized(state: RunState) -> bool:
    return state.is_authorized


def _may_be_sent_back(state: RunState) -> bool:
    return state.is_authorized or (state.is_at_dock and not state.is_live)


def _nothing_moved(state: RunState, wanted: Resolution) -> bool:
    """Tell whether a decision may be changed: nothing went out by it yet, and it is not the very same exchange."""
    if state.has_goods_out:
        return False
    if state.is_exchanged:
        return wanted != "exchange"
    return state.resolution in _MOVES_NO_MONEY or state.awaits_its_moment


def _promised_in_advance(case: Case, ruling: PersonsRuling, runs: Sequence[RmaRun]) -> list[RmaRun]:
    """Return units for which an article was promised while they are with the customer, and policy would not pay yet."""
    terms = case.rma.lines[ruling.line].terms
    if terms is None or ruling.award.resolution not in PAID_OUT:
        return []
    return [
        run
        for run, state in case.rma.states_of(runs)
        if state.resolution in exchange.PROMISES and state.is_with_customer and not resolution.is_reached(terms, state)
    ]


def _without(runs: Sequence[RmaRun], others: Sequence[RmaRun]) -> list[RmaRun]:
    """Return the units of one line in ``runs`` that are not in ``others``."""
    left = without([run.run for run in runs], [run.run for run in others]) if others else [run.run for run in runs]
    return [RmaRun(runs[0].line, run.first, run.count) for run in left]

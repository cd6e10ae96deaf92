"""What the customer gets for units, and when: by policy as soon as its terms are met, else by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from domain import ledger
from domain.case import Case, fees, payouts, refunds
from domain.errors import AmountExceedsEntitlementError, QuantityExceededError, WrongStateError
from domain.money import part_minor
from domain.order.parts import Credit
from domain.policy.decision import Decision
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.settlement import entitlement
from domain.units import UnitRun, take, total, without
from domain.vocabularies import MADE_GOOD, PAID_OUT, Resolution

By = Literal["policy", "person"]
_MOVES_NO_MONEY: Final = frozenset({"replacement", "repair", "send_back", "none"})


def follow_policy(case: Case, number: int) -> None:
    """Do what the line's terms say follows from where its units stand now: keep the goods, pay, replace.

    Called after every fact that may meet the terms, in the same append as that fact.
    """
    line = case.rma.lines[number]
    if line.terms is None:
        return
    if line.terms.method == "keep":
        keep = [run for run, state in _of_line(case, number) if state.is_authorized and state.is_with_customer]
        if keep:
            case.rma.trigger_event(case.rma.KeptByCustomer, runs=tuple(keep), timestamp=case.at)
    due = [run for run, state in _of_line(case, number) if _is_due(line, state)]
    if due:
        resolve(case, due, line.asked.wish, by="policy")


def follow_policy_on(case: Case, runs: Iterable[RmaRun]) -> None:
    """Do what the terms of these units' lines say follows, line by line."""
    for number in sorted({run.line for run in runs}):
        follow_policy(case, number)


def _of_line(case: Case, number: int) -> list[tuple[RmaRun, RunState]]:
    return [(RmaRun(number, run.first, run.count), state) for run, state in case.rma.lines[number].states]


def _is_due(line: RmaLine, state: RunState) -> bool:
    """Tell whether policy's moment has come: an accepted inspection, or the earlier one that the terms name."""
    terms = line.terms
    if terms is None or not state.is_authorized or not state.is_undecided:
        return False
    if state.is_inspected:
        return state.accepted
    if state.is_missing or state.is_lost or line.asked.wish == "repair":
        return False
    return _reached(terms, state)


def _reached(terms: Decision, state: RunState) -> bool:
    if state.is_kept or terms.refund_due == "approval":
        return True
    if terms.refund_due == "first_scan":
        return state.is_on_its_way or state.is_here
    return terms.refund_due == "receipt" and state.is_here


def resolve(
    case: Case,
    runs: Sequence[RmaRun],
    resolution: Resolution,
    *,
    by: By,
    amount_minor: int | None = None,
    inspection_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Decide what units of one line get, and set its money going. Checks are the caller's."""
    case.rma.trigger_event(
        case.rma.ResolutionDecided,
        runs=tuple(runs),
        resolution=resolution,
        amount_minor=amount_minor,
        inspection_id=inspection_id,
        reason=reason,
        by=by,
        timestamp=case.at,
    )
    _settle_units(case, runs, resolution)
    if resolution in PAID_OUT:
        refund(case, runs, by=by, amount_minor=amount_minor, as_store_credit=resolution == "store_credit")
    elif resolution == "exchange":
        exchange(case, runs)


def _settle_units(case: Case, runs: Sequence[RmaRun], resolution: Resolution) -> None:
    """Let units that will not come in leave the return: made good, they count as returned; given up, they are free."""
    gone = [run for run, state in case.rma.states_of(runs) if state.is_lost or state.is_kept]
    states = case.order.states_within(case.order_runs(gone))
    ours = [run for run, state in states if state.is_open_to(case.rma.rma_id)]
    if resolution in MADE_GOOD:
        case.order.return_units(case.rma.rma_id, ours, case.at)
    elif resolution != "repair":
        case.order.free_units(case.rma.rma_id, ours, "resolved", case.at)


def refund(case: Case, runs: Sequence[RmaRun], *, by: By, amount_minor: int | None, as_store_credit: bool) -> None:
    """Request a refund for units of one line: all that is left less fees, or an agent's amount without any."""
    credits = refunds.entitlement(case, runs)
    shipping = 0
    if amount_minor is None:
        credits = refunds.with_restocking(case, credits)
        net = sum(credit.gross_minor - credit.fee_minor for credit in credits)
        shipping = refunds.return_shipping_now(case, runs[0].line, net)
    else:
        credits = entitlement.limit(credits, amount_minor)
    requested = refunds.request(
        case,
        credits,
        because="policy" if by == "policy" else "agent",
        return_shipping_minor=shipping,
        as_store_credit=as_store_credit,
    )
    payouts.start(case, requested)
    give_fees_back(case)


def exchange(case: Case, runs: Sequence[RmaRun]) -> None:
    """Set units off against the article wished for: a higher quote is owed to us, a lower one refunded in part."""
    order, rma = case.order, case.rma
    line = rma.lines[runs[0].line]
    credits = refunds.with_restocking(case, refunds.entitlement(case, runs))
    worth = sum(credit.gross_minor - credit.fee_minor for credit in credits)
    quote = _quote(line, runs, worth)
    over: list[Credit] = []
    if quote < worth:
        over = entitlement.limit(refunds.entitlement(case, runs), worth - quote)
        credits = [_less(credit, part) for credit, part in zip(credits, over, strict=True)]
    gross = sum(credit.gross_minor for credit in credits)
    tax = sum(credit.tax_minor for credit in credits)
    restocking = sum(credit.fee_minor for credit in credits)
    order.trigger_event(
        order.Exchanged,
        rma_id=rma.rma_id,
        credits=tuple(credits),
        quote_minor=quote,
        restocking_minor=restocking,
        currency=order.currency,
        postings=ledger.entry(
            (ledger.SALES_RETURNS, gross - tax),
            (ledger.SALES_TAX, tax),
            (ledger.CUSTOMER_RECEIVABLE, quote - (gross - restocking)),
            (ledger.EXCHANGE_CLEARING, -quote),
            (ledger.FEE_INCOME, -restocking),
        ),
        timestamp=case.at,
    )
    if line.bonus_minor and _is_first_exchange(line, runs):
        payouts.grant_goodwill(case, line.bonus_minor, line=runs[0].line, reason="exchange_bonus")
    if over:
        payouts.start(case, refunds.request(case, over, because="exchange_difference"))


def _is_first_exchange(line: RmaLine, runs: Sequence[RmaRun]) -> bool:
    """Tell whether no other unit of the line was exchanged before, by the decision just recorded."""
    exchanged = sum(run.count for run, state in line.states if state.is_exchanged)
    return exchanged == sum(run.count for run in runs)


def _quote(line: RmaLine, runs: Sequence[RmaRun], worth: int) -> int:
    """Return the part of the shop's quote that falls to these units; without a quote, an even exchange."""
    wanted = line.asked.exchange_for
    if wanted is None:
        return worth
    units = sum(run.count for run in runs)
    exchanged = sum(run.count for run, state in line.states if state.is_exchanged)
    asked = max(line.asked.quantity, exchanged)
    before = exchanged - units  # these units are exchanged already, by the decision just recorded
    return part_minor(wanted.amount_minor, asked, before, exchanged)


def _less(credit: Credit, part: Credit) -> Credit:
    return Credit(
        credit.line,
        credit.line_id,
        credit.first,
        credit.count,
        credit.goods_minor - part.goods_minor,
        credit.tax_minor - part.tax_minor,
        credit.shipping_minor - part.shipping_minor,
        credit.fee_minor,
        credit.fee_base_minor,
    )


def decide(
    case: Case,
    number: int,
    quantity: int,
    resolution: Resolution,
    *,
    amount_minor: int | None,
    inspection_id: str | None,
    reason: str | None,
) -> None:
    """Let a person decide what units get: those undecided first, then those whose decision has moved nothing yet.

    Units that were refunded in part may be refunded further, up to what is left of them. Refused goods may be sent
    back whatever was decided on the request: no money moves.

    Raises:
        WrongStateError: An amount without a resolution that pays.
        QuantityExceededError, AmountExceedsEntitlementError: More than there is.
    """
    if amount_minor is not None and resolution not in PAID_OUT:
        raise WrongStateError(f"a {resolution} has no amount", resolution=resolution)
    by_figures = amount_minor is not None
    choice = _open_to_a_person(case, number, resolution, inspection_id=inspection_id, by_figures=by_figures)
    if total(choice) < quantity:
        raise QuantityExceededError(asked=quantity, available=total(choice), line=number)
    chosen = sorted(take(choice, quantity), key=lambda run: run.first)
    fitting = [RmaRun(number, run.first, run.count) for run in chosen]
    if amount_minor is not None:
        available = sum(credit.gross_minor for credit in refunds.entitlement(case, fitting))
        if amount_minor > available:
            raise AmountExceedsEntitlementError(asked=amount_minor, available=available, line=number)
    resolve(
        case, fitting, resolution, by="person", amount_minor=amount_minor, inspection_id=inspection_id, reason=reason
    )


def _open_to_a_person(
    case: Case, number: int, resolution: Resolution, *, inspection_id: str | None, by_figures: bool
) -> list[UnitRun]:
    """Return the units that a person may decide on, in the order in which they are taken.

    What has nothing left is among them ``by_figures`` only: then it is refused by its figures.
    """

    def of(fits: Callable[[RunState], bool]) -> list[UnitRun]:
        def fits_here(state: RunState) -> bool:
            return fits(state) and (inspection_id is None or state.inspection_id == inspection_id)

        return case.open_units(number, case.rma.fitting(number, fits_here))

    decidable = _may_be_sent_back if resolution == "send_back" else _is_authorized
    choice = of(lambda state: decidable(state) and state.is_undecided)
    choice += of(lambda state: decidable(state) and _nothing_moved(state))
    if resolution in PAID_OUT:
        refunded = of(lambda state: state.is_authorized and state.is_paid_out)
        further = refunds.with_something_left(case, number, refunded)
        choice += further
        if by_figures:
            choice += without(refunded, further)
    return choice


def _is_authorized(state: RunState) -> bool:
    return state.is_authorized


def _may_be_sent_back(state: RunState) -> bool:
    return state.is_authorized or (state.is_here and not state.is_live)


def _nothing_moved(state: RunState) -> bool:
    return state.resolution in _MOVES_NO_MONEY and not state.goods_sent


def give_fees_back(case: Case, inspected: int | None = None) -> None:
    """Refund the fees whose ground is gone, to the lines whose refunds bore them, one refund a line.

    The restocking of an ``inspected`` line, for its units that bear no fees now; the return shipping of the whole
    return, as soon as any refunded line waives it.
    """
    restocking = _restocking_back(case, inspected) if inspected is not None else []
    shipping = case.order.account(case.rma.rma_id).return_shipping
    waived = fees.return_shipping_is_waived(case.rma)
    taken = {number: amount for number, amount in shipping.items() if amount and waived}
    for number in sorted({*taken, *(credit.line for credit in restocking)}):
        back = [credit for credit in restocking if credit.line == number] or [_nothing_else(case, number)]
        requested = refunds.request(case, back, because="fees_returned", return_shipping_minor=-taken.get(number, 0))
        payouts.start(case, requested)


def _nothing_else(case: Case, number: int) -> Credit:
    line = case.rma.lines[number]
    part = line.refunded[0]
    return Credit(number, line.asked.line_id, part.first, part.count, 0, 0, 0)


def _restocking_back(case: Case, number: int) -> list[Credit]:
    line = case.rma.lines[number]
    waived = [
        RmaRun(number, run.first, run.count)
        for run, state in line.states
        if state.is_refunded and fees.are_waived(line, state)
    ]
    back = refunds.restocking_back(case, number, waived) if waived else []
    return back if any(credit.fee_minor for credit in back) else []

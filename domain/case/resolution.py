"""What the customer gets for units, and when: by policy as soon as its terms are met, else by a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from domain.case import Case, disposition, exchange, fees, payouts, refunds, shares
from domain.errors import AmountExceedsEntitlementError
from domain.order.parts import Credit, LineRun, TenderShare
from domain.order.promotions import PromotionChange
from domain.policy.decision import Decision
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.settlement import entitlement, promotions
from domain.settlement.promotions import total_minor
from domain.settlement.refund import By, net_minor
from domain.units import once
from domain.values import dataclass
from domain.vocabularies import MADE_GOOD, PAID_OUT, Resolution


@dataclass(frozen=True, slots=True)
class Figures:
    """What a person says of a refund's money, in minor units; what is None, or empty, policy says."""

    amount_minor: int | None = None
    return_shipping_minor: int | None = None
    """The return shipping that the refund bears."""
    tenders: tuple[TenderShare, ...] = ()

    @property
    def are_named(self) -> bool:
        """Tell whether a person said anything of it."""
        return self != BY_POLICY


BY_POLICY: Final = Figures()
_IN_MONEY: Final[tuple[Resolution, ...]] = ("refund", "store_credit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What units get, and who said so and why.

    ``when_due`` leaves its money until policy's moment has come; ``keep`` lets the goods stay with the customer.
    """

    resolution: Resolution
    by: By
    figures: Figures = BY_POLICY
    when_due: bool = False
    keep: bool = False
    inspection_id: str | None = None
    reason: str | None = None
    sku: str | None = None
    """The article that came in the units' place, where it is about that."""


def follow_policy(case: Case, number: int) -> None:
    """Do what the line's terms say follows from where its units stand now: keep the goods, pay, replace.

    Called after every fact that may meet the terms, in the same append as that fact.
    """
    line = case.rma.lines[number]
    if line.terms is None:
        return
    if line.terms.method == "keep":
        keep(case, [run for run, state in _of_line(case, number) if state.is_authorized])
    disposition.follow(case, number)
    due = [run for run, state in _of_line(case, number) if state.is_undecided and _is_due(line, state)]
    if due:
        resolve(case, due, Award(resolution=line.asked.wish, by="policy"))
    decided = [(run, state) for run, state in _of_line(case, number) if state.awaits_its_moment]
    for resolution in _IN_MONEY if decided else ():
        now = [run for run, state in decided if state.resolution == resolution and _is_due(line, state)]
        if now:
            _carry_out(case, now, Award(resolution=resolution, by="person"))


def keep(case: Case, runs: Sequence[RmaRun]) -> None:
    """Let those of the units that are with the customer stay there."""
    kept = tuple(run for run, state in case.rma.states_of(runs) if state.is_with_customer)
    if kept:
        case.rma.trigger_event(case.rma.KeptByCustomer, runs=kept, timestamp=case.at)


def follow_policy_on(case: Case, runs: Iterable[RmaRun]) -> None:
    """Do what the terms of these units' lines say follows, line by line."""
    for number in sorted({run.line for run in runs}):
        follow_policy(case, number)


def _of_line(case: Case, number: int) -> list[tuple[RmaRun, RunState]]:
    return [(RmaRun(number, run.first, run.count), state) for run, state in case.rma.lines[number].states]


def _is_due(line: RmaLine, state: RunState) -> bool:
    """Tell whether policy's moment has come: an accepted inspection, or the earlier one that the terms name."""
    terms = line.terms
    if terms is None or not state.is_authorized:
        return False
    if state.is_inspected:
        return state.accepted
    if state.is_missing or state.is_lost:
        return False
    if state.is_undecided and (state.wrong_serial or line.asked.wish == "repair"):
        return False
    return is_reached(terms, state)


def is_reached(terms: Decision, state: RunState) -> bool:
    """Tell whether units are where the terms' moment of payment needs them, before any inspection."""
    if state.is_kept or terms.refund_due == "approval":
        return True
    if terms.refund_due == "first_scan":
        return state.is_on_its_way or state.is_here
    return terms.refund_due == "receipt" and state.is_here


def resolve(case: Case, runs: Sequence[RmaRun], award: Award) -> None:
    """Let units of one line get what was decided, and set its money going. Checks are the caller's.

    An exchange decided before is called off.
    """
    promised = exchange.promised(case, runs)
    case.rma.trigger_event(
        case.rma.ResolutionDecided,
        runs=tuple(runs),
        resolution=award.resolution,
        amount_minor=award.figures.amount_minor,
        inspection_id=award.inspection_id,
        reason=award.reason,
        by=award.by,
        when_due=award.when_due,
        keep=award.keep,
        tenders=award.figures.tenders,
        return_shipping_minor=award.figures.return_shipping_minor,
        agent_id=case.agent_id if award.by == "person" else None,
        approved_by=case.approved_by if award.by == "person" else None,
        timestamp=case.at,
    )
    exchange.call_off(case, promised)
    if award.keep:
        keep(case, runs)
    if not award.when_due:
        _carry_out(case, runs, award)
    disposition.follow(case, runs[0].line)


def _carry_out(case: Case, runs: Sequence[RmaRun], award: Award) -> None:
    _settle_units(case, runs, award.resolution)
    if award.resolution in PAID_OUT:
        refund(case, runs, award)
    elif award.resolution == "exchange":
        exchange.exchange(case, runs)


def _settle_units(case: Case, runs: Sequence[RmaRun], resolution: Resolution) -> None:
    """Let units that will not come in leave the return: made good, they count as returned; given up, they are free.

    What another article stands for is settled by that: the unit counts as returned, whatever was decided.
    """
    known = case.rma.states_of(runs)
    swapped = case.order_runs(run for run, state in known if state.is_another_article)
    case.order.return_units(case.rma.rma_id, swapped, case.at)
    states = case.order.states_within(case.order_runs(run for run, state in known if state.is_lost or state.is_kept))
    ours = [run for run, state in states if state.is_open_to(case.rma.rma_id)]
    if resolution in MADE_GOOD:
        case.order.return_units(case.rma.rma_id, ours, case.at)
    elif resolution != "repair":
        case.order.free_units(case.rma.rma_id, ours, "resolved", case.at)


@dataclass(frozen=True, slots=True)
class Price:
    """What goes back for units of one line: credits with the restocking on them, and what is kept beside (minor units).

    ``stays_sold``: the units stay with the customer for a part of their price.
    """

    credits: list[Credit]
    return_shipping_minor: int
    promotions: tuple[PromotionChange, ...]
    stays_sold: bool

    @property
    def paid_minor(self) -> int:
        """What is paid."""
        return net_minor(self.credits, self.return_shipping_minor + total_minor(self.promotions))

    @property
    def moves_nothing(self) -> bool:
        """Tell whether there is nothing to give back, nor anything that a promotion has to count."""
        return not self.promotions and not any(credit.gross_minor for credit in self.credits)


def price(case: Case, runs: Sequence[RmaRun], award: Award, called_off: exchange.Worth | None = None) -> Price:
    """Return what goes back for units of one line.

    All that policy grants of what is left, less fees and what is lost of promotions; or a person's amount, which bears
    neither. Beside what is left counts what an exchange that is yet to be ``called_off`` gives back, by run.

    Raises:
        AmountExceedsEntitlementError: More is named than there is.
    """
    figures = award.figures
    credits = refunds.entitlement(case, runs)
    back = called_off or exchange.Worth(())
    if called_off:
        credits = [entitlement.less(credit, part) for credit, part in zip(credits, called_off.credits, strict=True)]
    if figures.amount_minor is None:
        credits = refunds.with_restocking(case, shares.granted(case, credits), back.credits)
    else:
        credits = entitlement.limit(credits, figures.amount_minor)
    net = sum(credit.gross_minor - credit.fee_minor for credit in credits)
    shipping = figures.return_shipping_minor
    if shipping is None:
        given_back = -back.return_shipping_minor
        by_policy = figures.amount_minor is None
        shipping = refunds.return_shipping_now(case, runs, net, given_back_minor=given_back) if by_policy else 0
    elif shipping > net:
        raise AmountExceedsEntitlementError(asked=shipping, available=net, line=runs[0].line)
    stays_sold = figures.amount_minor is not None and (award.keep or _are_kept(case, runs))
    changed = () if stays_sold else _promotions(case, credits, net - shipping if figures.amount_minor is None else 0)
    return Price(credits, shipping, changed, stays_sold)


def _are_kept(case: Case, runs: Sequence[RmaRun]) -> bool:
    return all(state.is_kept for _, state in case.rma.states_of(runs))


def _promotions(case: Case, credits: Sequence[Credit], bearable_minor: int) -> tuple[PromotionChange, ...]:
    """Return what a refund for units of one line takes off for promotions, or gives back."""
    terms = case.rma.lines[credits[0].line].terms
    recomputes = terms is not None and terms.promotions == "recompute"
    return promotions.changes(case.order, credits, bearable_minor=bearable_minor if recomputes else 0)


def refund(case: Case, runs: Sequence[RmaRun], award: Award) -> None:
    """Request a refund for units of one line."""
    priced = price(case, runs, award)
    if priced.moves_nothing and not case.order.newly_gone(priced.credits):
        payouts.settle_nothing(case, runs)
        return
    requested = refunds.request(
        case,
        priced.credits,
        because="policy" if award.by == "policy" else "agent",
        return_shipping_minor=priced.return_shipping_minor,
        label_fee_by="policy" if award.figures.return_shipping_minor is None else "person",
        as_store_credit=award.resolution == "store_credit",
        tenders=award.figures.tenders,
        promotions=priced.promotions,
        stays_sold=priced.stays_sold,
    )
    payouts.start(case, requested)
    give_fees_back(case)


def give_fees_back(case: Case, inspected: int | None = None) -> None:
    """Refund the fees whose ground is gone, to the lines whose refunds bore them, one refund a line.

    The restocking of an ``inspected`` line, for its units that bear no fees now; the return shipping of the whole
    return, as soon as any refunded line waives it.
    """
    restocking = _restocking_back(case, inspected) if inspected is not None else []
    shipping = case.order.account(case.rma.rma_id).return_shipping
    taken = {number: amount for number, amount in shipping.items() if amount}
    if taken and not fees.return_shipping_is_waived(case.rma):
        taken = {}
    for number in sorted({*taken, *(credit.line for credit in restocking)}):
        back = [credit for credit in restocking if credit.line == number] or [_nothing_else(case, number)]
        requested = refunds.request(case, back, because="fees_returned", return_shipping_minor=-taken.get(number, 0))
        payouts.start(case, requested)


def _nothing_else(case: Case, number: int) -> Credit:
    """Return a credit of nothing for units that bore the fee: refunded ones, or else exchanged ones."""
    line = case.rma.lines[number]
    exchanged = (run for run, state in line.states if state.is_exchanged)
    run = line.refunded[0].run if line.refunded else next(exchanged)
    return Credit(number, line.asked.line_id, run.first, run.count, 0, 0, 0)


def give_rest(case: Case, number: int) -> None:
    """Refund what an inspection adds to the share that policy grants for units of a line that were paid before.

    What a person named for units stays as it is; less than was paid is for a claim.
    """
    line = case.rma.lines[number]
    for resolution in _IN_MONEY if line.terms is not None and line.terms.grade_share_bps else ():
        paid = [run for run, state in _of_line(case, number) if _grows_with_grade(state, resolution)]
        credits = [c for c in shares.granted(case, refunds.entitlement(case, paid)) if c.paid_minor]
        if credits:
            charged = refunds.with_restocking(case, credits)
            requested = refunds.request(
                case,
                charged,
                because="policy",
                as_store_credit=resolution == "store_credit",
                promotions=_promotions(case, charged, net_minor(charged)),
            )
            payouts.start(case, requested)


def give_what_is_back(case: Case, units: Sequence[LineRun]) -> None:
    """Refund what is left again, as a chargeback was won, for those of the units that had got less for want of it.

    What a person named for units stays as it is. Runs may overlap: a chargeback takes goods and shipping apart.
    """
    for number, line in case.rma.lines.items():
        back = once(run.run for run in units if run.line_id == line.asked.line_id)
        got_less = [(run, state) for run, state in line.states.within(back) if _gets_all(state)]
        for resolution in _IN_MONEY if got_less else ():
            runs = [RmaRun(number, run.first, run.count) for run, state in got_less if state.resolution == resolution]
            some = [run for run in shares.apart(case, runs) if _something_is_left(case, run)]
            if some:
                refund(case, some, Award(resolution=resolution, by="policy"))


def _gets_all(state: RunState) -> bool:
    """Tell whether units get all that policy grants, whoever decided it."""
    return state.is_authorized and state.is_paid_out and not state.deducted


def _something_is_left(case: Case, run: RmaRun) -> bool:
    return any(credit.paid_minor for credit in shares.granted(case, refunds.entitlement(case, [run])))


def _grows_with_grade(state: RunState, resolution: Resolution) -> bool:
    by_policy = state.is_paid_out and not state.deducted
    return by_policy and state.resolution == resolution and state.is_inspected and state.accepted


def _restocking_back(case: Case, number: int) -> list[Credit]:
    line = case.rma.lines[number]
    waived = [
        RmaRun(number, run.first, run.count)
        for run, state in line.states
        if state.is_refunded and fees.are_waived(line, state)
    ]
    back = refunds.restocking_back(case, number, waived) if waived else []
    return back if any(credit.fee_minor for credit in back) else []

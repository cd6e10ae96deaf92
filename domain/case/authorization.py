"""Whether units may come back: asked by a customer, decided by policy or a person, and revised by either.

A decision is a fact that a later one may supersede: a denial can be appealed or overridden, a request corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.case import Case, resolution, warranty
from domain.errors import (
    AlreadyShippedError,
    QuantityExceededError,
    UnitsNotAvailableError,
    WrongStateError,
)
from domain.order import Order
from domain.order.parts import Arrival
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.return_policy import PolicyVersion
from domain.policy.statutes import statutes_for
from domain.rma.parts import LineDecision, PersonDecision, RequestedLine, RmaRun, of_order
from domain.rma.run_state import RunState
from domain.units import UnitRun, take, total, without

Holidays = Callable[[str, int], frozenset[date]]
"""The holidays of a calendar in a year, looked up by whoever may look things up."""

HOLIDAY_YEARS_AHEAD: Final = 2
HOLIDAY_YEARS_MAX: Final = 12
"""Years whose holidays a decision is given: from the order's year to two after the request's, at most so many."""

OUTCOMES: Final = ("approve", "review", "deny")


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy version an order is held to, and the holidays its calendar knows."""

    version: PolicyVersion
    holidays: Holidays

    def holidays_between(self, ordered_at: datetime, requested_at: datetime) -> tuple[date, ...]:
        """Return the holidays of the window's own calendar."""
        calendar = self.version.document.window.calendar
        return () if calendar is None else self._of(calendar, ordered_at.year, requested_at.year)

    def rule_holidays_between(self, ordered_at: datetime, requested_at: datetime) -> dict[str, tuple[date, ...]]:
        """Return the holidays of the calendars that rules name beside the window's own."""
        document = self.version.document
        others = set(document.calendars()) - {document.window.calendar}
        return {name: self._of(name, ordered_at.year, requested_at.year) for name in sorted(others)}

    def _of(self, calendar: str, first_year: int, request_year: int) -> tuple[date, ...]:
        last_year = request_year + HOLIDAY_YEARS_AHEAD
        years = range(max(first_year, last_year - HOLIDAY_YEARS_MAX + 1), last_year + 1)
        return tuple(sorted(day for year in years for day in self.holidays(calendar, year)))


def decide_by_policy(case: Case, numbers: Iterable[int], policy: PolicyInForce, requested_at: datetime) -> None:
    """Decide lines by policy, each on its own, and carry that out; what may be avoided is offered first."""
    decided: list[LineDecision] = []
    all_delivered_at = _whole_order_delivered_at(case.order)
    for number in numbers:
        line = case.rma.line(number)
        runs = tuple(case.rma.fitting(number, lambda state: state.is_live))
        facts = _facts(case, line.asked, runs, policy, requested_at=requested_at, all_delivered_at=all_delivered_at)
        decision = decide(policy.version.document, statutes_for(case.order.country, case.order.created_on), facts)
        decided.append(LineDecision(number, runs, decision))
    offered = tuple(one for one in decided if _may_be_avoided(case, one))
    if offered:
        case.rma.trigger_event(case.rma.RemedyOffered, lines=offered, timestamp=case.at)
    carry_out(case, [one for one in decided if one not in offered])


def _may_be_avoided(case: Case, decided: LineDecision) -> bool:
    """Tell whether something is offered before an authorization; once for each line."""
    decision = decided.decision
    return decision.outcome == "approve" and decision.remedy is not None and not case.rma.line(decided.line).was_offered


def carry_out(case: Case, lines: Sequence[LineDecision]) -> None:
    """Record policy's decisions on lines: denied units are free again, approved ones get what is due at once."""
    rma = case.rma
    decided = {outcome: [one for one in lines if one.decision.outcome == outcome] for outcome in OUTCOMES}
    for outcome, event in (("approve", rma.Authorized), ("review", rma.ReviewAsked), ("deny", rma.Denied)):
        if decided[outcome]:
            rma.trigger_event(event, lines=tuple(decided[outcome]), timestamp=case.at)
    for denied in decided["deny"]:
        held = of_order(rma.lines[denied.line].asked.line_id, denied.runs)
        case.order.free_units(rma.rma_id, held, "denied", case.at)
    for authorized in decided["approve"]:
        resolution.follow_policy(case, authorized.line)


def _facts(
    case: Case,
    asked: RequestedLine,
    runs: Sequence[UnitRun],
    policy: PolicyInForce,
    *,
    requested_at: datetime,
    all_delivered_at: datetime | None,
) -> Facts:
    order, account = case.order, case.order.lines[asked.line_id]
    paid = sum(asked.paid_of(run) for run in runs)
    units = total(runs)
    return Facts(
        channel=order.channel,
        seller_id=order.seller_id,
        country=order.country,
        customer_tier=order.customer_tier,
        tender_kinds=tuple(dict.fromkeys(tender.kind for tender in order.tenders)),
        category=asked.category,
        sku=asked.sku,
        final_sale=account.fact.final_sale,
        reason=asked.reason,
        wish=asked.wish,
        quantity=units,
        line_paid_minor=paid,
        unit_paid_minor=paid // units if units else 0,
        ordered_at=order.created_on,
        shipped_at=_latest(account.shipped, runs),
        delivered_at=_latest(account.delivered, runs),
        order_delivered_at=all_delivered_at,
        requested_at=requested_at,
        gift=case.rma.gift,
        in_warranty=warranty.holds_on(account, runs, requested_at),
        answers=dict(asked.answers or {}),
        withdrawal_exception=account.fact.withdrawal_exception,
        holidays=policy.holidays_between(order.created_on, requested_at),
        rule_holidays=policy.rule_holidays_between(order.created_on, requested_at),
    )


def _latest(arrivals: Sequence[Arrival], runs: Sequence[UnitRun]) -> datetime | None:
    """Return when the last of these units arrived, or None while one has not; units arrive in their order."""
    first, latest = 1, None
    for arrival in arrivals:
        end = first + arrival.quantity
        if any(run.first < end and first < run.end for run in runs):
            latest = max(arrival.at, latest or arrival.at)
        first = end
    return latest if all(run.end <= first for run in runs) else None


def _whole_order_delivered_at(order: Order) -> datetime | None:
    times = [_latest(account.delivered, [UnitRun(1, account.fact.quantity)]) for account in order.lines.values()]
    known = [at for at in times if at is not None]
    return max(known) if len(known) == len(times) else None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants for so many units of a line."""

    line: int
    quantity: int
    approved: bool
    code: str | None


def decide_all(
    case: Case,
    choices: Iterable[Choice],
    decide_one: Callable[[Case, Choice, Sequence[UnitRun]], PersonDecision],
) -> list[PersonDecision]:
    """Return a person's decisions, none of them on a unit that an earlier one took: a line may go several ways."""
    decisions: list[PersonDecision] = []
    for choice in choices:
        taken = [run for decided in decisions if decided.line == choice.line for run in decided.runs]
        decisions.append(decide_one(case, choice, taken))
    return decisions


def decide_by_person(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> PersonDecision:
    """Return a person's answer on units that wait for one.

    Raises:
        WrongStateError: None of the line's units wait for a person.
        QuantityExceededError: Fewer do than were named.
        UnitsNotAvailableError: Those to approve did not come in, and went elsewhere.
    """
    number, quantity = choice.line, choice.quantity
    waiting = case.rma.fitting(number, lambda state: state.needs_review)
    if not waiting:
        raise WrongStateError("the line does not wait for a decision", line=number)
    waiting = without(waiting, taken)
    if total(waiting) < quantity:
        raise QuantityExceededError(asked=quantity, available=total(waiting), line=number)
    if choice.approved:
        waiting = _still_ours(case, number, waiting)
        if total(waiting) < quantity:
            line_id = case.rma.lines[number].asked.line_id
            raise UnitsNotAvailableError(line_id=line_id, asked=quantity, available=total(waiting))
    return PersonDecision(number, tuple(take(waiting, quantity)), choice.approved, choice.code)


def override(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> PersonDecision:
    """Return a person's decision against what had been decided, on units that are decided the other way.

    Units given up by a denial, an expiry or a withdrawal are authorized anew if they, or others of the line, are free,
    or if they came in under this return.

    Raises:
        WrongStateError: No unit of the line is decided the other way.
        QuantityExceededError, UnitsNotAvailableError: Fewer units are, or they went elsewhere.
    """
    number, quantity, approved = choice.line, choice.quantity, choice.approved
    fitting = case.rma.fitting(
        number, lambda state: state.may_be_taken_up("authorized") if approved else _may_be_denied(state)
    )
    if not fitting:
        raise WrongStateError("no unit of the line is decided the other way", line=number)
    known = case.rma.lines[number].states.within(taken)
    replaced = total(taken) - total(run for run, _ in known)  # as many of the line's own gave up their place
    fitting = without(fitting, taken)
    fitting = without(fitting, take(fitting, replaced))
    if total(fitting) < quantity:
        raise QuantityExceededError(asked=quantity, available=total(fitting), line=number)
    runs = take(fitting, quantity)
    runs = _regain(case, number, runs, taken) if approved else runs
    return PersonDecision(number, tuple(runs), approved, choice.code)


def _may_be_denied(state: RunState) -> bool:
    return state.is_authorized and state.is_undecided


def _regain(case: Case, number: int, runs: Sequence[UnitRun], taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
    """Return units that this return can hold again: its own where they are free or came in, else others of the line."""
    line_id = case.rma.lines[number].asked.line_id
    regained = _still_ours(case, number, runs)
    lacking = total(runs) - total(regained)
    if not lacking:
        return list(runs)
    others = case.order.all_free(line_id, [*regained, *taken, *_with_a_story(case, line_id)])
    if total(others) < lacking:
        raise UnitsNotAvailableError(line_id=line_id, asked=total(runs), available=total(regained) + total(others))
    return sorted([*regained, *take(others, lacking)], key=lambda run: run.first)


def _still_ours(case: Case, number: int, runs: Sequence[UnitRun]) -> list[UnitRun]:
    """Return those of a line's units that this return holds, or that nobody does."""
    states = case.order.states_within(of_order(case.rma.lines[number].asked.line_id, list(runs)))
    return [run.run for run, state in states if state.is_open_to(case.rma.rma_id)]


def _with_a_story(case: Case, line_id: str) -> list[UnitRun]:
    """Return the order line's units that this return has moved: none of them takes the place of another."""
    return [
        run
        for line in case.rma.lines.values()
        if line.asked.line_id == line_id
        for run, state in line.states
        if not state.is_with_customer
    ]


def apply_person(case: Case, decisions: Sequence[PersonDecision]) -> None:
    """Take or free units by a person's decisions just recorded, and give approved ones what is due at once."""
    for decided in decisions:
        line = case.rma.lines[decided.line]
        runs = of_order(line.asked.line_id, decided.runs)
        if decided.approved:
            case.order.take_free_units(case.rma.rma_id, runs, case.at)
            resolution.follow_policy(case, decided.line)
        else:
            case.order.free_units(case.rma.rma_id, runs, "denied", case.at)


def appeal(case: Case, number: int) -> tuple[UnitRun, ...]:
    """Return the units that a line needs again for its denial to be looked at by a person.

    Raises:
        WrongStateError: Nothing of the line is denied, or the time to appeal is over.
        UnitsNotAvailableError: Its units went elsewhere.
    """
    denied = case.rma.fitting(number, lambda state: state.may_be_taken_up("needs_review"))
    if not denied:
        raise WrongStateError("the line is not denied", line=number)
    denied_at = case.rma.lines[number].denied_at
    for deadline in case.rma.deadlines.values():
        about_this = deadline.kind == "appeal" and deadline.line == number and deadline.is_passed
        if about_this and (denied_at is None or denied_at < deadline.due_at):
            raise WrongStateError("the time to appeal is over", line=number)
    return tuple(_regain(case, number, denied))


def withdraw(case: Case) -> list[RmaRun]:
    """Return the units that a customer gives up returning.

    Raises:
        AlreadyShippedError: Something has left the customer.
        WrongStateError: Nothing is left to withdraw, or money already moved.
    """
    live = [(run, state) for run, state in case.rma.units() if state.is_live]
    if case.rma.closed_at or not live:
        raise WrongStateError("the return has nothing left to withdraw", status=case.rma.status)
    if any(state.has_left for _, state in case.rma.units()):
        raise AlreadyShippedError("goods are on their way")
    if any(not state.is_undecided for _, state in live):
        raise WrongStateError("the return is already resolved", status=case.rma.status)
    return [run for run, _ in live]


def correctable(case: Case, number: int) -> list[UnitRun]:
    """Return the units of a line whose request may still be put right.

    Raises:
        AlreadyShippedError: Something of the line has left the customer.
        WrongStateError: The line was given up, denied or resolved.
    """
    line = case.rma.line(number)
    if any(state.has_left for _, state in line.states):
        raise AlreadyShippedError("goods are on their way", line=number)
    live = [(run, state) for run, state in line.states if state.is_live]
    if not live or any(not state.is_undecided for _, state in live) or case.rma.closed_at:
        raise WrongStateError("the line can no longer be corrected", line=number)
    return [run for run, _ in live]

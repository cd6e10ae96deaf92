"""What people decide on a request: the answer that policy left to them, an override, an appeal.

A decision is a fact that a later one may supersede: a denial can be appealed or overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from domain.case import Case, refunds, resolution
from domain.case.evidence import new_to
from domain.case.resolution import Award
from domain.errors import QuantityExceededError, UnitsNotAvailableError, WrongStateError
from domain.rma.parts import Evidence, PersonDecision, RmaRun, of_order
from domain.rma.run_state import RunState
from domain.settlement.approval import SecondPersonNeededError
from domain.units import UnitRun, take, total, without
from domain.values import dataclass
from domain.vocabularies import DecisionStage, Resolution


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants for so many units of a line."""

    line: int
    quantity: int
    approved: bool
    code: str | None


def decide(case: Case, choices: Iterable[Choice], note: str | None) -> None:
    """Let a person answer what policy left open, for units of one line or several.

    Raises:
        WrongStateError: None of a line's units wait for a person.
        QuantityExceededError: Fewer do than were named.
        UnitsNotAvailableError: Those to approve did not come in, and went elsewhere.
        SecondPersonNeededError: Who took the decision that was appealed answers the appeal.
    """
    decisions = _decide_all(case, choices, _answer)
    case.rma.trigger_event(
        case.rma.ReviewDecided, lines=decisions, note=note, agent_id=case.agent_id, timestamp=case.at
    )
    _carry_out(case, decisions)


def override(case: Case, choices: Iterable[Choice], *, approved_by: str, reason: str, note: str | None) -> None:
    """Let a person decide against what had been decided; who let them, and why, is part of the fact.

    Units given up by a denial, an expiry or a withdrawal are authorized anew if they, or others of the line, are free,
    or if they came in under this return.

    Raises:
        WrongStateError: No unit of a line is decided the other way.
        QuantityExceededError, UnitsNotAvailableError: Fewer units are, or they went elsewhere.
    """
    decisions = _decide_all(case, choices, _contradict)
    case.rma.trigger_event(
        case.rma.DecisionOverridden,
        lines=decisions,
        approved_by=approved_by,
        reason=reason,
        note=note,
        agent_id=case.agent_id,
        timestamp=case.at,
    )
    _carry_out(case, decisions)


def _decide_all(
    case: Case,
    choices: Iterable[Choice],
    decide_one: Callable[[Case, Choice, Sequence[UnitRun]], list[PersonDecision]],
) -> tuple[PersonDecision, ...]:
    """Return a person's decisions, none of them on a unit that an earlier one took: a line may go several ways."""
    decisions: list[PersonDecision] = []
    for choice in choices:
        taken = [run for decided in decisions if decided.line == choice.line for run in decided.runs]
        decisions += decide_one(case, choice, taken)
    return tuple(decisions)


def _answer(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> list[PersonDecision]:
    """Return decisions on units that wait for one: on the request, and on what an inspection led to."""
    number, quantity = choice.line, choice.quantity
    waiting = case.rma.fitting(number, lambda state: state.needs_review)
    if not waiting:
        raise WrongStateError("the line does not wait for a decision", line=number)
    waiting = without(waiting, taken)
    if total(waiting) < quantity:
        raise QuantityExceededError(asked=quantity, available=total(waiting), line=number)
    if choice.approved:
        waiting = case.open_units(number, waiting)
        if total(waiting) < quantity:
            line_id = case.rma.lines[number].asked.line_id
            raise UnitsNotAvailableError(line_id=line_id, asked=quantity, available=total(waiting))
    runs = take(waiting, quantity)
    _check_answerer(case, number, runs)
    inspected = [run for run, state in case.rma.lines[number].states.within(runs) if state.appeal == "inspection"]
    stages: tuple[tuple[DecisionStage, list[UnitRun]], ...] = (
        ("request", without(runs, inspected)),
        ("inspection", inspected),
    )
    return [
        PersonDecision(number, tuple(of_stage), choice.approved, choice.code, stage)
        for stage, of_stage in stages
        if of_stage
    ]


def _check_answerer(case: Case, number: int, runs: Sequence[UnitRun]) -> None:
    """Let nobody answer an appeal against a decision of his own."""
    for _, state in case.rma.lines[number].states.within(runs):
        if case.agent_id is not None and state.is_appealed and state.agent_id == case.agent_id:
            raise SecondPersonNeededError("another person answers an appeal than who decided", agent_id=case.agent_id)


def _contradict(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> list[PersonDecision]:
    """Return a decision on units that are decided the other way."""
    number, quantity, approved = choice.line, choice.quantity, choice.approved
    fitting = case.rma.fitting(
        number, lambda state: state.may_be_taken_up("authorized") if approved else _may_be_denied(state)
    )
    if not fitting:
        appealed = any(state.is_appealed for _, state in case.rma.line(number).states)
        why = "the line is appealed: DecideRequest answers it" if appealed else "no unit is decided the other way"
        raise WrongStateError(why, line=number)
    known = case.rma.lines[number].states.within(taken)
    replaced = total(taken) - total(run for run, _ in known)  # as many of the line's own gave up their place
    fitting = without(fitting, taken)
    fitting = without(fitting, take(fitting, replaced))
    if total(fitting) < quantity:
        raise QuantityExceededError(asked=quantity, available=total(fitting), line=number)
    runs = take(fitting, quantity)
    runs = _regain(case, number, runs, taken) if approved else runs
    return [PersonDecision(number, tuple(runs), approved, choice.code)]


def _may_be_denied(state: RunState) -> bool:
    return state.is_authorized and state.is_undecided


def _regain(case: Case, number: int, runs: Sequence[UnitRun], taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
    """Return units that this return can hold again: its own where they are free or came in, else others of the line."""
    line_id = case.rma.lines[number].asked.line_id
    regained = case.open_units(number, runs)
    lacking = total(runs) - total(regained)
    if not lacking:
        return list(runs)
    others = case.order.all_free(line_id, [*regained, *taken, *_with_a_story(case, line_id)])
    if total(others) < lacking:
        raise UnitsNotAvailableError(line_id=line_id, asked=total(runs), available=total(regained) + total(others))
    return sorted([*regained, *take(others, lacking)], key=lambda run: run.first)


def _with_a_story(case: Case, line_id: str) -> list[UnitRun]:
    """Return the order line's units that this return has moved: none of them takes the place of another."""
    return [
        run
        for line in case.rma.lines.values()
        if line.asked.line_id == line_id
        for run, state in line.states
        if not state.is_with_customer
    ]


def _carry_out(case: Case, decisions: Sequence[PersonDecision]) -> None:
    """Take or free units by a person's decisions just recorded, and give approved ones what is due at once."""
    for decided in decisions:
        line = case.rma.lines[decided.line]
        runs = of_order(line.asked.line_id, decided.runs)
        if decided.stage == "inspection":
            if decided.approved:
                _grant(case, decided)
        elif decided.approved:
            case.order.take_free_units(case.rma.rma_id, runs, case.at)
            resolution.follow_policy(case, decided.line)
        else:
            case.order.free_units(case.rma.rma_id, runs, "denied", case.at)


def _grant(case: Case, decided: PersonDecision) -> None:
    """Give for units that an inspection went against all that policy grants, less what was paid."""
    wish = case.rma.lines[decided.line].asked.wish
    granted: dict[Resolution, list[RmaRun]] = {}
    for run, state in case.rma.lines[decided.line].states.within(decided.runs):
        resolution_of = state.resolution if state.is_paid_out else wish
        granted.setdefault(resolution_of, []).append(RmaRun(decided.line, run.first, run.count))
    for name, runs in granted.items():
        resolution.resolve(case, runs, Award(resolution=name, by="person", reason="appeal"))


def appeal(case: Case, number: int, grounds: str, evidence: Sequence[Evidence]) -> None:
    """Let a person look again at a line that was denied, and needs its units again for that, or at its inspection.

    Raises:
        WrongStateError: Nothing of it went against the customer, the time to appeal is over, or an appeal was answered.
        UnitsNotAvailableError: Its units went elsewhere.
        UnknownLineError, IdentifierReusedError: As ``evidence.new_to`` does.
    """
    stage, runs = _appealable(case, number)
    case.rma.trigger_event(
        case.rma.DenialAppealed,
        line=number,
        runs=runs,
        grounds=grounds,
        evidence=new_to(case, evidence),
        stage=stage,
        timestamp=case.at,
    )
    case.order.take_free_units(case.rma.rma_id, of_order(case.rma.lines[number].asked.line_id, runs), case.at)


def _appealable(case: Case, number: int) -> tuple[DecisionStage, tuple[UnitRun, ...]]:
    """Return what may be appealed of a line: the units that were denied, else those that an inspection went against."""
    line = case.rma.line(number)
    denied = case.rma.fitting(number, lambda state: state.may_be_taken_up("needs_review"))
    if denied:
        _check_in_time(case, number, line.denied_at)
        return "request", tuple(_regain(case, number, denied))
    against = case.open_units(number, case.rma.fitting(number, lambda state: state.went_against_customer))
    paid = [run for run, state in line.states.within(against) if state.is_paid_out]
    open_ones = without(against, without(paid, refunds.with_something_left(case, number, paid)))
    if open_ones:
        _check_in_time(case, number, line.went_against_at)
        return "inspection", tuple(open_ones)
    answered = any(state.appeal == "answered" for _, state in line.states)
    raise WrongStateError("the appeal was answered" if answered else "nothing of the line was refused", line=number)


def _check_in_time(case: Case, number: int, since: datetime | None) -> None:
    for deadline in case.rma.deadlines.values():
        about_this = deadline.kind == "appeal" and deadline.line == number and deadline.is_passed
        if about_this and (since is None or since < deadline.due_at):
            raise WrongStateError("the time to appeal is over", line=number)

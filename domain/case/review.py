"""What people decide on a request: the answer that policy left to them, an override, an appeal.

A decision is a fact that a later one may supersede: a denial can be appealed or overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.case import Case, resolution
from domain.case.evidence import new_to
from domain.errors import QuantityExceededError, UnitsNotAvailableError, WrongStateError
from domain.rma.parts import Evidence, PersonDecision, of_order
from domain.rma.run_state import RunState
from domain.units import UnitRun, take, total, without


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
    """
    decisions = _decide_all(case, choices, _answer)
    case.rma.trigger_event(case.rma.ReviewDecided, lines=decisions, note=note, timestamp=case.at)
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
        timestamp=case.at,
    )
    _carry_out(case, decisions)


def _decide_all(
    case: Case,
    choices: Iterable[Choice],
    decide_one: Callable[[Case, Choice, Sequence[UnitRun]], PersonDecision],
) -> tuple[PersonDecision, ...]:
    """Return a person's decisions, none of them on a unit that an earlier one took: a line may go several ways."""
    decisions: list[PersonDecision] = []
    for choice in choices:
        taken = [run for decided in decisions if decided.line == choice.line for run in decided.runs]
        decisions.append(decide_one(case, choice, taken))
    return tuple(decisions)


def _answer(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> PersonDecision:
    """Return a decision on units that wait for one."""
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
    return PersonDecision(number, tuple(take(waiting, quantity)), choice.approved, choice.code)


def _contradict(case: Case, choice: Choice, taken: Sequence[UnitRun]) -> PersonDecision:
    """Return a decision on units that are decided the other way."""
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
        if decided.approved:
            case.order.take_free_units(case.rma.rma_id, runs, case.at)
            resolution.follow_policy(case, decided.line)
        else:
            case.order.free_units(case.rma.rma_id, runs, "denied", case.at)


def appeal(case: Case, number: int, grounds: str, evidence: Sequence[Evidence]) -> None:
    """Let a person look again at a line that was denied; it needs its units again for that.

    Raises:
        WrongStateError: Nothing of the line is denied, or the time to appeal is over.
        UnitsNotAvailableError: Its units went elsewhere.
        UnknownLineError, IdentifierReusedError: As ``evidence.new_to`` does.
    """
    runs = _appealable(case, number)
    case.rma.trigger_event(
        case.rma.DenialAppealed,
        line=number,
        runs=runs,
        grounds=grounds,
        evidence=new_to(case, evidence),
        timestamp=case.at,
    )
    case.order.take_free_units(case.rma.rma_id, of_order(case.rma.lines[number].asked.line_id, runs), case.at)


def _appealable(case: Case, number: int) -> tuple[UnitRun, ...]:
    """Return the units that a line needs again."""
    denied = case.rma.fitting(number, lambda state: state.may_be_taken_up("needs_review"))
    if not denied:
        raise WrongStateError("the line is not denied", line=number)
    denied_at = case.rma.lines[number].denied_at
    for deadline in case.rma.deadlines.values():
        about_this = deadline.kind == "appeal" and deadline.line == number and deadline.is_passed
        if about_this and (denied_at is None or denied_at < deadline.due_at):
            raise WrongStateError("the time to appeal is over", line=number)
    return tuple(_regain(case, number, denied))

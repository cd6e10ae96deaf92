"""What lies on the bench: which units an inspection is of, and whether they are what was sold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.case import Case
from domain.case.arrivals import may_be_of, serials_of
from domain.errors import QuantityExceededError
from domain.rma.parts import Answer, Evidence, InspectionCheck, ReadSerial, RmaRun
from domain.rma.run_state import RunState
from domain.units import UnitRun, runs_of, total, without
from domain.values import dataclass
from domain.vocabularies import Cause, Grade, LiableParty


@dataclass(frozen=True, slots=True)
class Findings:
    """One inspection of units of one line; it may supersede an earlier one."""

    inspection_id: str
    line: int
    quantity: int
    grade: Grade
    cause: Cause
    liable_party: LiableParty
    content_hash: str
    checklist: dict[str, Answer] | None = None
    note: str | None = None
    evidence: tuple[Evidence, ...] = ()
    supersedes: str | None = None
    serial: str | None = None
    """Read off the one unit that was inspected."""
    sku: str | None = None
    """The article that was found in place of the one announced."""


@dataclass(frozen=True, slots=True)
class Benched:
    """Units of one inspection that are judged alike.

    ``mismatches`` say why they are not what was sold; ``news`` are numbers that the bench is the first to find wrong.
    """

    runs: tuple[RmaRun, ...]
    sku: str | None = None
    read: tuple[ReadSerial, ...] = ()
    mismatches: tuple[InspectionCheck, ...] = ()
    news: tuple[ReadSerial, ...] = ()

    @property
    def is_what_was_sold(self) -> bool:
        return not self.mismatches


def found_as(case: Case, number: int, sku: str | None) -> str | None:
    """Return the article that goods turned out to be; None for the one that the line announced."""
    return None if sku == case.rma.line(number).asked.sku else sku


def choose(case: Case, findings: Findings) -> list[Benched]:
    """Return the units that an inspection is of: the one with its serial number, else those that fit first.

    Raises:
        QuantityExceededError: Fewer wait for it, or it names one number for several units.
    """
    sku = found_as(case, findings.line, findings.sku)

    def waits(state: RunState) -> bool:
        if findings.supersedes is None:
            return state.awaits_inspection_as(sku)
        return state.is_here_as(sku) and state.is_inspected and state.inspection_id == findings.supersedes

    if sku is not None:
        announced = InspectionCheck("sku", (case.rma.lines[findings.line].asked.sku,), sku, held=False)
        runs = case.rma.pick(findings.line, findings.quantity, waits)
        return [Benched(runs, sku, mismatches=(announced,))]
    if findings.serial is not None:
        return [_with_serial(case, findings, findings.serial, waits)]
    fitting = case.rma.fitting(findings.line, lambda state: waits(state) and not state.wrong_serial)
    others = case.rma.fitting(findings.line, lambda state: waits(state) and state.wrong_serial)
    runs = case.rma.take_from(findings.line, [*fitting, *others], findings.quantity)
    return _apart(case, runs)


def _apart(case: Case, runs: Sequence[RmaRun]) -> list[Benched]:
    """Return units with those apart whose serial number is wrong, each with the check that it did not pass."""
    states = case.rma.states_of(runs)
    fitting = tuple(run for run, state in states if not state.wrong_serial)
    wrong = [
        RmaRun(run.line, unit, 1)
        for run, state in states
        if state.wrong_serial
        for unit in range(run.first, run.run.end)
    ]
    checked = [Benched((run,), mismatches=(_mismatch(case, run.line, run.first),)) for run in wrong]
    return ([Benched(fitting)] if fitting else []) + checked


def _with_serial(case: Case, findings: Findings, serial: str, waits: Callable[[RunState], bool]) -> Benched:
    """Return the unit that a number was read off; what was read before of the unit gives way to it."""
    number, line = findings.line, case.rma.lines[findings.line]
    if findings.quantity > 1:
        raise QuantityExceededError(asked=findings.quantity, available=1, line=number)
    waiting = case.rma.fitting(number, waits)
    known = [unit for unit, read in line.serials.items() if read == serial and _holds(waiting, unit)]
    if known:
        runs = case.rma.take_from(number, runs_of(known), 1)
        (benched,) = _apart(case, runs)
        return benched
    fits = may_be_of(case, number, serial)
    own = serials_of(case, number).unit_of(serial) if fits else None
    unread = without(waiting, runs_of(line.serials))
    choice = [UnitRun(own, 1)] if own is not None and _holds(waiting, own) else [*unread, *without(waiting, unread)]
    runs = case.rma.take_from(number, choice, 1)
    read = ReadSerial(number, runs[0].first, serial, fits)
    if fits:
        return Benched(runs, read=(read,))
    return Benched(runs, read=(read,), mismatches=(_mismatch(case, number, read.unit, serial),), news=(read,))


def _holds(runs: Sequence[UnitRun], unit: int) -> bool:
    return total(without(runs, [UnitRun(unit, 1)])) < total(runs)


def _mismatch(case: Case, number: int, unit: int, serial: str | None = None) -> InspectionCheck:
    """Return the check that a wrong number does not pass."""
    sold = serials_of(case, number).of_unit(unit)
    found = serial or case.rma.lines[number].serials[unit]
    return InspectionCheck("serial", (sold,) if sold else (), found, held=False)

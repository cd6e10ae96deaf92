"""Which units of a return an arrival stands for: by their serial numbers where these were read, else lowest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.case import Case
from domain.order.parts import UnitSerial
from domain.order.serials import SerialNumbers
from domain.rma.parts import ReadSerial, RmaRun
from domain.units import UnitRun, runs_of, take, total, without
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class ReceivedItem:
    """So many units of a line of the return, with the serial numbers read off them."""

    line: int
    quantity: int
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an item of a receipt came to: units more than the return can hold, and numbers that can be none of its."""

    item: ReceivedItem
    excess: int
    wrong_serials: tuple[str, ...]


class Arrivals:
    """Chooses the units, none of them twice."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._used: dict[str, list[UnitRun]] = {}  # by the order's line: two of a return's lines may share one
        self.arrived: list[RmaRun] = []
        self.read: list[ReadSerial] = []

    def arrive(self, item: ReceivedItem) -> Arrival:
        """Let units of a line arrive.

        A number brings the unit that it was sold with, where the return waits for it; another that may come stands for
        any unit it waits for, and so does one that may not: that unit's money waits for a person.
        """
        fitting = [serial for serial in item.serials if may_be_of(self._case, item.line, serial)]
        wrong = tuple(serial for serial in item.serials if serial not in set(fitting))
        own = self._own_units(item.line, fitting)
        runs = self._choose(item.line, item.quantity, first=runs_of(own.values()))
        self.arrived += [RmaRun(item.line, run.first, run.count) for run in runs]
        others = [serial for serial in (*fitting, *wrong) if serial not in own]
        rest = take(without(runs, runs_of(own.values())), len(others))
        units = (unit for run in rest for unit in range(run.first, run.end))
        self.read += [ReadSerial(item.line, unit, serial, True) for serial, unit in own.items()]
        self.read += [
            ReadSerial(item.line, unit, serial, serial not in wrong)
            for serial, unit in zip(others, units, strict=False)  # more than the return waits for have no unit
        ]
        return Arrival(item, item.quantity - total(runs), wrong)

    def swap(self, line: int, quantity: int) -> list[RmaRun]:
        """Return the units of a line in whose place another article came."""
        return [RmaRun(line, run.first, run.count) for run in self._choose(line, quantity)]

    def awaited(self, line: int) -> int:
        """Return how many units of a line may arrive."""
        return total(self._awaited(line))

    def _own_units(self, line: int, serials: Sequence[str]) -> dict[str, int]:
        """Return the unit of each number that the return waits for."""
        if not serials:
            return {}
        numbers = serials_of(self._case, line)
        units = {serial: unit for serial in serials if (unit := numbers.unit_of(serial)) is not None}
        missing = {
            unit for run in without(runs_of(units.values()), self._awaited(line)) for unit in range(run.first, run.end)
        }
        return {serial: unit for serial, unit in units.items() if unit not in missing}

    def _awaited(self, line: int) -> list[UnitRun]:
        """Return the units that may arrive: what is still to come back before what was given up."""
        case = self._case
        used = self._used.setdefault(case.rma.line(line).asked.line_id, [])
        expected = case.rma.fitting(line, lambda state: state.may_arrive and state.is_live)
        given_up = case.rma.fitting(line, lambda state: state.may_arrive and not state.is_live)
        return [*case.open_units(line, without(expected, used)), *case.open_units(line, without(given_up, used))]

    def _choose(self, line: int, quantity: int, *, first: Sequence[UnitRun] = ()) -> list[UnitRun]:
        others = [run for awaited in self._awaited(line) for run in (without([awaited], first) if first else [awaited])]
        chosen = take([*first, *others], quantity)
        self._used[self._case.rma.line(line).asked.line_id] += chosen
        return chosen


def serials_of(case: Case, line: int) -> SerialNumbers:
    """Return the serial numbers of the order line behind a line of the return."""
    return case.order.lines[case.rma.line(line).asked.line_id].serials


def note_serials(case: Case, read: Iterable[ReadSerial]) -> None:
    """Note in the order which of its serial numbers came in, so that none comes in twice."""
    fitting = [UnitSerial(case.rma.lines[one.line].asked.line_id, one.unit, one.serial) for one in read if one.fits]
    case.order.read_serials(case.rma.rma_id, fitting, case.at)


def may_be_of(case: Case, line: int, serial: str) -> bool:
    """Tell whether a number may be read off a line's goods: it may come in, and is asked for where any was."""
    asked = case.rma.line(line).asked.serials
    return serials_of(case, line).may_come(serial) and (not asked or serial in asked)

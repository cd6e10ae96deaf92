"""Serial numbers of an order line's units: the i-th that was sold is unit i's, and which of them came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.errors import QuantityExceededError, RuleViolationError
from domain.units import UnitRun


class DuplicateSerialError(RuleViolationError):
    """The same serial number is there twice: in one order, one request or one receipt."""

    code = "duplicate_serial"

    def __init__(self, serial: str) -> None:
        super().__init__(f"serial number {serial} is there twice", serial=serial)


class SerialNotAvailableError(RuleViolationError):
    """The unit with this serial number cannot be returned: it was not sold on the line, or is not free."""

    code = "serial_not_available"

    def __init__(self, serial: str, *, line_id: str) -> None:
        super().__init__(f"the unit with serial number {serial} cannot be returned", serial=serial, line_id=line_id)


@dataclass(slots=True)
class SerialNumbers:
    """The serial numbers of one order line, as sold and as they came in with returns."""

    sold: tuple[str, ...] = ()
    inside: dict[str, int] = field(default_factory=dict)
    """Those that came in and did not go out again, each with the unit that it was counted as."""
    _units: dict[str, int] = field(init=False)
    _read: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._units = {serial: unit for unit, serial in enumerate(self.sold, start=1)}

    def come_in(self, unit: int, serial: str) -> None:
        """Note under which number a unit came in; a number read of it before was read wrong."""
        self.go_out(UnitRun(unit, 1))
        self.inside[serial] = unit
        self._read[unit] = serial

    def go_out(self, run: UnitRun) -> None:
        """Forget what these units came in as: they are the customer's again, or never were here."""
        if not self._read:
            return
        units = range(run.first, run.end)
        for unit in [unit for unit in min(units, self._read, key=len) if unit in units and unit in self._read]:
            del self.inside[self._read.pop(unit)]

    def may_come(self, serial: str) -> bool:
        """Tell whether a number may be read off goods that arrive: it was sold, if any were told, and is not here."""
        return (not self.sold or serial in self._units) and serial not in self.inside

    def of_unit(self, unit: int) -> str | None:
        """Return the number that a unit was sold under; None where none was told."""
        return self.sold[unit - 1] if unit <= len(self.sold) else None

    def unit_of(self, serial: str) -> int | None:
        """Return the unit that a number stands for; None where it was not sold here, or is in.

        Where another number came in as this one's unit, this one stands for the unit of that other.
        """
        unit = self._units.get(serial)
        if serial in self.inside:
            return None
        while unit is not None and unit in self._read:
            unit = self._units.get(self._read[unit])
        return unit


def check_distinct(serials: Iterable[str]) -> None:
    """Raise ``DuplicateSerialError`` where a serial number is there twice."""
    seen: set[str] = set()
    for serial in serials:
        if serial in seen:
            raise DuplicateSerialError(serial)
        seen.add(serial)


def check_counted(serials: Sequence[str], quantity: int, **where: object) -> None:
    """Raise ``QuantityExceededError`` where there are more serial numbers than units."""
    if len(serials) > quantity:
        raise QuantityExceededError(asked=len(serials), available=quantity, **where)

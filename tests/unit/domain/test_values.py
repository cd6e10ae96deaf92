"""Values are frozen for the type checker, which looks at this file too, and made as quickly as any class."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.order import Order
from domain.order.parts import Circumstances, LineRun
from domain.units import UnitRun
from domain.values import dataclass

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_the_type_checker_lets_nobody_change_a_value() -> None:
    """Without the error that each comment expects, `mypy` calls it unused, and `make check` fails."""
    run = UnitRun(1, 3)
    run.first = 2  # type: ignore[misc]
    fact = Order.UnitsTaken("order/O-1", 2, AT, UUID(int=1), ())
    fact.runs = (LineRun("L1", 1, 1),)  # type: ignore[misc]


def test_equal_values_are_one_in_a_set() -> None:
    assert {UnitRun(1, 3), UnitRun(1, 3), UnitRun(1, 4)} == {UnitRun(1, 3), UnitRun(1, 4)}


def test_a_value_has_what_it_is_given_and_no_other_field() -> None:
    assert Circumstances(informed=True).business_buyer is None
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        Circumstances(informd=True)  # type: ignore[call-arg]


def test_what_may_change_has_no_hash_and_what_is_one_of_a_kind_has_its_own() -> None:
    @dataclass(slots=True)
    class Count:
        number: int

    @dataclass(frozen=True, eq=False)
    class Thing:
        number: int

    with pytest.raises(TypeError, match="unhashable"):
        hash(Count(1))
    assert Thing(1) != Thing(1)


def test_making_a_value_assigns_its_fields_and_calls_nothing() -> None:
    """The library makes each field of a frozen class by a call of ``object.__setattr__``."""
    for made in (UnitRun, LineRun, Order.UnitsTaken):
        assert "__setattr__" not in made.__init__.__code__.co_names

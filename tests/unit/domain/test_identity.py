"""Numbers that people read out: a symbol misread, or two swapped, is noticed; numbers given long ago stay valid."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.identity import CROCKFORD, check_symbol, has_check_symbol, rma_number

NUMBERS = st.uuids().map(rma_number)
FIRST_NUMBERS = ("RMA-7K3M-9QXF-2ADC-A", "RMA-0000-0000-0000-0")
"""Given by the first rule, and written down since."""


def _fits_today(number: str) -> bool:
    symbols = number.removeprefix("RMA").replace("-", "")
    return check_symbol(symbols[:-1]) == symbols[-1]


@given(NUMBERS)
def test_a_number_is_letters_and_digits_and_fits(number: str) -> None:
    """What is dictated has no sign that needs a name."""
    assert set(number) <= {*CROCKFORD, "-", "M"}
    assert has_check_symbol(number)
    assert _fits_today(number)


@given(NUMBERS, st.integers(0, 12), st.sampled_from(CROCKFORD))
def test_any_misread_symbol_is_noticed(number: str, place: int, symbol: str) -> None:
    """One symbol read as any other no longer fits."""
    symbols = list(number.removeprefix("RMA").replace("-", ""))
    read = [*symbols[:place], symbol, *symbols[place + 1 :]]

    assert _fits_today("".join(read)) == (read == symbols)


@given(NUMBERS, st.integers(0, 11))
def test_any_swap_of_neighbours_is_noticed(number: str, place: int) -> None:
    """Two neighbours in the wrong order no longer fit."""
    symbols = list(number.removeprefix("RMA").replace("-", ""))
    read = [*symbols[:place], symbols[place + 1], symbols[place], *symbols[place + 2 :]]

    assert _fits_today("".join(read)) == (read == symbols)


def test_numbers_given_by_the_first_rule_stay_valid() -> None:
    """What stands on a label of years ago is read as ever."""
    assert all(has_check_symbol(number) for number in FIRST_NUMBERS)


def test_the_check_symbol_is_a_code_over_gf_32() -> None:
    """Worked by hand: the symbol 1 followed by eleven zeros is x¹²·1; x¹² = 2¹² = 14 in the field: E."""
    assert _fits_today("100000000000E")
    assert rma_number(UUID(int=1)).startswith("RMA-")

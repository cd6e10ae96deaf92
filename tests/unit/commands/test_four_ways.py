"""Every command in four ways, of which one needs a database: accepted, refused, told again, and after another's."""

from __future__ import annotations

from datetime import datetime

import pytest

from commands.registry import REGISTRATIONS
from domain.errors import RuleViolationError
from tests.support.conservation import check
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways.case import AT, SOLD, Answer, Body
from tests.support.shop import Shop


def prepared(name: str) -> Shop:
    """Return a shop in which all happened that the command's case says."""
    shop, case = Shop(), CASES[name]
    for step, body in [*SOLD, *case.before]:
        assert answer(shop, step, body, at=AT) == "accepted", step
    return shop


def answer(shop: Shop, name: str, body: Body, *, at: datetime) -> Answer:
    """Return what is heard of a command; a refusal records nothing, and units and cents are where they should be."""
    known = len(shop.history)
    try:
        facts = shop.send(name, body, actor=actor_of(name), at=at)
    except RuleViolationError as refusal:
        assert len(shop.history) == known
        return refusal.code
    if "order/O-1" in shop.aggregates:
        check(shop)
    return "accepted" if facts else "nothing"


def test_every_command_of_the_contract_has_its_case() -> None:
    """A command that is added needs one."""
    assert {name.split(".")[1] for name in REGISTRATIONS} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_told_once_it_counts_and_told_again_it_does_not_count_twice(name: str) -> None:
    """The same under another command id records nothing more, or is refused where nothing names the fact."""
    shop, case = prepared(name), CASES[name]
    assert answer(shop, name, case.said(1), at=case.at) == "accepted"
    assert answer(shop, name, case.said(1), at=case.at) == case.again


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_is_refused(name: str) -> None:
    """With its code, and nothing is recorded."""
    case = CASES[name]
    assert answer(prepared(name), name, case.wrong, at=case.at) == case.code


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_who_comes_second_hears_what_is_left(name: str, first: int, second: int) -> None:
    """Whichever of two comes first: what a race has to end with."""
    shop, case = prepared(name), CASES[name]
    assert answer(shop, name, case.said(first), at=case.at) == "accepted"
    assert answer(shop, name, case.said(second), at=case.at) == case.second

"""Notes, parcels and kits of whole orders at random say what is so, and each planted bug is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.case import line_facts, parcels
from domain.order import Order
from domain.order.bundle import Bundle
from domain.order.parts import Credit, LineRun
from domain.settlement import credit_note
from domain.settlement.credit_note import NoteLine
from domain.settlement.credit_note_series import CreditNoteSeries
from tests.order_papers_machine import OrderPapersMachine
from tests.order_promotions_machine import OrderPromotionsMachine

pytestmark = pytest.mark.proof

ORDERS = 40
ORDERS_PER_BUG_MAX = 3_000
STEPS = 40
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), stateful_step_count=STEPS)


class PapersMachine(OrderPapersMachine, OrderPromotionsMachine):
    """Orders with kits, and all their papers; in the end every note is there."""

    def teardown(self) -> None:
        if self.shop.aggregates:
            self.issue_all_notes()


def test_papers_say_what_is() -> None:
    """After every command: numbers without a gap, units in their parcels, kits whole or not; in the end all notes."""
    before = PapersMachine.orders
    run_state_machine_as_test(seed(2026)(PapersMachine), settings=settings(QUICK, max_examples=ORDERS))
    assert PapersMachine.orders - before >= ORDERS


def _a_note_forgotten(self: CreditNoteSeries.Issued, aggregate: CreditNoteSeries) -> None: ...


def _no_tax(order: Order, credit: Credit) -> NoteLine:
    return NoteLine("goods", credit.gross_minor, credit.gross_minor, (), credit.line_id)


def _all_units_whatever_the_number(case: Any, number: str | None) -> list[Any]:
    return list(case.rma.units())


def _never_whole(order: Order, asked: Iterable[LineRun]) -> frozenset[str]:
    return frozenset()


def _anybodys(self: Bundle, order_id: str) -> None: ...


BUGS: list[tuple[object, str, Callable[..., Any]]] = [
    (CreditNoteSeries.Issued, "apply", _a_note_forgotten),
    (credit_note, "_goods", _no_tax),
    (parcels, "_in_parcel", _all_units_whatever_the_number),
    (line_facts, "_complete_bundles", _never_whole),
    (Bundle, "check_is_of", _anybodys),
]


@pytest.mark.parametrize(("where", "name", "bug"), BUGS, ids=[bug.__name__ for *_, bug in BUGS])
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, bug: Callable[..., Any]
) -> None:
    """The checks are worth their time: each of these says what is not so, and is seen."""
    monkeypatch.setattr(where, name, bug)
    found = settings(QUICK, max_examples=ORDERS_PER_BUG_MAX, phases=(Phase.generate,), database=None)

    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(seed(2026)(PapersMachine), settings=found)

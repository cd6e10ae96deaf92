"""Units and cents are conserved through whole orders at random, and each planted bug is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.case import arrivals, payouts, refunds, resolution
from domain.errors import RuleViolationError
from domain.order import Order, allocation
from domain.order import parts as order_parts
from domain.order.money_facts import StoreCreditSpent
from domain.order.parts import Credit, LineRun
from domain.order.payout import Payout
from domain.settlement import chargebacks, entitlement, external_refunds, overpayments, tenders
from domain.settlement import payouts as books
from domain.units import UnitRun, take
from tests.order_money_machine import OrderMoneyMachine

pytestmark = pytest.mark.proof

ORDERS = 60
ORDERS_PER_BUG_MAX = 3_000
STEPS = 40
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), stateful_step_count=STEPS)


def test_nothing_is_lost_or_made_up() -> None:
    """After every command: units, caps per unit, line, tender and order, postings, and what is owed."""
    before = OrderMoneyMachine.orders
    run_state_machine_as_test(seed(2026)(OrderMoneyMachine), settings=settings(QUICK, max_examples=ORDERS))
    assert OrderMoneyMachine.orders - before >= ORDERS


def _each_unit_rounded_up(total_minor: int, units: int, first: int, count: int) -> int:
    return -(-total_minor * count // units)


def _room_of_the_whole_tender(order: Order, tender_id: str) -> int:
    return next(tender.amount_minor for tender in order.tenders if tender.tender_id == tender_id)


def _nothing_given_back_yet(account: Any, units: UnitRun, *, with_shipping: bool, line: int = 0) -> Credit:
    sold = account.fact
    shipping = sold.shipping_of(units) if with_shipping else 0
    goods, tax = sold.goods_of(units), sold.tax_of(units)
    return Credit(line, sold.line_id, units.first, units.count, goods, tax, shipping)


def _free_whoever_holds_them(self: Order, rma_id: Any, runs: Sequence[LineRun], because: Any, at: Any) -> None:
    if runs:
        self.trigger_event(self.UnitsFreed, rma_id=rma_id, runs=tuple(runs), because=because, timestamp=at)


def _any_units(self: Order, line_id: str, quantity: int, taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
    return take([UnitRun(1, self.line(line_id).fact.quantity)], quantity)


def _no_postings(order: Order, payout: Payout, outcome: str) -> tuple[()]:
    return ()


def _the_whole_fee(case: Any, number: int, waived: Sequence[Any]) -> list[Credit]:
    charged = case.order.account(case.rma.rma_id).charged_on(number)
    return [replace(c, goods_minor=0, tax_minor=0, shipping_minor=0, fee_minor=-c.fee_minor) for c in charged]


def _settlement_stays(case: Any, refund: Any) -> None: ...


def _all_to_the_first(total_minor: int, weights: Sequence[int]) -> list[int]:
    return [total_minor, *(0 for _ in weights[1:])]


def _a_spending_forgotten(self: StoreCreditSpent, aggregate: Order) -> None: ...


def _nothing_follows_lost_goods(case: Any, runs: Any, resolution: Any) -> None: ...


def _nothing_gives_way(order: Order, payout: Payout, at: Any) -> None: ...


def _nothing_is_taken_back(order: Order, external: Any) -> tuple[()]:
    return ()


def _nothing_is_given_back(order: Order, rma_id: Any, because: Any, at: Any) -> None: ...


BUGS: list[tuple[object, str, Callable[..., Any]]] = [
    (order_parts, "run_minor", _each_unit_rounded_up),
    (tenders, "room", _room_of_the_whole_tender),
    (entitlement, "left_of", _nothing_given_back_yet),
    (Order, "free_units", _free_whoever_holds_them),
    (Order, "free_runs", _any_units),
    (books, "_postings", _no_postings),
    (refunds, "restocking_back", _the_whole_fee),
    (payouts, "move_settlement", _settlement_stays),
    (allocation, "share_by_largest_remainder", _all_to_the_first),
    (resolution, "_settle_units", _nothing_follows_lost_goods),
    (Order.StoreCreditSpent, "apply", _a_spending_forgotten),
    (external_refunds, "_give_way", _nothing_gives_way),
    (chargebacks, "_taken_back", _nothing_is_taken_back),
    (overpayments, "give_back", _nothing_is_given_back),
    (arrivals, "take", lambda _, quantity: [UnitRun(1, quantity)]),
]


@pytest.mark.parametrize(("where", "name", "bug"), BUGS, ids=[name for _, name, _ in BUGS])
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, bug: Callable[..., Any]
) -> None:
    """The machine is worth its time: each of these would lose units or cents, and is seen."""
    monkeypatch.setattr(where, name, bug)
    found = settings(QUICK, max_examples=ORDERS_PER_BUG_MAX, phases=(Phase.generate,), database=None)

    with pytest.raises((AssertionError, ExceptionGroup, ValueError, KeyError, RuleViolationError)):
        run_state_machine_as_test(seed(2026)(OrderMoneyMachine), settings=found)

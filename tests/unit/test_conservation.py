"""Units and cents are conserved through whole orders at random, and each planted bug is found."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.order_machine import OrderMachine

ORDERS = 100
STEPS = 40
SETTINGS = settings(
    max_examples=ORDERS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_nothing_is_lost_or_made_up() -> None:
    """After every command: units, caps per unit, line, tender and order, postings, and what is owed."""
    before = OrderMachine.orders
    run_state_machine_as_test(OrderMachine, settings=SETTINGS)
    assert OrderMachine.orders - before >= ORDERS

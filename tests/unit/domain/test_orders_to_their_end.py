"""Whatever happened to an order: once everything is paid and every article has its order, nothing stays open."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.whole_order_machine import WholeOrderMachine

pytestmark = pytest.mark.proof

ORDERS = 100
STEPS = 40
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), stateful_step_count=STEPS, max_examples=ORDERS)


def test_in_the_end_nobody_owes_anybody_anything() -> None:
    """Clearing of exchanges, invoices, receivables and refunds owed are zero over all orders that hang together."""
    before = WholeOrderMachine.orders
    run_state_machine_as_test(seed(2026)(WholeOrderMachine), settings=QUICK)
    assert WholeOrderMachine.orders - before >= ORDERS

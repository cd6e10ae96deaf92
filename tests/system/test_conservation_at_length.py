"""Two thousand whole orders at random, the same ones each time: what unit tests do for a few, at length.

``make orders`` plays others.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.order_money_machine import OrderMoneyMachine

ORDERS = 2_000
STEPS = 40


def test_nothing_is_lost_or_made_up_in_two_thousand_orders(capsys: pytest.CaptureFixture[str]) -> None:
    """After every command of every order: units, caps, tenders, postings, and what is owed."""
    before = OrderMoneyMachine.orders, OrderMoneyMachine.commands, OrderMoneyMachine.refused
    long = settings(
        max_examples=ORDERS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )

    run_state_machine_as_test(seed(2026)(OrderMoneyMachine), settings=long)

    after = OrderMoneyMachine.orders, OrderMoneyMachine.commands, OrderMoneyMachine.refused
    orders, commands, refused = (now - then for now, then in zip(after, before, strict=True))
    with capsys.disabled():
        print(f"\n{orders:,} orders at random: {commands:,} commands, {refused:,} of them refused")
    assert orders >= ORDERS

"""The long run of random orders: a seed is the same orders again."""

from __future__ import annotations

import pytest

from tests import orders_at_length
from tests.orders_at_length import drive

ORDERS = 2


def test_a_seed_drives_the_same_orders_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it finds what another found."""
    monkeypatch.setattr(orders_at_length, "ORDERS_PER_SEED", ORDERS)
    first = drive(5)
    assert (first.failure, first.orders >= ORDERS) == ("", True)
    assert drive(5) == first

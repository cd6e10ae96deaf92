"""Two thousand whole orders at random, the same ones each time: what unit tests do for a few, at length."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.orders_at_length import driven

ORDERS = 2_000
SECONDS_MAX = 1_200.0


def test_nothing_is_lost_or_made_up_in_two_thousand_orders(capsys: pytest.CaptureFixture[str]) -> None:
    """After every command of every order: units, caps, tenders, postings, and what is owed; in the end nothing is."""
    all_driven = list(driven(count(1), ORDERS, time.monotonic() + SECONDS_MAX))

    orders, commands, refused = (
        sum(getattr(d, name) for d in all_driven) for name in ("orders", "commands", "refused")
    )
    with capsys.disabled():
        print(f"\n{orders:,} orders at random: {commands:,} commands, {refused:,} of them refused")
    assert [one.failure for one in all_driven if one.failure] == []
    assert orders >= ORDERS

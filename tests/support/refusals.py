"""What a test says a command must come to: refused with its code and figures, or nothing new; and nothing recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from domain.errors import RuleViolationError
from domain.rma.run_state import RunState
from tests.support.shop import ORDERED, Shop


def refused(
    shop: Shop,
    code: str,
    name: str,
    data: dict[str, Any],
    *,
    actor: str = "agent:A1",
    at: datetime = ORDERED,
    now: datetime | None = None,
    **details: Any,
) -> None:
    """Send a command that must be refused with this code and at least these details, and record nothing."""
    before = len(shop.history)
    with pytest.raises(RuleViolationError) as caught:
        shop.send(name, data, actor=actor, at=at, now=now)
    assert caught.value.code == code, caught.value
    assert {key: caught.value.details.get(key) for key in details} == details
    assert shop.history[before:] == []


def unchanged(shop: Shop, name: str, data: dict[str, Any], *, actor: str = "agent:A1", at: datetime = ORDERED) -> None:
    """Send a command that must be accepted and record nothing: the same fact, told again."""
    assert shop.send(name, data, actor=actor, at=at) == []


def unit_statuses(shop: Shop, line_id: str, *, order_id: str = "O-1") -> list[tuple[int, str]]:
    """Return where an order line's units stand: how many of each run, free, in_return or returned."""
    return [(run.count, state.status) for run, state in shop.order(order_id).lines[line_id].units]


def states(shop: Shop, *fields: str, line: int = 1, **which: Any) -> list[tuple[Any, ...]]:
    """Return these dimensions of a return line's runs, each after how many units are in it."""
    return [(run.count, *_of(state, fields)) for run, state in shop.rma(**which).lines[line].states]


def _of(state: RunState, fields: Iterable[str]) -> Iterable[Any]:
    return (getattr(state, field) for field in fields)

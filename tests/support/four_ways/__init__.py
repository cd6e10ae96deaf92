"""Every command of the contract in four ways: accepted, refused, told again, and said by two at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from commands.registry import REGISTRATIONS
from tests.support.four_ways import goods, money, notices, sales
from tests.support.four_ways.case import Case

CASES: Final[Mapping[str, Case]] = {**sales.CASES, **goods.CASES, **money.CASES, **notices.CASES}


def actor_of(name: str) -> str:
    """Return somebody who may send a command: the customer of the order, or an agent, where they may."""
    by = REGISTRATIONS[f"rma.{name}.v1"].by
    if name == "RequestReturn":
        return "customer:C-1"
    return "agent:A1" if "agent" in by else f"{min(by)}:X"

"""Tests that share one system sell orders of their own: which of two files runs first is chance."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

SHARED: Final = Path("tests/integration/workers/http")
SOLD: Final = re.compile(r"\b(?:sell|ask|ask_return|order)\((?:\w+, )?\"([^\"{]+)\"")


def test_no_two_files_sell_the_same_order() -> None:
    """One session's system is behind all of them, and what an order stands at is whoever was first."""
    files: defaultdict[str, set[str]] = defaultdict(set)
    for file in SHARED.rglob("*.py"):
        for order_id in SOLD.findall(file.read_text()):
            files[order_id].add(str(file))
    assert len(files) > 20
    assert {order_id: sorted(found) for order_id, found in files.items() if len(found) > 1} == {}

"""PostgreSQL's advisory locks are numbers of one database: two that mean different things are two numbers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[3]
LOCK = re.compile(r"^[A-Z_]+: Final = (0x524D[0-9A-F]{4})$", re.MULTILINE)


def test_no_two_locks_have_one_number() -> None:
    """Whoever holds the one would keep others waiting for the other."""
    sources = [path.read_text("utf-8") for folder in ("infra", "workers") for path in (PROJECT / folder).rglob("*.py")]
    numbers = Counter(number for source in sources for number in LOCK.findall(source))

    assert numbers
    assert [number for number, uses in numbers.items() if uses > 1] == []

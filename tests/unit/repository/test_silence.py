"""No session is left where the server waits for its client without a bound: see decision 12."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

CLONE: Final = Path(__file__).parents[3]
CODE: Final = ("projections", "infra", "workers")
UNBOUNDED: Final = frozenset({"copy", "executemany", "pipeline"})
"""Methods of psycopg after which the server waits for more, holding all locks, and no timeout of ours ends it."""

FLOOR: Final = CLONE / "workers/trials/bench/floor.py"
"""Copies into a table of its own, for which nobody else ever waits."""


def unbounded_calls(code: str) -> list[int]:
    """Return the lines of a module that copy in, or send a pipeline, over a connection or a cursor."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in UNBOUNDED]


def test_nothing_copies_in_and_nothing_is_pipelined() -> None:
    """A process that stands still in the middle of it would hold up all others for ever."""
    files = [file for folder in CODE for file in sorted((CLONE / folder).rglob("*.py")) if file != FLOOR]

    found = {str(file.relative_to(CLONE)): lines for file in files if (lines := unbounded_calls(file.read_text()))}

    assert len(files) > 100
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "with connection.pipeline():\n    pass",
        "cursor.executemany(SAVE, rows)",
        'with cursor.copy("COPY t FROM STDIN") as copy:\n    copy.write_row(row)',
    ],
)
def test_what_would_hang_is_found(planted: str) -> None:
    """In each of its forms."""
    assert unbounded_calls(planted) == [1]

"""The log's tables are its own: whoever asks something of them asks a named function of ``infra/log/``."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

CLONE: Final = Path(__file__).parents[3]
CODE: Final = ("domain", "commands", "projections", "infra", "workers")
LOG: Final = CLONE / "infra" / "log"
SCHEMA: Final = "rma_log"
RIGHTS: Final = CLONE / "workers" / "operating" / "rights.py"
"""Says who may do what, with every table of the system; it asks nothing of them."""


def statements_on_the_log(code: str) -> list[int]:
    """Return the lines of a module's texts that name the log's schema; docstrings and comments do not count."""
    tree = ast.parse(code)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told]
    return [text.lineno for text in texts if isinstance(text.value, str) and SCHEMA in text.value]


def test_nobody_but_the_log_has_sql_on_its_tables() -> None:
    """Readers of the log do not depend on how it is stored; its files may change, and theirs need not."""
    code = [file for folder in CODE for file in sorted((CLONE / folder).rglob("*.py"))]
    files = [file for file in code if LOG not in file.parents and file != RIGHTS]

    found = {
        str(file.relative_to(CLONE)): lines for file in files if (lines := statements_on_the_log(file.read_text()))
    }

    assert len(files) > 100
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        'TAIL = "SELECT max(position) FROM rma_log.events"',
        'def ask(c):\n    return c.execute(f"SELECT {what} FROM rma_log.{table}")',
        'QUERY = (\n    "SELECT stream "\n    "FROM rma_log.events"\n)',
        'ask(sql.Identifier("rma_log", "events"))',
        'def ask():\n    """Ask."""\n    """rma_log.events"""\n    return "SELECT FROM rma_log.outbox"',
    ],
)
def test_planted_sql_is_found(planted: str) -> None:
    """In whatever form it comes."""
    assert len(statements_on_the_log(planted)) == 1


def test_a_docstring_may_name_the_tables() -> None:
    """It tells people where rows lie."""
    assert statements_on_the_log('class Row:\n    """A row of ``rma_log.events``."""\n\nX = 1\n"""In rma_log."""') == []

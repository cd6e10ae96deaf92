"""`docs/security.md` names the test of every attack, and the tests that it names are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[3]
PAGE: Final = (PROJECT / "docs" / "security.md").read_text("utf-8")
FILE: Final = re.compile(r"`(tests/[\w/]+\.py)")
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ATTACKS: Final = (
    "guessing order numbers",
    "replayed links",
    "stolen links",
    "forged tokens",
    "others' returns by id",
    "CSRF",
    "XSS",
    "path traversal",
    "disguised files",
    "SVG",
    "100 MB bodies",
    "slow clients",
    "header injection",
    "mail injection",
    "open redirects",
    "SSRF through webhooks",
    "SSRF through evidence",
    "template injection",
    "timing of unknown orders",
    "a hostile carrier",
    "e-mail floods",
)


@cache
def names_in(path: str) -> set[str]:
    """Return the names of a file's functions."""
    parsed = ast.parse(Path(PROJECT / path).read_text("utf-8"))
    return {
        node.name for node in ast.walk(parsed) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_file_that_the_page_names_is_there() -> None:
    missing = {path for path in FILE.findall(PAGE) if not (PROJECT / path).is_file()}
    assert missing == set()


def test_every_test_that_the_page_names_is_there() -> None:
    """Under the id by which pytest runs it."""
    named = TEST.findall(PAGE)
    assert len(named) > len(ATTACKS)
    assert [(path, name) for path, name in named if name not in names_in(path)] == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_has_a_test(attack: str) -> None:
    """In the table that names them one by one."""
    [_, listed] = PAGE.split("## By name", 1)
    [row] = [line for line in listed.partition("\n## ")[0].splitlines() if line.startswith(f"| {attack} |")]
    assert TEST.search(row), row

"""What can be read at a sitting: files and functions have a largest size, docstrings and tables of data included."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.support.definitions import definitions, lines_of

CLONE: Final = Path(__file__).parents[3]
CODE: Final = ("domain", "commands", "projections", "infra", "workers")
FILE_LINES_MAX: Final = {"code": 350, "tests": 400}
FUNCTION_LINES_MAX: Final = {"code": 40, "tests": 50}
"""Tests may be longer: they hold the data that they are about."""


def _files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((CLONE / folder).rglob("*.py"))]


FILES: Final = {"code": _files(*CODE), "tests": _files("tests")}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_has_one_subject(kind: str) -> None:
    """A file that grows beyond its limit is split along its subjects."""
    lines = {str(file.relative_to(CLONE)): file.read_text().count("\n") for file in FILES[kind]}

    assert {file: count for file, count in lines.items() if count > FILE_LINES_MAX[kind]} == {}


@pytest.mark.parametrize("kind", FILES)
def test_a_function_fits_on_a_screen(kind: str) -> None:
    """A function that grows beyond its limit is several."""
    assert [name for file in FILES[kind] for name in _too_long(file, FUNCTION_LINES_MAX[kind])] == []


def _too_long(file: Path, lines_max: int) -> list[str]:
    return [
        f"{file.relative_to(CLONE)}: {name} has {lines_of(found)} lines"
        for name, found in definitions(file).items()
        if not isinstance(found, ast.ClassDef) and lines_of(found) > lines_max
    ]

"""The walk of the architecture page: which code a newcomer reads, in order, to follow one command to its rows."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLONE: Final = Path(__file__).parents[2]
ROW: Final = re.compile(r"^\| \d+ \| `(\S+\.py)`: (`[^|]+`) \| (\d+) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stop:
    """One row of the walk: a file, the functions and classes to read in it, and how many lines the page says it is."""

    path: str
    names: tuple[str, ...]
    said_lines: int

    def lines(self) -> int:
        """Return how many lines there are to read; raises ``KeyError`` for a name that the file does not define."""
        defined = definitions(CLONE / self.path)
        return sum(defined[name] for name in self.names)


def walk() -> list[Stop]:
    """Return the rows of the walk, in the page's order."""
    page = (CLONE / "docs" / "architecture.md").read_text()
    return [Stop(path, tuple(re.findall(r"`([^`]+)`", names)), int(said)) for path, names, said in ROW.findall(page)]


def definitions(file: Path) -> dict[str, int]:
    """Return how long each function, method and class of a file is, with its docstring and decorators."""
    found: dict[str, int] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                assert child.end_lineno is not None
                found[f"{prefix}{child.name}"] = child.end_lineno - first + 1
                visit(child, f"{prefix}{child.name}.")

    visit(ast.parse(file.read_text()), "")
    return found

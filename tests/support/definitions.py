"""What a file of code defines, and how long each of it is."""

from __future__ import annotations

import ast
from pathlib import Path

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(file: Path) -> dict[str, Definition]:
    """Return the functions, methods and classes of a file by their dotted names."""
    found: dict[str, Definition] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Definition):
                found[f"{prefix}{child.name}"] = child
                visit(child, f"{prefix}{child.name}.")
            else:
                visit(child, prefix)

    visit(ast.parse(file.read_text()), "")
    return found


def lines_of(definition: Definition) -> int:
    """Return how many lines a definition has, with its docstring and decorators."""
    first = min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])
    assert definition.end_lineno is not None
    return definition.end_lineno - first + 1

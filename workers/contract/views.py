"""The page of the stable views, read from the statements that create them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from infra.migrate import MIGRATIONS
from projections.read_models import PROJECTIONS

VIEW: Final = re.compile(r"CREATE (?:OR REPLACE )?VIEW rma_read\.(\w+) AS\s+SELECT (.+?)\s+FROM (\w+)\.(\w+);", re.S)
CONSTRAINTS: Final = ("PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY", "CONSTRAINT")


def views_page(head: str) -> str:
    """Return the page of all views, in the order of their names."""
    found = dict(sorted(_views()))
    return f"{head}\n# Views of schema `rma_read`\n\nColumns are added, never changed.\n\n" + "\n".join(found.values())


def _views() -> Iterator[tuple[str, str]]:
    for projection in PROJECTIONS.values():
        for name, _, schema, relation in VIEW.findall(projection.views_sql):
            yield name, _section(name, projection.name, *_relation(projection.tables_sql, f"{schema}.{relation}"))
    for path in sorted(MIGRATIONS.glob("*.sql")):
        for name, _, schema, relation in VIEW.findall(path.read_text("utf-8")):
            tables = path.read_text("utf-8")
            yield name, _section(name, "every projector", *_relation(tables, f"{schema}.{relation}"))


def _section(name: str, kept_by: str, comment: str, columns: list[tuple[str, str]]) -> str:
    rows = "".join(f"| `{column}` | {kind} |\n" for column, kind in columns)
    words = f"{comment}\n\n" if comment else ""
    return f"## {name}\n\n{words}Kept by {kept_by}.\n\n| column | type |\n| --- | --- |\n{rows}"


def _relation(statements: str, name: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the comment above a table or view, and its columns with their types."""
    created = re.search(rf"((?:-- [^\n]*\n)*)CREATE TABLE (?:IF NOT EXISTS )?{re.escape(name)} \(", statements)
    if created is not None:
        inside = _balanced(statements, created.end())
        return _words(created[1]), list(_columns(inside))
    view = rf"((?:-- [^\n]*\n)*)CREATE OR REPLACE VIEW {re.escape(name)} AS\s+SELECT (.+?)\s+FROM "
    selected = re.search(view, statements, re.S)
    if selected is None:
        raise ValueError(f"no statement creates {name}")
    return _words(selected[1]), [(_alias(item), _cast(item)) for item in _split(selected[2])]


def _words(comment: str) -> str:
    return " ".join(line.removeprefix("-- ") for line in comment.splitlines())


def _balanced(text: str, start: int) -> str:
    depth, end = 1, start
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[start : end - 1]


def _split(text: str) -> Iterator[str]:
    """Yield the parts between commas that stand in no parentheses."""
    depth, part = 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


def _columns(inside: str) -> Iterator[tuple[str, str]]:
    for part in _split(inside):
        if part and not part.startswith(CONSTRAINTS):
            name, kind, *more = part.split()
            null = "" if "NOT NULL" in part or "PRIMARY KEY" in part else " or null"
            yield name, kind + ("[]" if more[:1] == ["[]"] else "") + null


def _alias(item: str) -> str:
    return re.split(r"\s+AS\s+", item)[-1].split(".")[-1].strip()


def _cast(item: str) -> str:
    cast = re.search(r"::(\w+)", item)
    return cast[1] if cast else ""

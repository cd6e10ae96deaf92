"""The stable views of schema ``rma_read``: what each says, in one place for the database, the pages and the tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from projections.table import Column, Table

READ_SCHEMA: Final = "rma_read"
"""The schema of the stable views, the contract for analytics."""


@dataclass(frozen=True, slots=True)
class View:
    """A stable view: columns are added at its end, never changed.

    ``says``: what one row is. ``answers``: the question that the view is for. ``key``: the columns that name a row.
    ``select``: where the rows come from. ``example``: one query that answers a question of the kind.
    """

    name: str
    says: str
    answers: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    select: str
    example: str

    @property
    def statements(self) -> str:
        """Return the statements that create the view, or point it at other tables, and tell the database its words."""
        name = f"{READ_SCHEMA}.{self.name}"
        comments = [f"COMMENT ON VIEW {name} IS {_quoted(f'{self.says} {self.answers}')};"]
        comments += [f"COMMENT ON COLUMN {name}.{one.name} IS {_quoted(one.says)};" for one in self.columns]
        return "\n".join((f"CREATE OR REPLACE VIEW {name} AS {self.select};", *comments))


def view_of(table: Table, *, says: str, answers: str, example: str) -> View:
    """Return the view that shows a table as it is."""
    names = ", ".join(column.name for column in table.columns)
    select = f"SELECT {names} FROM {table.schema}.{table.name}"
    return View(table.name, says, answers, table.key, table.columns, select, example)


def views_sql(views: Iterable[View]) -> str:
    """Return the statements that create these views, or point them at other tables; safe to repeat."""
    return "\n".join((f"CREATE SCHEMA IF NOT EXISTS {READ_SCHEMA};", *(view.statements for view in views)))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

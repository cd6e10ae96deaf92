"""The stable views are a contract: each is described whole, and what readers use of it stays as it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import pytest

from projections.read_models import PROJECTIONS
from projections.view import READ_SCHEMA, View
from workers.contract.views import kept_by

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
RELEASED: Final[dict[str, dict[str, str]]] = json.loads((EXAMPLES / "views.json").read_text("utf-8"))
"""The columns of each view with their types, as they were when somebody first read them; add, never change."""

TABLES: Final[dict[str, str]] = json.loads((EXAMPLES / "read_models.json").read_text("utf-8"))
"""What the tables of each version of a read model were made by, as a hash; add a version, never change one."""

VIEWS: Final = [view for view, _ in kept_by().values()]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_says_what_it_is(view: View) -> None:
    """Rows, question and every column are described in sentences, and there is a query to begin with."""
    assert view.says.startswith("One row per ")
    assert view.says.endswith(".")
    assert view.answers.endswith("?")
    assert [column.name for column in view.columns if not column.says.endswith(".")] == []
    assert set(view.key) <= {column.name for column in view.columns if not column.null}
    assert f"{READ_SCHEMA}.{view.name}" in view.example


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_amounts_have_unit_and_currency(view: View) -> None:
    """A column of money says its unit, and its row the currency: amounts of two are never added up."""
    names = [column.name for column in view.columns]
    money = [column for column in view.columns if column.name.endswith("_minor")]
    assert [column.name for column in money if "minor units" not in column.says] == []
    assert not money or [name for name in names if name.endswith("currency")]


def test_columns_are_added_never_changed() -> None:
    """What was read once stands where it stood, with its name and type; what is new comes after it."""
    now = {view.name: {column.name: column.kind for column in view.columns} for view in VIEWS}
    for name, released in RELEASED.items():
        assert list(now[name].items())[: len(released)] == list(released.items()), name


def test_another_table_is_another_version() -> None:
    """A read model whose tables change is rebuilt beside the live one, which only a new version number brings about."""
    for name, projection in PROJECTIONS.items():
        digest = hashlib.sha256(projection.tables_sql.encode()).hexdigest()
        assert TABLES.get(f"{name} {projection.version}") == digest, f"raise the version of {name}, and add: {digest}"

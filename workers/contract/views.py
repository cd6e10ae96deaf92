"""The page of the stable views, written from what the views say of themselves."""

from __future__ import annotations

from typing import Final

from projections.checkpoints import CHECKPOINTS
from projections.dead_letter_actions import DEAD_LETTER_ACTIONS
from projections.positions import POSITIONS
from projections.read_models import PROJECTIONS
from projections.view import READ_SCHEMA, View

PREFACE: Final = f"""# Views of schema `{READ_SCHEMA}`

Columns are added at the end, never changed. Amounts are integers in minor units (cents, pennies) of the row's currency,
never mixed: sum them by currency. Instants are `timestamptz`, kept in UTC. A column that may be null says so. The same
words stand in the database as comments (`\\d+ {READ_SCHEMA}.returns` in psql). Questions over several views, and which
view counts what: [../analytics.md](../analytics.md).

"""


def kept_by() -> dict[str, tuple[View, str]]:
    """Return every stable view with who keeps it, in the order of their names."""
    found = {view.name: (view, name) for name, projection in PROJECTIONS.items() for view in projection.views}
    found |= {POSITIONS.name: (POSITIONS, "every projector"), CHECKPOINTS.name: (CHECKPOINTS, "the auditor")}
    found[DEAD_LETTER_ACTIONS.name] = (DEAD_LETTER_ACTIONS, "`rma dead`")
    return dict(sorted(found.items()))


def views_page(head: str) -> str:
    """Return the page of all views, in the order of their names."""
    return f"{head}\n{PREFACE}" + "\n".join(_section(view, keeper) for view, keeper in kept_by().values())


def _section(view: View, keeper: str) -> str:
    rows = "".join(
        f"| `{column.name}` | {column.kind}{' or null' if column.null else ''} | {column.says} |\n"
        for column in view.columns
    )
    key = ", ".join(f"`{name}`" for name in view.key)
    return (
        f"## {view.name}\n\n{view.says}\n\n*{view.answers}*\n\nKept by {keeper}. Key: {key}.\n\n"
        f"| column | type | meaning |\n| --- | --- | --- |\n{rows}\n```sql\n{view.example}\n```\n"
    )

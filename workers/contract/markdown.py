"""What the pages are written with: a head, tables, blocks of JSON, the first sentences of docstrings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

GENERATED: Final = "<!-- Written by `python -m workers.contract.docs`; edit the models, not this page. -->\n"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"


def json_block(value: object) -> str:
    """Return a value as a block of JSON."""
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n\n"


def described(documented: type) -> str:
    """Return the first paragraph of a class's docstring on one line; none where a dataclass wrote its signature."""
    words = (documented.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()
    words = " ".join(words.split())
    return "" if words.startswith(f"{documented.__name__}(") else words

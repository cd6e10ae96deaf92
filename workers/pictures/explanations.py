"""`rma explain`: each decision as a table that can be read out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from workers.pictures.catalogues import Catalogue
from workers.pictures.explaining import Explanation
from workers.pictures.terminal import table
from workers.pictures.text import Text, lines

OUTCOME_COLOURS = {"approve": "bold green", "deny": "bold red", "review": "bold yellow", "refund": "bold"}


def explanations(explained: Sequence[Explanation], texts: Catalogue) -> RenderableType:
    """Return explanations drawn, one below the other."""
    return Group(*(part for one in explained for part in _parts(one, texts)))


def _parts(one: Explanation, texts: Catalogue) -> Iterator[RenderableType]:
    yield Text(one.heading, OUTCOME_COLOURS[one.outcome])
    yield Text(one.because)
    columns = ("", *(texts.say(f"column_{name}") for name in ("what", "verdict", "why")))
    rows = (["▶" if step.decisive else "", step.what, step.verdict, lines(*map(Text, step.why))] for step in one.steps)
    if one.steps:
        yield table(None, columns, rows)
    if one.flips:
        yield Text(one.flips_title, "bold")
        yield from (Text(f"  • {flip}") for flip in one.flips)
    yield Text()

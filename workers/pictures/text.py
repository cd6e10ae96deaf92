"""The text that everything printed is made of: it is what it says, whoever wrote it."""

from __future__ import annotations

from typing import Any, Self

import rich.text
from rich.style import Style

from infra.escaping import escaped

Styled = rich.text.Text
"""What rich draws: one of ours, or ``lines`` of them."""


class Text(Styled):
    """A line of text in a style; no markup is read in it, and characters that a terminal would obey are spelt."""

    def __init__(self, text: str = "", style: str | Style = "", **options: Any) -> None:
        super().__init__(escaped(text), style, **options)

    def append(self, text: Styled | str, style: str | Style | None = None) -> Self:
        """Add to the line, and return it."""
        super().append(escaped(text) if isinstance(text, str) else text, style)
        return self


def lines(*texts: Styled) -> Styled:
    """Return lines below each other as one text, such as a cell of several lines."""
    return Styled("\n").join(texts)

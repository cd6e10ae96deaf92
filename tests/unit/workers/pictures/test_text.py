"""What is printed is text: no markup in it is read, and nothing in it moves the cursor or makes a line of its own."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.panel import Panel
from rich.tree import Tree

from infra.escaping import ACTIVE_CHARACTER, escaped
from workers.pictures.sheet import Page, Screen
from workers.pictures.terminal import table
from workers.pictures.text import Text, lines

HOSTILE = "[/x][bold]\x1b[2J\x9b1m\u202e:boom:\r\n✓ EUR sums to zero\tend"
DRAWN: dict[str, Callable[[], object]] = {
    "a string": lambda: HOSTILE,
    "a text": lambda: Text(HOSTILE, "red"),
    "a text added": lambda: Text("so: ").append(HOSTILE, "red"),
    "a cell": lambda: table("Title", ("one", "#two"), [[HOSTILE, 1]]),
    "a list in a cell": lambda: table(None, ("one",), [[[HOSTILE, HOSTILE]]]),
    "a title": lambda: table(HOSTILE, ("one",), [["x"]]),
    "lines": lambda: lines(Text("first"), Text(HOSTILE)),
    "a panel": lambda: Panel(Text(HOSTILE), width=150),
    "a tree": lambda: Tree(Text(HOSTILE)),
}


@pytest.mark.parametrize("drawn", DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("made", [Screen, Page])
def test_a_hostile_text_is_shown_and_not_obeyed(drawn: Callable[[], object], made: type[Screen]) -> None:
    """Whatever holds it, it stands there on one line as it was written, its active characters spelt."""
    file = io.StringIO()
    made(file=file, width=160, color_system=None, force_terminal=True).print(drawn())
    printed = file.getvalue()

    assert not ACTIVE_CHARACTER.search(printed.replace("\n", ""))
    assert escaped(HOSTILE) in printed
    assert not any(line.lstrip().startswith("✓") for line in printed.splitlines())

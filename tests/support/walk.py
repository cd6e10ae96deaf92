"""The walk of the architecture page: which code a newcomer reads, in order, to follow one command to its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.definitions import definitions, lines_of

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
        return sum(lines_of(defined[name]) for name in self.names)


def walk() -> list[Stop]:
    """Return the rows of the walk, in the page's order."""
    page = (CLONE / "docs" / "architecture.md").read_text()
    return [Stop(path, tuple(re.findall(r"`([^`]+)`", names)), int(said)) for path, names, said in ROW.findall(page)]

"""Tables that never cut a word: an id that is shown can be copied, however narrow the terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table

from workers.pictures.text import Styled, Text

GAP: Final = 2
WORD_CELLS_MAX: Final = 64
"""Identifiers have at most 64 characters; a longer word may be folded."""


class Screen(Console):
    """A terminal on which a text is what it says: no markup is read in it, and nothing in it moves the cursor."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as any console does; a plain string is a line of text."""
        super().print(*(Text(one) if isinstance(one, str) else one for one in objects), **options)


class Page(Screen):
    """What stands for a terminal where there is none: texts are wrapped at its width, tables are as wide as they are.

    So a row of a table is one line of a file.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as any console does, but cut nothing off."""
        super().print(*objects, **{"crop": False, **options})


class Sheet:
    """Rows under columns: a table where no word has to be cut for it, else each row as a block of its own.

    A column whose name begins with ``#`` is right-aligned, and the sign is not printed.
    """

    def __init__(self, title: str | None, columns: Sequence[str], rows: Sequence[Sequence[Styled]]) -> None:
        self.title = title
        self.columns = columns
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.title:
            yield Text(self.title, "bold")
        widths = self._widths(None if isinstance(console, Page) else options.max_width)
        if widths is None:
            yield from self._blocks()
        else:
            drawn = options.update_width(sum(widths) + GAP * len(widths))
            yield from console.render(self._table(widths), drawn)

    @property
    def _names(self) -> list[str]:
        return [column.removeprefix("#") for column in self.columns]

    def _widths(self, room: int | None) -> list[int] | None:
        """Return each column's width, None where some word would have to be cut; without a limit all they ask for."""
        across = list(zip(map(Text, self._names), *self.rows, strict=True))
        wanted = [max(cell_len(line) for cell in cells for line in cell.plain.split("\n")) for cells in across]
        if room is None:
            return wanted
        least = [max((_widest_word(cell) for cell in cells), default=1) for cells in across]
        for position, column in enumerate(self.columns):
            if column.startswith("#"):
                least[position] = wanted[position]
        room -= GAP * len(wanted)
        if sum(least) > room:
            return None
        slack = [most - few for most, few in zip(wanted, least, strict=True)]
        spare, asked = room - sum(least), max(sum(slack), 1)
        return [few + min(more, more * spare // asked) for few, more in zip(least, slack, strict=True)]

    def _table(self, widths: Sequence[int]) -> Table:
        made = Table(header_style="dim", pad_edge=False, box=None)
        for column, name, width in zip(self.columns, self._names, widths, strict=True):
            made.add_column(name, justify="right" if column.startswith("#") else "left", width=width, overflow="fold")
        for row in self.rows:
            made.add_row(*row)
        return made

    def _blocks(self) -> Iterator[RenderableType]:
        for number, row in enumerate(self.rows):
            block = Table.grid(padding=(0, GAP, 0, 0))
            block.add_column(style="dim", no_wrap=True)
            block.add_column(overflow="fold")
            for name, cell in zip(self._names, row, strict=True):
                if cell.plain:
                    block.add_row(name, cell)
            if number:
                yield Text()
            yield block


def _widest_word(cell: Styled) -> int:
    return max((min(cell_len(word), WORD_CELLS_MAX) for word in cell.plain.split()), default=0)

"""How the command line prints: tables and pictures for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
import typer
from rich.console import Group, RenderableType
from rich.progress import Progress, ProgressColumn

from domain.money import amount_text
from infra.escaping import escaped_json
from workers.pictures.sheet import Page, Screen, Sheet
from workers.pictures.text import Styled, Text

WIDTH_WHERE_UNKNOWN: Final = 120
BAR_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Row = Mapping[str, Any]


def console(*, stderr: bool = False) -> Screen:
    """Return a console for the stream as it is now; not a terminal: as wide as a page, without colour."""
    made = Screen(stderr=stderr)
    return made if made.is_terminal else Page(stderr=stderr, width=WIDTH_WHERE_UNKNOWN)


def progress(*columns: ProgressColumn) -> Progress:
    """Return a bar on standard error that goes when it is done; where nobody watches there is none."""
    watched = console(stderr=True)
    return Progress(*columns, console=watched, transient=True, disable=not watched.is_terminal)


def print_json(value: object) -> None:
    """Print one JSON document, UTF-8 whatever the locale; times in RFC 3339, money as it is stored."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    typer.echo(escaped_json(orjson.dumps(value, default=_plain, option=options).decode()).encode())


def print_json_line(value: object) -> None:
    """Print one JSON document on a line of its own."""
    typer.echo(escaped_json(orjson.dumps(value, default=_plain).decode()).encode())


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case bytes():
            return value.decode(errors="replace")
        case Mapping():
            return dict(value)
        case set() | frozenset() | tuple():
            return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def counted(number: int, noun: str) -> str:
    """Return how many of something there are, such as ``1 command`` or ``2,000 commands``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(amount_minor: int | None, currency: str | None) -> str:
    """Return an amount as people read it, such as ``−1,234.50 EUR``; nothing for None."""
    if amount_minor is None:
        return ""
    return amount_text(amount_minor, currency)


def shown(value: object) -> str:
    """Return a value as a cell of a table; nothing for None."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date() | UUID():
            return str(value)
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(shown(part) for part in value)
    return str(value)


def bar(value: int, largest: int, *, width: int) -> str:
    """Return a bar of at most ``width`` cells, in eighths of a cell, at least a sliver for what is not zero."""
    if not largest or not value:
        return ""
    eighths = max(1, round(value * width * 8 / largest))
    whole, part = divmod(eighths, 8)
    return "█" * whole + (BAR_EIGHTHS[part] if part else "")


def stacked(*parts: RenderableType) -> RenderableType:
    """Return parts below each other with a blank line between."""
    return Group(*(piece for part in parts for piece in (part, Text())))


def table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Sheet:
    """Return a table; a column whose name begins with ``#`` is right-aligned, and the sign is not printed."""
    cells = [[cell if isinstance(cell, Styled) else Text(shown(cell)) for cell in row] for row in rows]
    return Sheet(title, columns, cells)

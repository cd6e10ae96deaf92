"""How the command line reads instants, files, actors and the database it looks into."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import typer

from workers.cli.errors import SaidNoError, WrongUsageError
from workers.pictures.terminal import console
from workers.pictures.text import Text

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT_S: Final = 5
STANDARD_INPUT: Final = Path("-")
COLOURS: Final = {"accepted": "green", "refused": "yellow", "malformed": "red"}


def instant_of(text: str | None, argument: str) -> datetime | None:
    """Return an RFC 3339 time as typed for an argument, or None where none was; raises ``WrongUsageError``."""
    from infra.envelope.command_record import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise WrongUsageError(f"{argument} {text}: {error}, such as 2026-03-01T00:00:00Z") from error


def reading() -> closing[Connection]:
    """Open a connection to the read models; raises ``StackNotRunningError`` where no database is named or runs."""
    import psycopg

    from infra.addresses import postgres_address
    from infra.settings import Settings

    dsn = postgres_address(Settings())
    return closing(psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S))


def unknown(text: str, what: str = "no return") -> SaidNoError:
    """Return the error for a return that nobody knows, by what was typed."""
    from projections.tracking.case_file import is_misread

    if is_misread(text):
        why = "its check symbol does not fit: was a symbol misread, or were two swapped?"
    else:
        why = "a return's id is a UUID, its number looks like RMA-7K3M-9QXF-2ADC-P"
    return SaidNoError(f"{what} {text} is known; {why}")


def open_lines(file: Path) -> AbstractContextManager[BinaryIO]:
    """Open a file of lines, or standard input for ``-``; raises ``WrongUsageError`` where it cannot be read."""
    if file == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    try:
        return file.open("rb")
    except OSError as error:
        raise WrongUsageError(f"{file} cannot be read: {error.strerror}") from error


def checked_actor(text: str) -> str:
    """Return who acts as it was typed; raises ``typer.BadParameter`` for what would be malformed."""
    from commands.metadata import parse_actor

    try:
        parse_actor(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, such as agent:ann") from error
    return text


def print_result(result: dict[str, Any]) -> None:
    """Print a command's answer on a line of its own: what it was, and the events or the code."""
    kind = result["type"].removeprefix("rma.").removesuffix(".v1")
    events = ", ".join(event["type"].removeprefix("rma.").removesuffix(".v1") for event in result["events"])
    said = events or " ".join(filter(None, (result.get("code"), result.get("message"))))
    line = Text().append(f"{result['status']:<9}", COLOURS[result["status"]])
    console().print(line.append(f" {kind:<20} {said or 'nothing new'}"), soft_wrap=True)

"""`rma dead`: records that were malformed or parked, and how to send them again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, print_json, table

if TYPE_CHECKING:
    from workers.operating.dead_letters import DeadLetters

LISTED: Final = 50
LISTED_MAX: Final = 10_000
WHY_CHARS_MAX: Final = 160

dead = typer.Typer(help="Dead letters: records that could not be read.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(dead, name="dead")


def _open() -> closing[DeadLetters]:
    from infra.settings import Settings
    from workers.operating.dead_letters import DeadLetters

    return closing(DeadLetters(Settings()))


@dead.command(name="list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="At most so many, the newest.")] = LISTED,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters."""
    with _open() as letters:
        found = letters.newest(limit)
    if as_json:
        print_json([letter.as_dict() for letter in found])
    elif not found:
        console().print("no dead letters", style="green")
    else:
        rows = ([letter.letter_id, letter.dead_at, letter.origin, letter.why[:WHY_CHARS_MAX]] for letter in found)
        console().print(table("Dead letters", ("id", "since", "came from", "why"), rows))


@dead.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="As listed, such as 3:17.", metavar="ID")], as_json: AsJson = False
) -> None:
    """Show one dead letter whole: the original record, and why it is here."""
    with _open() as letters:
        letter = letters.one(letter_id)
    if as_json:
        print_json(letter.as_dict())
        return
    out = console()
    out.print(f"{letter.letter_id} since {letter.dead_at:%Y-%m-%d %H:%M:%S}, came from {letter.origin}")
    out.print(letter.why, style="red")
    shown = letter.as_dict()
    rows = [["key", shown["key"] if letter.key is not None else "(none)"], *shown["headers"]]
    out.print(table("Original record", ("header", "value"), rows))
    out.print("(tombstone)" if letter.value is None else shown["value"], soft_wrap=True)


@dead.command()
def redrive(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="As listed, such as 3:17.", metavar="ID...")] = None,
    everything: Annotated[bool, typer.Option("--all", help=f"All listed, at most {LISTED_MAX:,}.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish original records again; a record that still cannot be read becomes a new dead letter."""
    if bool(letter_ids) == everything:
        raise WrongUsageError("name the dead letters to redrive, or say --all")
    with _open() as letters:
        found = letters.newest(LISTED_MAX) if everything else [letters.one(letter_id) for letter_id in letter_ids or ()]
        cut = [letter.letter_id for letter in found if everything and letter.cut]
        found = [letter for letter in found if letter.letter_id not in cut]
        letters.redrive(found)
    redriven = [letter.letter_id for letter in found]
    if as_json:
        print_json({"redriven": redriven} | ({"cut": cut} if cut else {}))
        return
    left = f"; too large to be kept whole, and left: {', '.join(cut)}" if cut else ""
    console().print(f"{len(redriven)} sent again{left}")

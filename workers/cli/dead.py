"""`rma dead`: records that were malformed or parked, and what people do about them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workers.cli.arguments import checked_actor, open_lines
from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from workers.operating.dead_letter import DeadLetter
    from workers.operating.dead_letters import DeadLetters

LISTED: Final = 50
LISTED_MAX: Final = 10_000

LetterId = Annotated[str, typer.Argument(help="As listed, such as 3:17.", metavar="ID")]
LetterIds = Annotated[list[str] | None, typer.Argument(help="As listed, such as 3:17.", metavar="ID...")]

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
    everything: Annotated[bool, typer.Option("--all", help="Those sent again or dropped, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters that wait for somebody."""
    from workers.pictures.dead_letters import letter_list

    with _open() as letters:
        found = letters.newest(limit, acted_on_too=everything)
    if as_json:
        print_json([letter.listed() for letter in found])
    elif not found:
        console().print("no dead letters" if everything else "no dead letter waits for anybody", style="green")
    else:
        console().print(letter_list(found, acted_on_too=everything))


@dead.command()
def show(letter_id: LetterId, as_json: AsJson = False) -> None:
    """Show one dead letter whole: why it is here, what became of it, and the original record."""
    from workers.operating.shown_texts import looking
    from workers.pictures.dead_letters import one_letter

    with _open() as letters:
        letter = letters.one(letter_id)
        letters.look_at(letter, looking("rma dead show"))
    print_json(letter.as_dict()) if as_json else console().print(one_letter(letter))


@dead.command()
def redrive(
    letter_ids: LetterIds = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help=f"All that wait, at most {LISTED_MAX:,}.")] = False,
    body: Annotated[Path | None, typer.Option(help="A file with the body as it should be, for one letter.")] = None,
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who does it.")] = "agent:redrive",
    as_json: AsJson = False,
) -> None:
    """Send original records again, in the order in which they came; what was sent again before is left.

    A record that still cannot be read becomes a new dead letter. With --body a letter is mended: its key and headers
    stay as they are.
    """
    named = letter_ids or []
    if bool(named) == everything:
        raise WrongUsageError("name the dead letters to redrive, or say --all")
    if body is not None and len(named) != 1:
        raise WrongUsageError("--body mends one letter: name it alone")
    mended = None if body is None else _read(body)
    with _open() as letters:
        found = letters.newest(LISTED_MAX) if everything else [letters.one(name) for name in dict.fromkeys(named)]
        cut = [letter for letter in found if everything and letter.cut]
        sent = letters.redrive([one for one in found if one not in cut], actor=actor, body=mended)
    known = [letter for letter in found if letter not in (*sent, *cut)]
    _tell({"redriven": sent, "cut": cut, "known": known}, as_json=as_json)


@dead.command()
def drop(
    letter_ids: LetterIds = None,
    *,
    reason: Annotated[str, typer.Option(help="Why nobody has to do anything about them any more.")],
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who says so, such as agent:NAME.")],
    erase: Annotated[bool, typer.Option("--erase", help="And make unreadable for ever what they hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take letters off the list for good; who did it, when and why stays on record (rma dead list --all)."""
    if not letter_ids:
        raise WrongUsageError("name the dead letters to drop")
    if not reason.strip():
        raise WrongUsageError("--reason: say why")
    with _open() as letters:
        found = [letters.one(letter_id) for letter_id in dict.fromkeys(letter_ids)]
        dropped = letters.drop(found, actor=actor, reason=reason)
        if erase:
            letters.forget(found)
    _tell({"dropped": dropped, "known": [one for one in found if one not in dropped]}, as_json=as_json)


def _read(body: Path) -> bytes:
    with open_lines(body) as lines:
        return lines.read()


SAID: Final = {
    "redriven": "sent again",
    "dropped": "dropped",
    "cut": "left, because they were too large to be kept whole",
    "known": "left, because somebody did something about them before (rma dead list --all)",
}


def _tell(done: dict[str, list[DeadLetter]], *, as_json: bool) -> None:
    """Print what was done about which letters; kinds of which there is none are left out, but for the first."""
    from workers.pictures.dead_letters import ids

    told = {kind: letters for number, (kind, letters) in enumerate(done.items()) if letters or not number}
    if as_json:
        print_json({kind: [letter.letter_id for letter in letters] for kind, letters in told.items()})
        return
    for kind, letters in told.items():
        console().print(f"{len(letters):,} {SAID[kind]}" + (f": {ids(letters)}" if letters else ""))

"""`rma answer`: what became of a command, by its id."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.arguments import print_result
from workers.cli.errors import SaidNoError
from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operating.dead_letter import DeadLetter


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(answer)


def answer(
    command_id: Annotated[str, typer.Argument(help="The command's id, as in ce_id.", metavar="ID")],
    source: Annotated[str | None, typer.Option(help="Of this source alone, as in ce_source.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a command: its answer, which is kept for ever, else the dead letter it became."""
    from infra.settings import Settings

    settings = Settings()
    answers = _stored(settings, command_id, source)
    letters = [] if answers else _dead(settings, command_id, source)
    if not answers and not letters:
        raise SaidNoError(_unknown(command_id, source))
    if as_json:
        print_json({"answers": answers, "dead_letters": [letter.as_dict() for letter in letters]})
        return
    for result in answers:
        console().print(f"{result['source']}, recorded at {result['recorded_at']}", style="dim")
        print_result(result)
    for letter in letters:
        console().print(f"dead letter {letter.letter_id}: {letter.why}", style="red", soft_wrap=True)


def _stored(settings: Settings, command_id: str, source: str | None) -> list[dict[str, Any]]:
    import orjson

    from infra.addresses import postgres_address
    from infra.log.answers import stored_answers
    from infra.sessions import connect

    with closing(connect(postgres_address(settings))) as connection:
        return [orjson.loads(result) for result in stored_answers(connection, command_id, source)]


def _dead(settings: Settings, command_id: str, source: str | None) -> list[DeadLetter]:
    from workers.operating.dead_letters import DeadLetters

    with closing(DeadLetters(settings)) as letters:
        return letters.of_command(command_id, source)


def _unknown(command_id: str, source: str | None) -> str:
    whose = f" from {source}" if source else ""
    return (
        f"no command {command_id}{whose} was ever answered, and no dead letter is kept of one: it was not sent, it "
        "still waits for the command worker (see: rma status), or its dead letter is gone"
    )

"""`rma restore` and `rma relay`: what brings log and topic together again after one of the two was lost."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, counted, print_json, progress


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (restore, relay):
        app.command()(command)


def restore(
    *,
    from_topic: Annotated[bool, typer.Option("--from-topic", help="From the topic of events, which is whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring back into a database that was put back from a backup what was published after it."""
    from infra.settings import Settings
    from workers.operating.restoring import restore_from_topic

    if not from_topic:
        raise WrongUsageError("say from where: rma restore --from-topic")
    with progress() as shown:
        task = shown.add_task("bringing events back", total=None)
        restored = restore_from_topic(Settings(), lambda position: shown.update(task, completed=position))
    if as_json:
        print_json(restored.as_dict())
        return
    out = console()
    events = counted(restored.log_end - restored.backup_end, "event")
    out.print(f"events:      {events} came back; the log ends at position {restored.log_end:,}")
    out.print(f"answers:     {restored.answers:,} are as they were given")
    if restored.answers_made_anew:
        made = f"{restored.answers_made_anew:,} are gone and were made anew: they name events, not the command's type"
        out.print(f"             {made}", style="yellow", soft_wrap=True)
    if restored.answers_lost:
        lost = f"{restored.answers_lost:,} cannot be had again: refusals, decided anew if their commands come again"
        out.print(f"             {lost}", style="yellow", soft_wrap=True)
    out.print(f"checkpoints: {restored.checkpoints:,} are kept again")
    if restored.checkpoints_left:
        left = "stay on their topic alone: what they say of the answers does not hold any more (docs/operations.md)"
        out.print(f"             {restored.checkpoints_left:,} {left}", style="yellow", soft_wrap=True)
    out.print(f"commands:    {restored.commands_again:,} are read again")
    out.print("start the workers: rma work all")


def relay(
    *,
    republish: Annotated[
        bool, typer.Option("--republish", help="From the log's beginning, to the topics of now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the relay publish the whole log once more, after Kafka or the topic was lost. To run it: rma work relay."""
    from dataclasses import asdict

    from infra.settings import Settings
    from workers.operating.republishing import republish as publish_again

    if not republish:
        raise WrongUsageError("say what to do: rma relay --republish; to run the worker: rma work relay")
    republished = publish_again(Settings())
    if as_json:
        print_json(asdict(republished))
        return
    console().print(f"topics: {', '.join(republished.topics) or 'all there'}")
    console().print(f"the relay publishes {counted(republished.events, 'event')} anew as soon as it runs: rma work all")

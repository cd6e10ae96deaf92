"""What `rma` tells the running system: commands from a file, real input, scenarios."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.arguments import open_lines, print_result
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, counted, print_json, print_json_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.kafka.command_client import Conversation, OutgoingRecord
    from infra.settings import Settings

importing = typer.Typer(help="Tell the system what happened elsewhere.", no_args_is_help=True)
scenarios = typer.Typer(help="Acceptance written as data.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(send)
    app.add_typer(importing, name="import")
    app.add_typer(scenarios, name="scenario")


def send(
    file: Annotated[Path, typer.Argument(help="JSON lines, a structured CloudEvent each; - for standard input.")],
    wait: Annotated[bool, typer.Option(help="Wait for each result and print it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish commands. With --wait: exit code 1 where one was not accepted.

    A file with a line that is no CloudEvent is sent in no part; of standard input, what comes before such a line is.
    """
    from infra.kafka.command_client import conversation
    from infra.settings import Settings

    with _records_of(file) as records, conversation(Settings()) as talk:
        if not wait:
            sent = talk.publish_all(records)
            print_json({"sent": sent}) if as_json else console().print(f"{counted(sent, 'command')} sent")
            return
        results = [result for record in records for result in _answered(talk, record, as_json=as_json)]
    if any(result["status"] != "accepted" for result in results):
        raise typer.Exit(SAID_NO)


@contextmanager
def _records_of(file: Path) -> Iterator[Iterator[OutgoingRecord]]:
    """Yield the records of a file, having looked at each line where it can be read twice; raises ``LineError``."""
    from infra.kafka.command_client import LineError, records_in

    if file.is_file():
        with open_lines(file) as lines:
            try:
                deque(records_in(lines), maxlen=0)
            except LineError as error:
                raise LineError(f"{error}; nothing was sent") from error
    with open_lines(file) as lines:
        yield _sent_before_a_fault(records_in(lines))


def _sent_before_a_fault(records: Iterator[OutgoingRecord]) -> Iterator[OutgoingRecord]:
    """Yield records; a line that is none is said with how many came before it."""
    from infra.kafka.command_client import LineError

    sent = 0
    try:
        for record in records:
            yield record
            sent += 1
    except LineError as error:
        raise LineError(f"{error}; before it {counted(sent, 'command')} sent") from error


def _answered(talk: Conversation, record: OutgoingRecord, *, as_json: bool) -> Iterator[dict[str, Any]]:
    """Ask, print the answer, and yield it."""
    result = talk.ask(record)
    if as_json:
        print_json_line(result)
    else:
        print_result(result)
    yield result


@importing.command(name="online-retail")
def online_retail(
    file: Annotated[Path, typer.Argument(help="The CSV file, packed with xz or not.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Import a real shop's sales and cancellations, and say what became of every row."""
    from infra.settings import Settings
    from workers.trials.online_retail.importing import as_data, import_online_retail, print_imported

    imported = import_online_retail(file, Settings(), console(stderr=True))
    print_json(as_data(imported)) if as_json else print_imported(imported, console())
    if not imported.answers.all_accepted:
        raise typer.Exit(SAID_NO)


@scenarios.command(name="run")
def run_scenario_files(
    paths: Annotated[list[Path], typer.Argument(help="Scenario files, or folders of them.", metavar="PATH...")],
    here: Annotated[bool, typer.Option("--here", help="In the running system, where all that they say stays.")] = False,
    as_json: AsJson = False,
) -> None:
    """Play scenario files in a system made for them and removed afterwards; exit code 1 where one fails."""
    from contextlib import nullcontext

    from infra.settings import Settings
    from projections.read_models import PROJECTIONS
    from workers.trials.scenario.files import find_files
    from workers.trials.scenario.report import run_scenarios

    settings, files = Settings(), find_files(paths)
    with nullcontext(settings) if here else _system_of_their_own(settings) as system:
        passed = run_scenarios(files, system, tuple(PROJECTIONS), console(), as_json=as_json)
    if not passed:
        raise typer.Exit(SAID_NO)


@contextmanager
def _system_of_their_own(settings: Settings) -> Iterator[Settings]:
    """Yield settings of a system in which scenarios leave nothing behind, and say so."""
    from infra.logs import configure
    from workers.registry import READ_MODELS
    from workers.trials.sandbox import at_work, ended_in_order, sandbox

    configure(settings.log_format, "warning")  # the workers work in this process; what they log is not the report
    with ended_in_order(), sandbox(settings, "scenario") as own, at_work(own, ("commands", "relay", *READ_MODELS)):
        said = "played in a database and topics of their own, removed afterwards (in the running system: --here)"
        console(stderr=True).print(said, style="dim")
        yield own

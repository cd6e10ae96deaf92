"""`rma scenario run`: plays files, says how each went, and shows what was expected beside what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.settings import Settings
from workers.pictures.terminal import print_json
from workers.trials.scenario.files import find_files
from workers.trials.scenario.runner import Failure, Played, play_files


def run_scenarios(
    paths: Sequence[Path], settings: Settings, projections: Sequence[str], console: Console, *, as_json: bool = False
) -> bool:
    """Play the files named, and those in the folders named; return whether all passed.

    Raises:
        NoScenarioFilesError: A path does not exist, or there is no file.
        ServiceUnreachableError: Kafka or PostgreSQL is away.
    """
    all_played: list[Played] = []
    for played in play_files(find_files(list(paths)), settings, projections):
        all_played.append(played)
        if not as_json:
            print_played(played, console)
    failed = sum(played.failure is not None for played in all_played)
    if as_json:
        print_json([as_data(played) for played in all_played])
    else:
        console.print(f"{len(all_played) - failed} passed, {failed} failed")
    return not failed


def print_played(played: Played, console: Console) -> None:
    """Print one line for a scenario that passed, and the whole difference for one that failed."""
    mark = "[red]failed[/]" if played.failure else "[green]passed[/]"
    console.print(f"{mark} {escape(played.title)} [dim]({escape(played.path.name)}, {played.seconds:.1f} s)[/]")
    if played.failure:
        console.print(f"  {escape(played.failure.where)}: {escape(played.failure.why)}", soft_wrap=True)
        if played.failure.compared:
            console.print(difference_table(played.failure))


def difference_table(failure: Failure) -> Table:
    """Return what was expected beside what was found; the parts that differ are marked with a cross."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "", "expected", "found"):
        table.add_column(name, overflow="fold")
    for part in failure.compared:
        style = "" if part.same else "bold red"
        cells = [" " if part.same else "✗", part.name, part.expected, part.found]
        table.add_row(*(escape(cell) for cell in cells), style=style)
    return table


def as_data(played: Played) -> dict[str, Any]:
    """Return how a scenario went as JSON values."""
    failure = played.failure
    return {
        "file": str(played.path),
        "scenario": played.title,
        "passed": failure is None,
        "seconds": round(played.seconds, 3),
        "where": failure.where if failure else None,
        "why": failure.why if failure else None,
        "compared": [
            {"name": part.name, "expected": part.expected, "found": part.found, "same": part.same}
            for part in (failure.compared if failure else ())
        ],
    }

"""`rma scenario run`: plays files, says how each went, and shows what was expected beside what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from infra.settings import Settings
from workers.pictures.sheet import Screen
from workers.pictures.terminal import print_json, table
from workers.pictures.text import Text, lines
from workers.trials.scenario.files import find_files
from workers.trials.scenario.runner import Failure, Played, play_files


def run_scenarios(
    paths: Sequence[Path], settings: Settings, projections: Sequence[str], console: Screen, *, as_json: bool = False
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


def print_played(played: Played, console: Screen) -> None:
    """Print one line for a scenario that passed, and the whole difference for one that failed."""
    line = Text().append(*(("failed", "red") if played.failure else ("passed", "green")))
    console.print(line.append(f" {played.title} ").append(f"({played.path.name}, {played.seconds:.1f} s)", "dim"))
    if played.failure:
        said = f"{played.failure.where}: {played.failure.why}"
        console.print(lines(*(Text(f"  {line}") for line in said.splitlines())), soft_wrap=True)
        if played.failure.compared:
            console.print(difference_table(played.failure))


def difference_table(failure: Failure) -> RenderableType:
    """Return what was expected beside what was found; the parts that differ are marked with a cross."""
    rows = []
    for part in failure.compared:
        cells = ("" if part.same else "✗", part.name, part.expected, part.found)
        rows.append([Text(cell, "" if part.same else "bold red") for cell in cells])
    return table(None, ("", "", "expected", "found"), rows)


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

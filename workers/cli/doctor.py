"""`rma doctor`: what is there and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.exit_codes import DONE, SAID_NO
from workers.pictures.terminal import AsJson, console, print_json, table

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operating.doctor import Check


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(doctor)


def doctor(
    security: Annotated[
        bool, typer.Option("--security", help="Say instead what stands open in this deployment.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is missing on this machine, and how to get it; exit code 1 where something is."""
    from dataclasses import asdict

    from infra.settings import Settings
    from workers.operating.open_doors import open_doors

    settings = Settings()
    found = open_doors(settings) if security else _machine(settings)
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        rows = [["✓" if check.ok else "✗", check.name, check.found, check.remedy] for check in found]
        title = "What stands open (✗)" if security else "This machine"
        console().print(table(title, ("", "what", "found", "what to do"), rows))
    raise typer.Exit(DONE if all(check.ok for check in found) else SAID_NO)


def _machine(settings: Settings) -> list[Check]:
    from importlib.util import find_spec

    from workers.cli.local_stack import stack_checks
    from workers.operating.doctor import checks

    return [*checks(settings), *(stack_checks() if find_spec("infra.stack") else ())]

"""`rma doctor`: what is there and what is not."""

from __future__ import annotations

import typer

from workers.cli.exit_codes import DONE, SAID_NO
from workers.pictures.terminal import AsJson, console, print_json, table


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Say what is missing on this machine, and how to get it; exit code 1 where something is."""
    from dataclasses import asdict
    from importlib.util import find_spec

    from infra.settings import Settings
    from workers.cli.local_stack import stack_checks
    from workers.operating.doctor import checks

    found = [*checks(Settings()), *(stack_checks() if find_spec("infra.stack") else ())]
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        rows = [["✓" if check.ok else "✗", check.name, check.found, check.remedy] for check in found]
        console().print(table("This machine", ("", "what", "found", "what to do"), rows))
    raise typer.Exit(DONE if all(check.ok for check in found) else SAID_NO)

"""`rma doctor`: what is there and what is not."""

from __future__ import annotations

from dataclasses import asdict

from infra.settings import Settings
from workers.cli.exit_codes import DONE, SAID_NO
from workers.operating.doctor import checks
from workers.pictures.terminal import console, print_json, table


def examine(*, as_json: bool) -> int:
    """Print what was found; return the exit code: 1 where something is missing."""
    found = checks(Settings())
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        rows = [["✓" if check.ok else "✗", check.name, check.found, check.remedy] for check in found]
        console().print(table("This machine", ("", "what", "found", "what to do"), rows))
    return DONE if all(check.ok for check in found) else SAID_NO

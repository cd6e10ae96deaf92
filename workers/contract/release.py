"""What a released version promised, kept in one file that later versions are held to.

``python -m workers.contract.release 0.2.0`` writes it, when a version is released; a file that is there never changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from commands.registry import REGISTRATIONS
from workers.contract.examples import PAGES
from workers.contract.schemas import COMMANDS, EVENTS, RESULTS, schemas
from workers.contract.vocabulary import codes

RELEASED: Final = PAGES / "released"
BREAKS: Final = PAGES / "breaks.json"
"""What breaks readers or senders of a released version all the same, by version, each with its reason."""

FOR_PEOPLE: Final = frozenset({"$schema", "$id", "title", "description", "examples"})
"""What changes nothing for a program."""

CODES: Final = "codes"
SENDERS: Final = "senders"

Contract = dict[str, Any]


def contract() -> Contract:
    """Return what this version promises: schemas by kind and type, who sends each command, codes of refusals."""
    found: Contract = {COMMANDS: {}, EVENTS: {}, RESULTS: {}}
    for path, schema in schemas().items():
        kind, name = path.split("/")
        found[kind][name] = bare(schema)
    senders = {name: sorted(registration.by) for name, registration in REGISTRATIONS.items()}
    return found | {SENDERS: dict(sorted(senders.items())), CODES: list(codes())}


def bare(schema: Any) -> Any:
    """Return a schema without what it says to people."""
    if isinstance(schema, list):
        return [bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = {"properties", "$defs", "patternProperties"}  # whose keys are names, not keywords
    return {
        key: {name: bare(part) for name, part in found.items()} if key in named else bare(found)
        for key, found in schema.items()
        if key not in FOR_PEOPLE
    }


def releases() -> dict[str, Contract]:
    """Return what each released version promised."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(RELEASED.glob("*.json"))}


def write(version: str, to: Path = RELEASED) -> Path:
    """Write what this version promises; raises ``FileExistsError`` where that version was released already."""
    path = to / f"{version}.json"
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(contract(), separators=(",", ":"), sort_keys=True) + "\n")
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{write(sys.argv[1])}\n")

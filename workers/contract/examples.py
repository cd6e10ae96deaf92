"""An example of each command and event, as the pages and the schemas show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from commands.dispatch import parse
from commands.registry import Registration

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs" / "contracts"
COMMAND_EXAMPLES: Final = PAGES / "examples" / "commands.json"
EVENT_EXAMPLES: Final = ROOT / "tests" / "examples" / "events"

Example = dict[str, Any]


def command_example(registration: Registration) -> Example:
    """Return the example of a command; raises ``MalformedError`` where it cannot be read: that would be no example."""
    known: dict[str, Example] = json.loads(COMMAND_EXAMPLES.read_text("utf-8"))
    example = known[registration.model.__name__]
    parse(registration.type_name, json.dumps(example).encode())
    return example


def event_example(topic: str) -> Example:
    """Return a stored event of a type, ``envelope`` and ``body``, of its newest shape: fields are only added."""
    stored: list[Example] = [
        json.loads(path.read_text("utf-8")) for path in sorted(EVENT_EXAMPLES.glob(f"{topic}[.+]*"))
    ]
    return max(stored, key=lambda example: len(example["body"]))

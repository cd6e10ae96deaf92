"""What is kept: for each outcome that was ever seen the shortest record that had it, one a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS, Target
from tests.support.pipeline import Polled

FOLDER: Final = Path(__file__).parent / "corpus"
KEPT_BYTES_MAX: Final = 4_096
"""What is longer is not kept: it says nothing that a shorter one would not."""


def read(target: Target) -> list[Polled]:
    """Return the records kept for a target."""
    file = FOLDER / f"{target}.jsonl"
    return [from_line(line) for line in file.read_text().splitlines()] if file.exists() else []


def write(target: Target, records: list[Polled]) -> None:
    """Keep records for a target, in the order of their lines."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{target}.jsonl").write_text("".join(line + "\n" for line in sorted(map(as_line, records))))


def size(record: Polled) -> int:
    """Return how many bytes a record has, headers and all."""
    return len(record.value or b"") + sum(len(name) + len(said or b"") for name, said in record.headers)


def all_of_it() -> list[tuple[Target, Polled]]:
    """Return every record that is kept."""
    return [(target, record) for target in TARGETS for record in read(target)]


def as_line(record: Polled) -> str:
    """Return a record as one line of JSON; a character stands for a byte of the same number."""
    said = {
        "value": None if record.value is None else record.value.decode("latin-1"),
        "headers": [[name, None if text is None else text.decode("latin-1")] for name, text in record.headers],
    }
    return json.dumps(said)


def from_line(line: str) -> Polled:
    """Return the record of a line."""
    said = json.loads(line)
    headers = [(name, None if text is None else text.encode("latin-1")) for name, text in said["headers"]]
    return Polled(None if said["value"] is None else said["value"].encode("latin-1"), headers)

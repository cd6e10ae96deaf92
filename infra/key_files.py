"""Files that hold keys, one a line: made once, and for the eyes of their owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

OWNER_ALONE: Final = 0o600


def lines_of(file: Path | None) -> list[str]:
    """Return what is in a file of keys, line by line; nothing where there is none."""
    return file.read_text().split() if file is not None and file.is_file() else []


def make_once(file: Path, line: str) -> bool:
    """Put a line into a file that is not there yet; tell whether it was made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{line}\n")
    return True

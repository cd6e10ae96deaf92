"""The pages of ``docs/how-to`` as steps that can be taken: files to write, files to change, commands to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BUILDS_ON: Final = re.compile(r"^Builds on \[(\S+)\]", re.MULTILINE)
RUN_BY_THE_TEST: Final = ("python ", "pytest ")
"""What a page's shell blocks may begin with to be run; other commands need services, or are said for the reader."""


@dataclass(frozen=True, slots=True)
class Step:
    """One block of a page: its language, the file it is named for, and what it says."""

    language: str
    path: str | None
    text: str


def steps(page: str) -> Iterator[Step]:
    """Yield the steps of a page, after those of the page that it builds on."""
    text = (PAGES / page).read_text("utf-8")
    if before := BUILDS_ON.search(text):
        yield from steps(before.group(1))
    for found in BLOCK.finditer(text):
        yield Step(*found.groups())


def change(copy: Path, diff: str) -> None:
    """Change files as a diff says; each hunk has to fit exactly one place.

    Raises:
        AssertionError: A hunk fits nowhere, or in several places.
    """
    path = copy
    for hunk in re.split(r"^@@$\n?|^(?=--- a/)", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        if hunk.startswith("--- a/"):
            path = copy / lines[1].removeprefix("+++ b/").strip()
            continue
        if lines:
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            text = path.read_text("utf-8")
            assert text.count(old) == 1, f"{path.name} has {text.count(old)} places for:\n{old}"
            path.write_text(text.replace(old, new), "utf-8")

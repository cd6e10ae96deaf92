"""The pages for a successor work: every block is applied to a copy of the project, and what they say is run."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.how_to import PAGES, RUN_BY_THE_TEST, change, steps

CLONE: Final = Path(__file__).parents[3]
COPIED: Final = ("domain", "commands", "projections", "infra", "workers", "tests", "docs")
FILES: Final = ("pyproject.toml", "docker-compose.yml", "Dockerfile", "README.md", "CHANGELOG.md", "Makefile")
TIMEOUT_S: Final = 300

pytestmark = pytest.mark.proof


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, free to be changed."""
    for folder in COPIED:
        shutil.copytree(CLONE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.xz"))
    for file in FILES:
        shutil.copy(CLONE / file, tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", sorted(page.name for page in PAGES.glob("*.md") if page.name != "README.md"))
def test_a_page_does_what_it_says(copy: Path, page: str) -> None:
    """From its first line to its last, in order, with nothing left to guess."""
    ran = 0
    for step in steps(page):
        if step.language == "diff":
            change(copy, step.text)
        elif step.path is not None:
            (copy / step.path).parent.mkdir(parents=True, exist_ok=True)
            (copy / step.path).write_text(step.text, "utf-8")
        elif step.language == "sh":
            ran += sum(_run(copy, line) for line in step.text.splitlines() if line.startswith(RUN_BY_THE_TEST))
    assert ran


def _run(copy: Path, line: str) -> int:
    """Run one command in the copy; fails with what it printed. Returns 1."""
    words = shlex.split(line)
    program = [sys.executable, "-m", "pytest"] if words[0] == "pytest" else [sys.executable]
    told = subprocess.run(  # noqa: S603 - commands of our own pages
        [*program, *words[1:]],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert told.returncode == 0, f"{line}\n{told.stdout[-4000:]}{told.stderr[-2000:]}"
    return 1

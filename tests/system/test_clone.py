"""A clone works wherever it lies: its folder's name is nobody's business."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

CLONE: Final = Path(__file__).parents[2]
WAIT_MAX_S: Final = 600
OF_AN_OUTER_MAKE: Final = frozenset({"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"})
ODD: Final = 'it\'s "a" clöne, $HOME `x` 中'


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, as somebody in a shell would: also where a make runs these tests."""
    env = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
    return subprocess.run(  # noqa: S603
        argv, cwd=folder, env=env, capture_output=True, text=True, timeout=WAIT_MAX_S, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the files of this clone, in a folder whose name a shell would take apart; with the tools at hand."""
    folder = tmp_path / ODD
    files = run(CLONE, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    for name in files:
        if name and (CLONE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CLONE / name, folder / name)
    (folder / ".tools").mkdir()
    for tool in ("uv", "uv-cache"):
        if (CLONE / ".tools" / tool).is_dir():
            (folder / ".tools" / tool).symlink_to(CLONE / ".tools" / tool)
    return folder


def test_make_sets_a_clone_up_in_a_folder_of_any_name(clone: Path) -> None:
    """`make setup` leaves nothing beside the clone, and the program it brought answers there."""
    done = run(clone, "make", "setup")

    assert done.returncode == 0, done.stderr
    assert [path.name for path in clone.parent.iterdir()] == [ODD]
    assert (clone / ".tools" / "tmp").is_dir()
    said = run(clone, str(clone / ".venv" / "bin" / "rma"), "--version")
    assert (said.returncode, said.stdout.split()[0]) == (0, "rma"), said.stderr


@pytest.mark.parametrize("target", ["demo", "test", "clean"])
def test_no_recipe_shows_the_folder_to_a_shell(clone: Path, target: str) -> None:
    """A shell would take the folder's name apart: it comes from the environment, and everything else is relative."""
    said = run(clone, "make", "-n", target)

    assert said.returncode == 0, said.stderr
    assert ODD not in said.stdout


def test_where_postgresql_cannot_run_is_said_in_a_line(clone: Path) -> None:
    """PostgreSQL's own start-up takes no such name; whoever has one is told what to do."""
    assert run(clone, "make", "setup").returncode == 0

    said = run(clone, str(clone / ".venv" / "bin" / "rma"), "up")

    assert said.returncode == 3
    assert said.stderr.count("\n") == 1
    assert "move the clone" in said.stderr

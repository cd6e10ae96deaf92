"""Imports point inwards: the folders may only know what the architecture lets them know."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

CLONE: Final = Path(__file__).parents[3]
FOLDERS: Final = ("domain", "commands", "projections", "infra", "workers")
LINT: Final = Path(sys.executable).with_name("lint-imports")
TIMEOUT_S: Final = 60


def _lint(folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # the program of our own environment
        [LINT, "--cache-dir", cache],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code and its import rules, free to be spoiled."""
    for folder in FOLDERS:
        shutil.copytree(CLONE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_import_rules_hold(tmp_path: Path) -> None:
    """No module of this project imports what its folder must not know."""
    result = _lint(CLONE, tmp_path)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "planted", "broken"),
    [
        ("domain/planted.py", "import infra.settings", "Imports point inwards"),
        ("domain/planted.py", "import psycopg", "The domain does no input or output"),
        ("commands/planted.py", "import infra.settings", "Imports point inwards"),
        ("commands/planted.py", "import kafka", "Commands know neither Kafka nor PostgreSQL"),
        ("projections/planted.py", "import commands", "Imports point inwards"),
        ("projections/planted.py", "import kafka", "Projections do not know Kafka"),
        ("infra/planted.py", "import projections", "Imports point inwards"),
        ("infra/planted.py", "import workers", "Imports point inwards"),
    ],
)
def test_a_forbidden_import_is_refused(copy: Path, module: str, planted: str, broken: str) -> None:
    """Each rule can fail: an import planted against it stops the check, and the rule is named."""
    (copy / module).write_text(f"{planted}\n")

    result = _lint(copy, copy / "cache")

    assert result.returncode == 1
    assert f"{broken} BROKEN" in result.stdout

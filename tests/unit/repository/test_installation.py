"""What the image installs works without what only a clone has: the local stack and the trials."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from workers.cli.exit_codes import DONE, LEFT_OUT, SAID_NO

CLONE: Final = Path(__file__).parents[3]
WHEEL: Final = tomllib.loads((CLONE / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
TIMEOUT_S: Final = 120
IMPORT_ALL: Final = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(found.name)
print(*sorted(name for name in sys.modules if name.startswith(tuple(sys.argv[1:]))), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("installed")
    for package in WHEEL["packages"]:
        shutil.copytree(CLONE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for left_out in WHEEL["exclude"]:
        shutil.rmtree(folder / left_out)
    return folder


def _python(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *arguments],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def _rma(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(installed, "-m", "workers.cli.app", *arguments)


def test_what_is_left_out_is_what_the_command_line_says_is_missing() -> None:
    """A folder that leaves the wheel gets its sentence."""
    assert [folder.replace("/", ".") for folder in WHEEL["exclude"]] == list(LEFT_OUT)


def test_every_module_can_be_imported(installed: Path) -> None:
    """Nothing that is installed needs what is not."""
    result = _python(installed, "-c", IMPORT_ALL, *WHEEL["packages"])

    assert result.returncode == 0, result.stderr
    assert "workers.command_worker.worker" in result.stdout.splitlines()
    assert not [name for name in result.stdout.splitlines() if name.startswith(LEFT_OUT)]


@pytest.mark.parametrize("arguments", [("--help",), ("work", "--help"), ("scenario", "--help")], ids=" ".join)
def test_the_command_line_answers(installed: Path, arguments: tuple[str, ...]) -> None:
    """What needs nothing that is left out does its work."""
    assert _rma(installed, *arguments).returncode == DONE


@pytest.mark.parametrize("arguments", [("demo",), ("up",), ("gateway",), ("bench", "units")], ids=" ".join)
def test_what_is_left_out_says_how_to_get_it(installed: Path, arguments: tuple[str, ...]) -> None:
    """One line, and no traceback."""
    result = _rma(installed, *arguments)

    assert result.returncode == SAID_NO
    assert result.stderr.count("\n") == 1
    assert "run it from a clone of the project" in result.stderr

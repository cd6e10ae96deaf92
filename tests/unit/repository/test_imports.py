"""Imports point inwards: the folders may only know what the architecture lets them know."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

CLONE: Final = Path(__file__).parents[3]
FOLDERS: Final = ("domain", "commands", "projections", "infra", "workers")
LINT: Final = Path(sys.executable).with_name("lint-imports")
TIMEOUT_S: Final = 120

INWARDS: Final = "Imports point inwards"
INSIDE: Final = "Inside the domain, rules know aggregates, and aggregates know no rules"
WITHIN: Final = "Within workers, processes stand below what people use"
PLANTED: Final = (
    ("domain/planted_0.py", "import infra.settings", INWARDS),
    ("domain/planted_1.py", "import psycopg", "The domain does no input or output"),
    ("commands/planted_2.py", "import infra.settings", INWARDS),
    ("commands/planted_3.py", "import kafka", "Commands know neither Kafka nor PostgreSQL"),
    ("projections/planted_4.py", "import commands", INWARDS),
    ("projections/planted_5.py", "import kafka", "Projections do not know Kafka"),
    ("infra/planted_6.py", "import projections", INWARDS),
    ("infra/planted_7.py", "import workers", INWARDS),
    ("workers/payments/planted_8.py", "import workers.cli", WITHIN),
    ("workers/command_worker/planted_9.py", "import workers.pictures", WITHIN),
    ("workers/runtime/planted_10.py", "import workers.payments", WITHIN),
    ("workers/desk/planted_11.py", "import workers.cli", WITHIN),
    ("workers/policies/planted_12.py", "import workers.pictures", WITHIN),
    ("workers/pictures/planted_13.py", "import workers.trials", WITHIN),
    ("workers/planted_14.py", "", WITHIN),
    ("infra/planted_18.py", "import infra.stack.local", "Production knows neither the local stack nor trials"),
    ("workers/desk/planted_19.py", "import infra.stack", "Production knows neither the local stack nor trials"),
    ("workers/operating/planted_15.py", "import rich", "What is computed is drawn elsewhere"),
    ("domain/policy/planted_18.py", "import domain.case", INSIDE),
    ("domain/policy/planted_19.py", "import domain.order", INSIDE),
    ("domain/policy/planted_20.py", "import domain.rma", INSIDE),
    ("domain/order/planted_21.py", "import domain.case", INSIDE),
    ("domain/order/planted_22.py", "import domain.rma", INSIDE),
    ("domain/rma/planted_23.py", "import domain.case", INSIDE),
    ("domain/settlement/planted_24.py", "import domain.case", INSIDE),
    ("domain/planted_25.py", "", INSIDE),
)
CYCLE: Final = (
    ("infra/gateways/planted_16.py", "import infra.gateways.planted_17"),
    ("infra/gateways/planted_17.py", "import infra.gateways.planted_16"),
)


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


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the check says of a copy in which every forbidden import was planted, by broken contract."""
    copy = tmp_path_factory.mktemp("planted")
    for folder in FOLDERS:
        shutil.copytree(CLONE / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "pyproject.toml", copy)
    for module, planted, *_ in (*PLANTED, *CYCLE):
        (copy / module).write_text(f"{planted}\n")

    result = _lint(copy, copy / "cache")

    assert result.returncode == 1
    parts = re.split(r"^(.+)\n-+\n", result.stdout.partition("Broken contracts")[2], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_import_rules_hold(tmp_path: Path) -> None:
    """No module of this project imports what its folder must not know."""
    result = _lint(CLONE, tmp_path)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("module", "planted", "broken"), PLANTED, ids=lambda value: str(value)[:40])
def test_a_forbidden_import_is_refused(refusals: Mapping[str, str], module: str, planted: str, broken: str) -> None:
    """Each rule can fail: a module planted against it, or without a place, is named under it."""
    assert re.search(rf"\b{Path(module).stem}\b", refusals[broken])


def test_an_import_that_runs_back_up_is_refused(refusals: Mapping[str, str]) -> None:
    """Two modules of one folder that import each other are found."""
    assert "No cycles are allowed in infra.gateways" in refusals["No import runs back up inside a folder"]

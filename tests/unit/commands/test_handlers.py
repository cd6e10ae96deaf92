"""Handlers translate: what happens is decided in the domain, and triggered there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

import commands

MODULES: Final = sorted(Path(commands.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_handler_triggers_a_fact(module: Path) -> None:
    """A fact that a handler triggers was decided in a handler."""
    assert "trigger_event" not in module.read_text("utf-8")

"""A check that finds nothing proves nothing: defects are planted, and found. All of them: ``make controls``."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.services import Addresses
from tests.controls.trying import find


def test_a_chaos_run_finds_a_repeat_that_is_answered_anew(tmp_path: Path) -> None:
    """One defect, no fault: the check that is about it says so, and names the command."""
    found = find("repeats_are_answered_anew", tmp_path, None, print)

    assert "was answered" in found["each command is answered once"]


@pytest.mark.parametrize("name", ["lost_appends_are_reported_as_made", "gaps_are_passed_over"])
def test_a_test_finds_what_a_run_would_seldom_meet(addresses: Addresses, tmp_path: Path, name: str) -> None:
    """A race lost in silence, and a gap passed over, turn a test red that is green without them."""
    assert find(name, tmp_path, addresses, print)

"""Each planted defect is tried, by a test that exists or by a chaos run, and the page shows what finds it."""

from __future__ import annotations

from pathlib import Path

from tests.controls.planted import DEFECTS
from tests.controls.trying import TRIES
from tests.promises import PROMISES
from workers.trials.chaos.schedule import WEIGHTS

CLONE = Path(__file__).parents[3]


def test_every_defect_is_tried() -> None:
    """By faults that there are, or by a test that is there."""
    assert TRIES.keys() == DEFECTS.keys()
    assert len(DEFECTS) >= 15
    for tried in TRIES.values():
        assert set(tried.kinds or {}) <= set(WEIGHTS)
        if tried.test:
            file, _, name = tried.test.partition("::")
            assert f"def {name}(" in (CLONE / file).read_text()


def test_the_page_shows_every_defect() -> None:
    """With what found it."""
    page = (CLONE / "docs" / "reliability.md").read_text()

    assert [name for name in DEFECTS if f"| `{name}` |" not in page] == []


def test_the_page_shows_what_breaks_each_promise() -> None:
    """And which test is red then, as `make promises` tries it."""
    page = (CLONE / "docs" / "reliability.md").read_text()
    table = page.partition("## Eight promises")[2].partition("All of them at once")[0]
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}

    assert {promise.number for promise in PROMISES} == set(range(1, 9))
    for promise in PROMISES:
        file, _, name = promise.test.partition("::")
        assert f"def {name}(" in (CLONE / file).read_text()
        assert f"`{promise.broken_by}`" in rows[str(promise.number)]
        assert f"`{name}`" in rows[str(promise.number)]

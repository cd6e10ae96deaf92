"""Waiting for a system to settle: as long as less is left to do, and no longer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from workers.trials.chaos import settling

WITHIN_S: Final = 0.05


class Left:
    """Looks at what is left to do, one after the other; the last one stays."""

    def __init__(self, left: Iterable[int | None]) -> None:
        self._looks = iter(left)
        self.left: int | None = None
        self.why: list[str] = []

    def is_so(self) -> bool:
        self.left = next(self._looks, self.left)
        return self.left == 0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "LOOK_EVERY_S", WITHIN_S / 5)


@pytest.mark.parametrize(
    ("looks", "settles"),
    [
        ([0], True),
        ([None, 5, 4, 3, 3, 2, 2, 1, 1, 0], True),
        ([5, 4], False),
        ([None], False),
        ([3, 2, *[2, 3] * 40, 0], False),
        (range(2_000, -1, -1), False),
    ],
    ids=["at once", "slowly", "it stands still", "nobody can tell", "to and fro", "never at this pace"],
)
def test_a_system_is_waited_for_while_less_is_left(looks: Iterable[int | None], *, settles: bool) -> None:
    """A busy machine takes its time; what stands still, or goes round, is told as soon as the bound is over."""
    assert settling._while_less_is_left(WITHIN_S, Left(looks)) is settles  # type: ignore[arg-type]

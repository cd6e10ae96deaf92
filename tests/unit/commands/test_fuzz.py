"""Whatever comes from outside is accepted, refused or malformed: what is kept, and as much again that is new.

At length: ``make fuzz``.
"""

from __future__ import annotations

from typing import Final

import pytest

from commands import dispatch
from tests.fuzz import keeping, targets
from tests.fuzz.targets import TARGETS, FuzzError, Target, outcome
from tests.fuzz.trying import tried
from tests.support.pipeline import Polled, command, order

RECORDS: Final = 300


@pytest.mark.parametrize("target", TARGETS)
def test_what_nobody_has_sent_breaks_nothing(target: Target) -> None:
    """Of each kind so many, beside what is kept: none crashes, none hangs."""
    done = tried(target, seed=1, records=RECORDS)

    assert sum(done.came.values()) == RECORDS + len(keeping.read(target))
    assert set(done.came) == {"accepted", "refused", "malformed"}


def test_what_is_kept_is_read_as_it_was_written() -> None:
    """Bytes that are no text among it."""
    odd = Polled(b"\x00\xff{", [("ce_id", b"\xfe"), ("ce_type", None)])

    [again] = map(keeping.from_line, [keeping.as_line(odd)])

    assert (again.value, list(again.headers)) == (odd.value, list(odd.headers))


def test_a_crash_is_found_with_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that raises what nobody foresaw: the record that brings it again is told."""
    monkeypatch.setattr(targets, "handle", lambda *_: 1 // 0)

    with pytest.raises(FuzzError, match=r"ZeroDivisionError.*RegisterOrder"):
        outcome(command("RegisterOrder", order()))


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes longer than a worker may be held up."""

    def for_ever(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(targets, "HANGS_AFTER_S", 0.1)
    monkeypatch.setattr(dispatch, "parse", for_ever)

    with pytest.raises(FuzzError, match="TimeoutError"):
        outcome(command("RegisterOrder", order()))

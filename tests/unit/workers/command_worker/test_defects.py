"""What is kept and logged of an error that a record led to never quotes the record."""

from __future__ import annotations

from workers.command_worker.defects import told_of


def fail(text: str) -> None:
    raise KeyError(text)


def test_an_error_is_told_by_its_kind_and_its_way() -> None:
    """Where it came from, and nothing of its message, which may hold what somebody wrote."""
    try:
        fail("the canary sang")
    except KeyError as failed:
        told = told_of(failed)

    assert "canary" not in told
    assert told.startswith("KeyError at test_defects.py:")
    assert told.endswith(" fail")

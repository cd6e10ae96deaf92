"""Texts in JSON: as they were written, or null with the reason beside, by path; people see a mark in their place."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from infra.sealing.bodies import ERASED_MARK, SEALED_MARK, UNREADABLE_MARK, Mark
from workers.operating.shown_texts import told, with_texts

COMMENT, PLACE, NOTE, OTHER = (f"sealed:v1:{uuid4()}:{name}" for name in ("abc", "def", "ghi", "jkl"))


def row() -> dict[str, Any]:
    return {"lines": [{"comment": COMMENT}, {"comment": OTHER}], "scan": {"place": PLACE}, "note": NOTE, "hash": "a.b"}


def test_what_cannot_be_told_is_null_and_named() -> None:
    """By why: nobody may see it here, its customer was erased, it was tampered with."""
    texts = {COMMENT: "too tight", PLACE: Mark(ERASED_MARK), NOTE: Mark(UNREADABLE_MARK), OTHER: Mark(SEALED_MARK)}

    assert told(row(), texts) == {
        "lines": [{"comment": "too tight"}, {"comment": None}],
        "scan": {"place": None},
        "note": None,
        "hash": "a.b",
        "sealed": ["lines[1].comment"],
        "erased": ["scan.place"],
        "unreadable": ["note"],
    }


def test_a_text_that_only_looks_sealed_stays() -> None:
    """What no event holds sealed was typed by somebody; and somebody may type what a mark looks like, too."""
    assert told(row(), {COMMENT: "(erased)"}) == row() | {"lines": [{"comment": "(erased)"}, {"comment": OTHER}]}


def test_people_see_a_mark() -> None:
    assert with_texts(row(), {NOTE: Mark(ERASED_MARK)})["note"] == "(erased)"

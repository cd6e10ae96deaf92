"""Ids that follow from what they name."""

from __future__ import annotations

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from infra.records import EVENT_NAMESPACE, derived_id


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_id_that_follows_from_a_text_is_that_of_the_standard(text: str) -> None:
    """Version 5 of RFC 9562, as Python's own: ids that were given once are given again."""
    assert derived_id(text.encode()) == str(uuid5(EVENT_NAMESPACE, text))

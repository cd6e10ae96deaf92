"""Texts are sealed at their place, under one person's key, and open nowhere else."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any
from uuid import uuid4

import orjson
import pytest

from domain.history import UPCASTS
from infra.sealing.bodies import (
    ERASED_MARK,
    SEALED_MARK,
    UNREADABLE_MARK,
    marked_body,
    open_body,
    opened_texts,
    seal_body,
)
from infra.sealing.fields import SEALED
from infra.sealing.sealed_text import DataKey, Place, UnopenedError, seal, unseal
from infra.sealing.vault import new_key
from workers.runtime.every_event import make_codec

TYPE = "rma.Rma.Requested.v1"
STREAM = "rma/00000000-0000-4000-8000-000000000001"
PLACE = Place(STREAM, 3, "lines[0].comment")
BODY: dict[str, Any] = {
    "contact": '{"name":"Anna Lind"}',
    "lines": [
        {"comment": "the seam burst", "texts": {"why": "too wide"}, "sku": "CUP"},
        {"comment": None, "texts": None, "sku": "MUG"},
    ],
    "evidence": [{"uri": "https://photos.example/1.jpg", "sha256": None}, {"uri": f"/v1/evidence/{uuid4()}"}],
    "content_hash": "ab.cd",
}


@pytest.fixture
def key() -> DataKey:
    return new_key("customer/C-1")


def sealed_body(key: DataKey) -> tuple[dict[str, Any], bytes]:
    body, key_id = seal_body(TYPE, orjson.dumps(BODY), STREAM, 1, lambda: key)
    assert key_id == key.key_id
    return orjson.loads(body), body


def test_what_people_wrote_is_sealed_and_nothing_else(key: DataKey) -> None:
    """Identifiers stay; so does a pointer into our own store, and of the content's hash the part over what is plain."""
    values, body = sealed_body(key)

    for text in ("Anna Lind", "seam burst", "too wide", "photos.example"):  # no ciphertext spells a space or a dot
        assert text.encode() not in body
    prefix = f"sealed:v1:{key.key_id}:"
    first, second = values["lines"]
    assert all(value.startswith(prefix) for value in (values["contact"], first["comment"], first["texts"]))
    assert (first["sku"], second["comment"]) == ("CUP", None)
    assert values["evidence"][1] == BODY["evidence"][1]
    assert values["content_hash"].startswith(prefix)
    assert values["content_hash"].endswith(".cd")


def test_what_was_sealed_opens_as_it_was(key: DataKey) -> None:
    """With the key every value is what it was."""
    _, body = sealed_body(key)

    assert orjson.loads(open_body(TYPE, body, STREAM, 1, {key.key_id: key})) == BODY


def test_without_the_key_texts_are_gone_and_the_rest_stays(key: DataKey) -> None:
    """What may be null is; of the content's hash the part over what is plain is left."""
    _, body = sealed_body(key)

    left = orjson.loads(open_body(TYPE, body, STREAM, 1, {}))

    assert (left["contact"], left["lines"][0]["comment"], left["lines"][0]["texts"]) == (None, None, None)
    assert (left["evidence"][0]["uri"], left["content_hash"]) == (ERASED_MARK, ".cd")
    assert {one.opened for one in opened_texts(TYPE, body, STREAM, 1, {})} == {ERASED_MARK}


@pytest.mark.parametrize("place", [(STREAM, 2), ("rma/another", 1)])
def test_a_text_opens_only_where_it_was_sealed(key: DataKey, place: tuple[str, int]) -> None:
    """In another event, of the same stream or another, it is not readable, and says so instead of raising."""
    _, body = sealed_body(key)

    shown = {one.opened for one in opened_texts(TYPE, body, *place, {key.key_id: key})}

    assert shown == {UNREADABLE_MARK}


def test_texts_of_two_lines_cannot_be_swapped(key: DataKey) -> None:
    """The path is part of the place."""
    sealed = seal(b'"x"', key, PLACE)

    assert unseal(sealed, key, PLACE) == b'"x"'
    with pytest.raises(UnopenedError):
        unseal(sealed, key, PLACE._replace(path="lines[1].comment"))
    with pytest.raises(UnopenedError):
        unseal(sealed[:-4] + "AAAA", key, PLACE)
    assert seal(b'"x"', key, PLACE) != sealed, "the same text twice is not seen to be the same"


def test_a_code_is_no_text(key: DataKey) -> None:
    """A word that a system gives stays plain; a sentence is sealed, and one that only looks sealed is, too."""
    for reason, is_sealed in (("remedy_accepted", False), ("Too late", True), ("sealed:v1:x", True)):
        told = orjson.dumps({"reason": reason})
        body, key_id = seal_body("rma.Rma.Closed.v1", told, STREAM, 9, lambda: key)
        assert (key_id is not None) is is_sealed
        assert (reason.encode() in body) is not is_sealed
        if key_id:
            assert orjson.loads(open_body("rma.Rma.Closed.v1", body, STREAM, 9, {key_id: key})) == {"reason": reason}


def test_marks_stand_where_nobody_may_look(key: DataKey) -> None:
    """Whoever has no key is told that there is something."""
    _, body = sealed_body(key)

    assert orjson.loads(marked_body(TYPE, body))["lines"][0]["comment"] == SEALED_MARK


@pytest.mark.parametrize("type_name", sorted(SEALED.keys() - UPCASTS.keys()))
def test_the_table_names_fields_that_events_have(type_name: str) -> None:
    """Every path leads to a field of the event's class, and says rightly whether it may be null.

    An old type has no class any more, and keeps its row.
    """
    event_class = make_codec().event_classes[type_name]
    for field in SEALED[type_name]:
        holder: Any = event_class
        for step in (step for step in field.steps[:-1] if step != "[]"):
            holder = _class_in(_annotation(holder, step))
        annotation = _annotation(holder, field.steps[-1])
        assert (type(None) in getattr(annotation, "__args__", ())) is field.nullable, (type_name, field.steps)


def _annotation(holder: Any, name: str) -> Any:
    return typing.get_type_hints(holder)[name]


def _class_in(annotation: Any) -> Any:
    if dataclasses.is_dataclass(annotation):
        return annotation
    return next(found for part in annotation.__args__ if (found := _class_in(part)) is not None)


def test_a_gift_code_cannot_be_guessed_from_its_hash(key: DataKey) -> None:
    """It is sealed; what a version before left plain beside sealed texts stays as it is, and shows to nobody."""
    of, plain = "rma.Order.Registered.v1", {"contact": '{"name":"Anna"}', "gift_code_hash": "ab" * 32}
    body, _ = seal_body(of, orjson.dumps(plain), "order/O-1", 1, lambda: key)
    keys = {key.key_id: key}

    assert orjson.loads(body)["gift_code_hash"].startswith("sealed:v1:")
    assert orjson.loads(open_body(of, body, "order/O-1", 1, keys)) == plain
    assert orjson.loads(open_body(of, body, "order/O-1", 1, {}))["gift_code_hash"] == ERASED_MARK
    before = orjson.dumps(orjson.loads(body) | {"gift_code_hash": "ab" * 32})
    assert orjson.loads(open_body(of, before, "order/O-1", 1, keys)) == plain
    assert [text.path for text in opened_texts(of, before, "order/O-1", 1, keys)] == ["contact"]

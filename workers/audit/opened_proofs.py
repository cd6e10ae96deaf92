"""Single texts of an event, opened beside its proof: each with a key of its own, which opens no other text.

Whoever has the file sees that the text is what was sealed then, and so what was recorded; he needs no vault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypedDict

import orjson

from domain.errors import RmaError, UnusableInputError
from infra.proofs.merkle import ProofError
from infra.records import StoredEvent
from infra.sealing.bodies import opened_texts
from infra.sealing.openings import Looking, field_of, note_opening
from infra.sealing.sealed_text import DataKey, Place, UnopenedError, open_with, text_key
from infra.sealing.vault import Vault


class NoSuchTextError(UnusableInputError):
    """An event has no sealed text at a path."""

    code = "no_such_text"

    def __init__(self, path: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(known)}" if known else "it has none"
        super().__init__(f"the event has no sealed text at {path}; {there}")


class TextErasedError(RmaError):
    """The key of a text is gone."""

    code = "text_erased"


class ShownText(TypedDict):
    """What was sealed, as a JSON value, and the text's own key in hexadecimal."""

    text: object
    key: str


def shown_texts_of(event: StoredEvent, paths: Sequence[str], vault: Vault, looking: Looking) -> dict[str, ShownText]:
    """Return texts of an event with what opens each; that somebody looked is on record first.

    Raises:
        NoSuchTextError: A path names none.
        TextErasedError: The customer was erased.
        ProofError: A text is not what was sealed.
    """
    sealed = _sealed_of(event.type, event.body, event.stream, event.version, event.sealed_key_id)
    for path in paths:
        if path not in sealed:
            raise NoSuchTextError(path, list(sealed))
    keys = vault.find([event.sealed_key_id] if event.sealed_key_id else [])
    if not keys:
        raise TextErasedError("the customer was erased: nobody can open this text any more")
    fields = [field_of(event.type, path) for path in paths]
    note_opening(vault.connection, looking, keys[0].person, event.stream, fields)
    return {path: _shown(event, path, sealed[path], keys[0]) for path in paths}


def shown_with(event: StoredEvent, key: DataKey) -> dict[str, ShownText]:
    """Return every text of an event that a key opens, with what opens it, for the one whose texts they are."""
    sealed = _sealed_of(event.type, event.body, event.stream, event.version, event.sealed_key_id)
    shown: dict[str, ShownText] = {}
    for path, text in sealed.items():
        with suppress(ProofError):  # another's, or not what was sealed
            shown[path] = _shown(event, path, text, key)
    return shown


def _shown(event: StoredEvent, path: str, sealed: str, key: DataKey) -> ShownText:
    place = Place(event.stream, event.version, path)
    own = text_key(key, place)
    return {"text": _opened(sealed, own, place), "key": own.hex()}


def check_shown(shown: Mapping[str, ShownText], headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return, as sentences, what texts say that stand opened beside a proven event.

    Raises:
        ProofError: One is not what was sealed in the event.
    """
    stream, version = headers["ce_subject"], int(headers["ce_streamversion"])
    sealed = _sealed_of(headers["ce_type"], body, stream, version, headers.get("ce_sealedkeyid"))
    said = []
    for path, one in shown.items():
        if path not in sealed:
            raise ProofError(f"the event has no sealed text at {path}")
        if _opened(sealed[path], bytes.fromhex(one["key"]), Place(stream, version, path)) != one["text"]:
            raise ProofError(f"{path} says something else than what was sealed")
        said.append(f"{path} says {orjson.dumps(one['text']).decode()}")
    return said


def _sealed_of(type_name: str, body: bytes, stream: str, version: int, key_id: str | None) -> dict[str, str]:
    """Return the sealed texts of an event by their paths."""
    return (
        {} if key_id is None else {one.path: one.sealed for one in opened_texts(type_name, body, stream, version, {})}
    )


def _opened(sealed: str, own_key: bytes, place: Place) -> object:
    try:
        return orjson.loads(open_with(sealed, own_key, place))
    except UnopenedError as bad:
        raise ProofError(f"{place.path} is not what was sealed in this event") from bad

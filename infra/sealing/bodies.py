"""The texts of an event's body: found by the schema of its type, sealed, and opened again.

What is opened is told by the schema and by whether the event was sealed, never by what a text looks like: somebody may
have typed ``sealed:v1:…``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from infra.sealing.fields import HASHES, MAY_HOLD, SEALED, SealedField
from infra.sealing.sealed_text import DataKey, Place, UnopenedError, key_of, seal, unseal

SEALED_MARK: Final = "(sealed)"
"""Stands where a text is that one may not see."""
ERASED_MARK: Final = "(erased)"
"""Stands where a text was whose key is gone."""
UNREADABLE_MARK: Final = "(unreadable)"
"""Stands where a text is that does not open with its key."""

Keys = Mapping[str, DataKey]
"""By the key's id."""


class _Found(NamedTuple):
    """One value of a body that is a sealed field's: what holds it, under which name, at which path."""

    field: SealedField
    holder: dict[str, Any]
    name: str
    path: str
    value: Any

    def put(self, new: Any) -> None:
        """Put another value in its place."""
        self.holder[self.name] = new


def seal_body(
    type_name: str, body: bytes, stream: str, version: int, key: Callable[[], DataKey]
) -> tuple[bytes, str | None]:
    """Return a body with its texts sealed, and the key's id; the same bytes and None where it holds none.

    ``key`` is asked only where there is something to seal.
    """
    if type_name not in SEALED or not MAY_HOLD[type_name].search(body):
        return body, None
    values = orjson.loads(body)
    found = [
        one for one in _found(type_name, values) if not (isinstance(one.value, str) and one.field.is_plain(one.value))
    ]
    if not found:
        return body, None
    own = key()
    for one in found:
        place = Place(stream, version, one.path)
        if one.field.kind == "content_hash":
            whole, _, of_plain = one.value.partition(".")
            one.put(f"{seal(whole.encode(), own, place)}.{of_plain}")
        else:
            plain = one.value.encode() if one.field.kind == "json_text" else orjson.dumps(one.value)
            one.put(seal(plain, own, place))
    return orjson.dumps(values), own.key_id


def open_body(type_name: str, body: bytes, stream: str, version: int, keys: Keys) -> bytes:
    """Return the body of a sealed event with its texts as they were; those that cannot be opened are left out.

    What may not be null says ``(erased)`` or ``(unreadable)``, and so does a hash: there was one.
    """
    values = orjson.loads(body)
    for one in _sealed(type_name, values):
        opened = opened_value(one.field, one.value, Place(stream, version, one.path), keys)
        one.put(None if isinstance(opened, Mark) and one.field.nullable and one.field.kind != "hash" else opened)
    return orjson.dumps(values)


def marked_body(type_name: str, body: bytes) -> bytes:
    """Return the body of a sealed event with ``(sealed)`` in the place of each text."""
    values = orjson.loads(body)
    for one in _sealed(type_name, values):
        one.put(SEALED_MARK)
    return orjson.dumps(values)


def opened_texts(type_name: str, body: bytes, stream: str, version: int, keys: Keys) -> Iterator[OpenedText]:
    """Yield every text of a sealed event with what was sealed, or the ``Mark`` that says why it cannot be told."""
    for one in _sealed(type_name, orjson.loads(body)):
        if one.field.kind not in HASHES:
            yield OpenedText(
                one.path, one.value, opened_value(one.field, one.value, Place(stream, version, one.path), keys)
            )


def holds_plain_texts(type_name: str, body: bytes) -> bool:
    """Tell whether an event that was recorded unsealed holds texts that would be sealed today."""
    return any(
        one.field.kind not in HASHES and not (isinstance(one.value, str) and one.field.is_plain(one.value))
        for one in _found(type_name, orjson.loads(body))
    )


def shown_body(
    type_name: str, body: bytes, stream: str, version: int, keys: Keys
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the body of a sealed event as people may see it: texts opened, or null with why, by path."""
    values: dict[str, Any] = orjson.loads(body)
    marks: dict[str, list[str]] = {}
    for one in list(_sealed(type_name, values)):
        opened = opened_value(one.field, one.value, Place(stream, version, one.path), keys)
        if one.field.kind in HASHES:
            one.put(None)
        elif isinstance(opened, Mark):
            one.put(None)
            marks.setdefault(opened.strip("()"), []).append(one.path)
        else:
            one.put(orjson.loads(opened) if one.field.kind == "json_text" else opened)
    return values, marks


class Mark(str):
    """What stands for a text that cannot be shown."""

    __slots__ = ()


class OpenedText(NamedTuple):
    """One text of an event: its path, as it is stored, and what it says."""

    path: str
    sealed: str
    opened: Any


def opened_value(field: SealedField, sealed: str, place: Place, keys: Keys) -> Any:
    """Return what was sealed, or the ``Mark`` that says why it cannot be."""
    of_plain = ""
    if field.kind == "content_hash":
        sealed, _, of_plain = sealed.rpartition(".")
    plain, mark = _unsealed(sealed, place, keys)
    if field.kind == "content_hash":
        return f"{plain.decode()}.{of_plain}"
    if mark is not None:
        return mark
    return plain.decode() if field.kind == "json_text" else orjson.loads(plain)


def _unsealed(sealed: str, place: Place, keys: Keys) -> tuple[bytes, Mark | None]:
    """Return what was sealed; nothing, and the mark that says why, where it cannot be opened."""
    try:
        key = keys.get(key_of(sealed))
        return (b"", Mark(ERASED_MARK)) if key is None else (unseal(sealed, key, place), None)
    except UnopenedError:
        return b"", Mark(UNREADABLE_MARK)


def _sealed(type_name: str, values: dict[str, Any]) -> Iterator[_Found]:
    """Yield the values of a sealed event that are sealed."""
    for one in _found(type_name, values):
        if isinstance(one.value, str) and not (one.field.is_plain(one.value) or one.field.was_left_plain(one.value)):
            yield one


def _found(type_name: str, values: dict[str, Any]) -> list[_Found]:
    found: list[_Found] = []
    for field in SEALED.get(type_name, ()):
        first = values.get(field.steps[0])
        if first is None:
            continue
        if len(field.steps) == 1:
            found.append(_Found(field, values, field.steps[0], field.steps[0], first))
        else:
            _collect(field, first, 1, field.steps[0], found)
    return found


def _collect(field: SealedField, value: Any, at: int, path: str, found: list[_Found]) -> None:
    """Add what lies at a field's steps from ``at`` on, in what was reached by those before."""
    step = field.steps[at]
    if step == "[]":
        for index, item in enumerate(value):
            _collect(field, item, at + 1, f"{path}[{index}]", found)
        return
    inner = value.get(step)
    if inner is None:
        return
    here = f"{path}.{step}"
    if at + 1 == len(field.steps):
        found.append(_Found(field, value, step, here, inner))
    else:
        _collect(field, inner, at + 1, here, found)

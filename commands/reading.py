"""JSON bodies as models, with what senders may write in more than one way."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

from commands.faults import LOOKED_AT_MAX, MalformedError, Place, faults_in, json_of, json_path, place_of
from domain.errors import Fault

Model = TypeVar("Model", bound=BaseModel)

KEY: Final = "[key]"
"""What the last part of a place is called where it is not the value that is wrong, but its name."""

ANOTHER_TYPE: Final = "_type"
"""What the kind of a fault ends with where a list, a number or an object was meant, and no text."""


def read(model: type[Model], body: bytes) -> Model:
    """Return what a JSON body says.

    An optional text that is empty is as if left out, and a whole number may be written ``1.0``. The models are strict:
    both are looked for only where something did not fit, so that other bodies are read once.

    Raises:
        MalformedError: Something does not fit; every fault is named by its JSON path.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        return _read_again(model, body, error)


def _read_again(model: type[Model], body: bytes, error: ValidationError) -> Model:
    if error.error_count() > LOOKED_AT_MAX:
        raise MalformedError([Fault("$", f"more than {LOOKED_AT_MAX:,} things are wrong with it")]) from error
    data = json_of(body)
    faults = faults_in(error, data)
    changed = _write_plainly(data, error.errors(include_url=False, include_input=False))
    if not changed:
        raise MalformedError(faults) from error
    try:
        return model.model_validate_json(to_json(data))
    except ValidationError as left:
        # a text that may not be left out is still called too short, and not missing
        as_sent = {fault.path: fault for fault in faults if fault.path in changed}
        raise MalformedError([as_sent.get(fault.path, fault) for fault in faults_in(left, data)]) from left


def _write_plainly(data: Any, found: list[ErrorDetails]) -> set[str]:
    """Leave out empty texts and write whole numbers plainly where they did not fit; return the paths of those places.

    A field that nobody knows, or a name that does not fit, stays: it is not the value that is wrong.
    """
    placed = [(place_of(one, data), one) for one in found]
    misnamed = {place for place, one in placed if one["type"] == "extra_forbidden" or KEY in one["loc"][-1:]}
    texts = {place for place, one in placed if not one["type"].endswith(ANOTHER_TYPE)}
    changed = set()
    for place in {place for place, _ in placed if place} - misnamed:
        around, last = _around(place, data)
        value = around.get(last) if isinstance(around, dict) else around[last]
        if value == "" and place in texts and isinstance(around, dict):
            del around[last]
        elif isinstance(value, float) and value.is_integer():
            around[last] = int(value)
        else:
            continue
        changed.add(json_path(place))
    return changed


def _around(place: Place, data: Any) -> tuple[Any, int | str]:
    """Return the object or list that a place is in, and its name or index there."""
    for part in place[:-1]:
        data = data[part]
    return data, place[-1]

"""What is wrong with a body, in words and by its place, as whoever sent it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from commands import contact
from commands.fields import PATTERNS_IN_WORDS
from domain.errors import Fault, RmaError
from domain.policy import when

Place = tuple[int | str, ...]
"""Where something stands in JSON values: names and indices, from the outside in."""

FAULTS_MAX: Final = 100
LOOKED_AT_MAX: Final = 10_000
"""Of more than so many faults none is named: a body of 1 MiB may have a million, and each costs memory."""
IN_WORDS: Final = PATTERNS_IN_WORDS | when.PATTERNS_IN_WORDS | contact.PATTERNS_IN_WORDS


class MalformedError(RmaError):
    """A record that no handler can read; every fault is named."""

    code: ClassVar[str] = "malformed"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults


def faults_in(error: ValidationError, data: object) -> list[Fault]:
    """Return what is wrong with JSON values, one fault for each place, at most ``FAULTS_MAX``.

    Args:
        error: What the model said of it.
        data: The JSON values; None where the body is no JSON at all.
    """
    found = error.errors(include_url=False, include_input=False)
    placed = [(place_of(one, data), one) for one in found]
    around = {place[:depth] for place, _ in placed for depth in range(len(place))}
    told = ((json_path(place), _said(one)) for place, one in placed if not (place in around and _may_echo(one)))
    return _one_each(told)[:FAULTS_MAX]


def json_of(body: bytes) -> object:
    """Return the JSON values of a body, or None where it is no JSON: the one fault there is has no place in it."""
    try:
        return from_json(body)
    except ValueError:
        return None


def _said(fault: ErrorDetails) -> str:
    if fault["type"] == "string_pattern_mismatch":
        return IN_WORDS[fault["ctx"]["pattern"]]
    return fault["msg"].removeprefix("Value error, ")


def _may_echo(fault: ErrorDetails) -> bool:
    """Tell whether a value in which something is wrong is called too short, or of another type, only for that.

    Faulty items were not counted, and where one of several types was meant, the others do not fit anyway.
    """
    return fault["type"] == "too_short" or fault["type"].endswith("_type")


def place_of(fault: ErrorDetails, data: Any) -> Place:
    """Return where in the body a fault is: what the model calls its own alternatives is no part of the path."""
    place: list[int | str] = []
    for part in fault["loc"]:
        inside = data.keys() if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
        if part in inside:
            place.append(part)
            data = data[part]
    if fault["type"] == "missing":
        place.append(fault["loc"][-1])
    return tuple(place)


def _one_each(found: Iterable[tuple[str, str]]) -> list[Fault]:
    """Return one fault for each path: a value that none of several types will do for is one fault."""
    messages: dict[str, list[str]] = {}
    for path, message in found:
        messages.setdefault(path, []).append(message)
    return [Fault(path, "; or: ".join(dict.fromkeys(said))) for path, said in messages.items()]


def json_path(location: Place) -> str:
    """Return a place in a body as a JSON path, such as ``$.lines[0].quantity``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)

"""What is wrong with a body, in words and by its place, as whoever sent it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from commands.fields import PATTERNS_IN_WORDS
from domain.errors import Fault, RmaError
from domain.policy import when

FAULTS_MAX: Final = 100
IN_WORDS: Final = PATTERNS_IN_WORDS | when.PATTERNS_IN_WORDS


class MalformedError(RmaError):
    """A record that no handler can read; every fault is named."""

    code: ClassVar[str] = "malformed"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults


def faults_in(error: ValidationError, data: Any) -> list[Fault]:
    """Return what is wrong with JSON values, one fault for each place, at most ``FAULTS_MAX``.

    Args:
        error: What the model said of it.
        data: The JSON values; None where the body is no JSON at all.
    """
    found = error.errors(include_url=False, include_input=False)
    places = ((json_path(_place(one, data)), _said(one)) for one in found if not _is_echo(one, found))
    return _one_each(places)[:FAULTS_MAX]


def json_of(body: bytes) -> Any:
    """Return the JSON values of a body, or None where it is no JSON: the one fault there is has no place in it."""
    try:
        return from_json(body)
    except ValueError:
        return None


def _said(fault: ErrorDetails) -> str:
    if fault["type"] == "string_pattern_mismatch":
        return IN_WORDS[fault["ctx"]["pattern"]]
    return fault["msg"].removeprefix("Value error, ")


def _is_echo(fault: ErrorDetails, faults: list[ErrorDetails]) -> bool:
    """Tell whether a list is called too short only because its faulty items were not counted."""
    inside = len(fault["loc"])
    return fault["type"] == "too_short" and any(
        len(other["loc"]) > inside and other["loc"][:inside] == fault["loc"] for other in faults
    )


def _place(fault: ErrorDetails, data: Any) -> tuple[int | str, ...]:
    """Return where in the body a fault is: what the model calls its own alternatives is no part of the path."""
    location = fault["loc"]
    for depth, part in enumerate(location):
        within = (isinstance(data, dict) and part in data) or (isinstance(data, list) and part in range(len(data)))
        if not within:
            return location if fault["type"] == "missing" else location[:depth]
        data = data[part]
    return location


def _one_each(found: Iterable[tuple[str, str]]) -> list[Fault]:
    """Return one fault for each path: a value that none of several types will do for is one fault."""
    messages: dict[str, list[str]] = {}
    for path, message in found:
        messages.setdefault(path, []).append(message)
    return [Fault(path, "; or: ".join(dict.fromkeys(said))) for path, said in messages.items()]


def json_path(location: tuple[int | str, ...]) -> str:
    """Return a place in a body as a JSON path, such as ``$.lines[0].quantity``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)

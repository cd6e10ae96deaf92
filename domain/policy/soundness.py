"""What no one can have meant in a document beside its rules: names that lie, calendars nobody knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Final

from domain.errors import PolicyRuleImpossibleError
from domain.policy.countries import countries
from domain.policy.document import PolicyDocument

_LYING: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Line breaks and other controls, and what turns the direction of text round: a name would show as another."""
_NEVER_ACCEPTED: Final = "X"
Unsound = tuple[str, str]


def check_beside_rules(document: PolicyDocument) -> None:
    """Refuse a document for what stands beside the conditions of its rules.

    Raises:
        PolicyRuleImpossibleError: The first fault; ``path`` says where.
    """
    for path, what in _faults(document):
        raise PolicyRuleImpossibleError(f"{path}: {what}", path=path)


def _faults(document: PolicyDocument) -> Iterator[Unsound]:
    yield from _calendar("window.calendar", document.window.calendar)
    yield from _twice("offers", document.offers)
    yield from _accepted("accept_grades", document.accept_grades)
    for index, rule in enumerate(document.rules):
        then, path = rule.then, f"rules[{index}].then"
        yield from _name(f"rules[{index}].name", rule.name)
        yield from _calendar(f"{path}.window.calendar", then.window.calendar if then.window else None)
        yield from _twice(f"{path}.offers", then.offers or ())
        yield from _accepted(f"{path}.accept_grades", then.accept_grades or ())
    for index, question in enumerate(document.questions):
        for number, choice in enumerate(question.choices or ()):
            yield from _name(f"questions[{index}].choices[{number}]", choice)
    for key, site in document.sites.items():
        yield from _name(f"sites.{key}.name", site.name)
        if site.country not in countries():
            yield f"sites.{key}.country", f"{site.country} is no country of ISO 3166-1"


def _name(path: str, name: str) -> Iterator[Unsound]:
    if found := _LYING.search(name):
        yield path, f"a name holds no line break and nothing that turns text round (U+{ord(found[0]):04X})"


def _calendar(path: str, calendar: str | None) -> Iterator[Unsound]:
    if calendar is not None and calendar not in calendars():
        yield path, f"nobody knows a calendar {calendar}"


def _twice(path: str, offers: Sequence[str]) -> Iterator[Unsound]:
    for index, offer in enumerate(offers):
        if offer in offers[:index]:
            yield f"{path}[{index}]", f"{offer} is offered already"


def _accepted(path: str, grades: Sequence[str]) -> Iterator[Unsound]:
    if _NEVER_ACCEPTED in grades:
        yield f"{path}[{grades.index(_NEVER_ACCEPTED)}]", "of goods of grade X a person always decides"


@lru_cache(maxsize=1)
def calendars() -> frozenset[str]:
    """Return the names of all holiday calendars: of countries (``GB``) and of parts of them (``US-CA``)."""
    data = json.loads(resources.files(__package__).joinpath("calendars.json").read_bytes())
    parts: dict[str, str] = data["parts"]
    of_parts = (f"{country}-{part}" for country, named in parts.items() for part in named.split())
    return frozenset({*data["whole"].split(), *parts, *of_parts})

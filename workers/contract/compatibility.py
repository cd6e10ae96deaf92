"""Whether readers and senders of a released version still get along with this one.

A *sender* gets along while everything that was a command still is one: nothing newly required, nothing narrower. A
*reader* gets along while everything that it may meet is as it knows it: no field gone, none of another type, none that
was always there missing. New fields and new words are no break: readers ignore the ones and expect the others. Events
from before stay for ever, so what is told may not become narrower either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from commands.fields import IDENTIFIER
from domain.names import NAME
from workers.contract.release import CODES, SENDERS, Contract
from workers.contract.schemas import COMMANDS, EVENTS, RESULTS
from workers.contract.shapes import Shape, shape_of

UPPER: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER: Final = ("minimum", "minLength", "minItems", "minProperties")
WIDENED: Final = frozenset({(IDENTIFIER, NAME)})
"""Patterns of texts, each with one that all of them fit, whatever their length."""
EXACT: Final = ("pattern", "format", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems")


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """What a later version does to whoever relies on a released one: where, by type and JSON path, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


Found = Iterator[tuple[str, str]]
Seen = frozenset[tuple[str, str]]
"""Pairs of shapes that are being compared: parts may hold themselves."""


def breaks(released: Contract, now: Contract) -> list[Break]:
    """Return everything by which this version breaks whoever relies on a released one."""
    found: set[Break] = set()
    for kind, compare in ((COMMANDS, _sending), (EVENTS, _reading), (RESULTS, _reading)):
        for name, schema in released[kind].items():
            if now[kind].get(name) == schema:
                continue
            if name in now[kind]:
                told = compare(shape_of(schema), shape_of(now[kind][name]), "$", frozenset())
                found |= {Break(f"{name} {at}", what) for at, what in told}
            else:
                found.add(Break(name, "is gone"))
    for name, kinds in released[SENDERS].items():
        gone = set(kinds) - set(now[SENDERS].get(name, kinds))
        found |= {Break(name, f"may no longer be sent by {kind}") for kind in gone}
    found |= {Break(code, "is no code any more") for code in set(released[CODES]) - set(now[CODES])}
    return sorted(found)


def _sending(old: Shape, new: Shape, at: str, seen: Seen) -> Found:
    """Yield what was accepted and no longer is."""
    if new.is_anything or (old.key, new.key) in seen:
        return
    if old.is_anything:
        yield at, "takes less than anything"
        return
    for kind, before in old.kinds.items():
        after = new.kind(kind)
        if after is None:
            yield at, f"no longer takes {kind}"
            continue
        yield from ((at, what) for what in _narrower(before, after))
        yield from _sending_parts(before, after, at, seen | {(old.key, new.key)})


def _sending_parts(old: Shape, new: Shape, at: str, seen: Seen) -> Found:
    for name, field in old.fields.items():
        within = new.fields.get(name, new.others)
        if within is None:
            yield f"{at}.{name}", "is no field any more"
            continue
        yield from _sending(field, within, f"{at}.{name}", seen)
        if name in new.fields and name not in old.required and field.default != within.default:
            yield f"{at}.{name}", "means something else where it is left out"
    yield from ((f"{at}.{name}", "is required now") for name in sorted(new.required - old.required))
    if old.others is not None and new.others is None:
        yield at, "takes no other fields any more"
    elif old.others is not None and new.others is not None:
        yield from _sending(old.names, new.names, f"{at}.(name)", seen)
        yield from _sending(old.others, new.others, f"{at}.*", seen)
    if old.items is not None and new.items is not None:
        yield from _sending(old.items, new.items, f"{at}[]", seen)


def _reading(old: Shape, new: Shape, at: str, seen: Seen) -> Found:
    """Yield what a reader of the old shape would not understand, and which old bodies would not fit the new one."""
    if old.is_anything or (old.key, new.key) in seen:
        return
    if new.is_anything:
        yield at, "may be anything now"
        return
    yield from ((at, f"may be {kind} now") for kind in new.kinds if old.kind(kind) is None)
    for kind, before in old.kinds.items():
        after = new.kind(kind)
        if after is None:
            yield at, f"is never {kind} any more"
            continue
        if before.words is not None and after.words is None:
            yield at, "may be any word now"
        yield from ((at, what) for what in _narrower(before, after))
        yield from _reading_parts(before, after, at, seen | {(old.key, new.key)})


def _reading_parts(old: Shape, new: Shape, at: str, seen: Seen) -> Found:
    for name, field in old.fields.items():
        if name in new.fields:
            yield from _reading(field, new.fields[name], f"{at}.{name}", seen)
        else:
            yield f"{at}.{name}", "is not told any more"
    yield from ((f"{at}.{name}", "may be left out now") for name in sorted(old.required - new.required))
    yield from (
        (f"{at}.{name}", "is missing from what was told before") for name in sorted(new.required - old.required)
    )
    if old.others is not None and new.others is not None:
        yield from _reading(old.names, new.names, f"{at}.(name)", seen)
        yield from _reading(old.others, new.others, f"{at}.*", seen)
    if old.items is not None and new.items is not None:
        yield from _reading(old.items, new.items, f"{at}[]", seen)


def _narrower(old: Shape, new: Shape) -> Iterator[str]:
    """Yield by what a kind of value is narrower than it was."""
    before, after = old.schema, new.schema
    if (before.get("pattern"), after.get("pattern")) in WIDENED:
        return
    if new.words is not None:
        yield from (f"{word} is no word any more" for word in old.words or () if word not in new.words)
        if old.words is None:
            yield "takes certain words only"
    for key in EXACT:
        if key in after and after[key] != before.get(key) and not (key == "pattern" and _is_wider(old, after[key])):
            yield f"{key} is {after[key]}, was {before.get(key, 'none')}"
    for key in UPPER:
        if key in after and after[key] < before.get(key, float("inf")):
            yield f"{key} is {after[key]}, was {before.get(key, 'none')}"
    for key in LOWER:
        if key in after and after[key] > before.get(key, float("-inf") if key == "minimum" else 0):
            yield f"{key} is {after[key]}, was {before.get(key, 'none')}"


def _is_wider(old: Shape, pattern: str) -> bool:
    """Tell whether a pattern takes all that the old one did, as far as that is plain, or all the words there were."""
    before, after = _alternatives(old.schema.get("pattern", "")), _alternatives(pattern)
    return before <= after if before else _all_fit(old, pattern)


def _alternatives(pattern: str) -> frozenset[str]:
    """Return what a pattern of alternatives, ``^(a|b)$``, takes one of; empty for one of another form."""
    inside = re.fullmatch(r"\^\(([^()]+)\)\$", pattern)
    return frozenset(inside[1].split("|")) if inside else frozenset()


def _all_fit(old: Shape, pattern: str) -> bool:
    """Tell whether a pattern that is new takes all the words that there were."""
    return old.words is not None and all(re.search(pattern, word) for word in old.words)

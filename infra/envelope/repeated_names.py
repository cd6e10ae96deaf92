"""Names that stand twice in one JSON object: nobody knows which of the values was meant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

import orjson

from infra.envelope.places import Place, parts_of, walk

PLACES_MAX: Final = 100
GIVEN_TWICE: Final = "given twice"


class _Object(dict[str, object]):
    """A JSON object that knows which of its names stood in it more than once."""

    repeated: tuple[str, ...] = ()


def repeated_names(text: bytes, data: object) -> list[list[int | str]]:
    """Return where names stand twice or more in one object: the parts of each place, at most ``PLACES_MAX`` places.

    Args:
        text: JSON in UTF-8. What nests deeper than Python can read has none: it is no command anyway.
        data: The same as JSON values, each name once.
    """
    if not _may_repeat(text, data):
        return []
    try:
        marked = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        return []
    return [parts_of(place) for place in islice(_places(marked), PLACES_MAX)]


def _may_repeat(text: bytes, data: object) -> bool:
    """Tell whether a name can be there twice: each has a colon of its own, and what was read has as many or fewer.

    Colons inside of texts are the same in both, unless the sender wrote one as an escape.
    """
    if b"\\u003" in text:
        return True
    try:
        return text.count(b":") != orjson.dumps(data).count(b":")
    except orjson.JSONEncodeError:
        return True


def _object(pairs: list[tuple[str, object]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        found.repeated = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return found


def _places(marked: object) -> Iterator[Place]:
    for value, place in walk(marked):
        if isinstance(value, _Object):
            yield from ((name, place) for name in value.repeated)

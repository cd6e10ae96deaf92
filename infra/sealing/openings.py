"""Who opened which texts, when and why: a row for every opening by a person, written before he sees anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Connection

from domain.values import dataclass

PAGE_ROWS: Final = 2_000
NOTE: Final = """
    INSERT INTO rma_vault.openings (actor, why, person, stream, fields) VALUES (%s, %s, %s, %s, %s)
"""
PAGE: Final = """
    SELECT seq, opened_at, actor, why, person, stream, fields FROM rma_vault.openings WHERE seq > %(after)s
    AND (%(persons)s::text[] IS NULL OR person = ANY(%(persons)s))
    AND (%(streams)s::text[] IS NULL OR stream = ANY(%(streams)s))
    AND (%(actor)s::text IS NULL OR actor = %(actor)s)
    AND (%(since)s::timestamptz IS NULL OR opened_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR opened_at < %(until)s)
    ORDER BY seq LIMIT %(rows)s
"""


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks, and why: an actor such as ``agent:ann``, and what he does or is asked."""

    actor: str
    why: str


class Opening(NamedTuple):
    """One opening; ``person`` is whose texts they are (``customer/C-1``), ``fields`` which of ``stream``."""

    seq: int
    opened_at: datetime
    actor: str
    why: str
    person: str
    stream: str
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Looked:
    """Which openings are asked for; None: whichever.

    Args:
        persons: Of the texts of one of these.
        streams: Of texts that stand in one of these.
        actor: By whom.
        since: Then or later.
        until: Before.
    """

    persons: list[str] | None = None
    streams: list[str] | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def field_of(type_name: str, path: str) -> str:
    """Return how a text of an event is named among the fields that were opened: ``Requested.lines[0].comment``."""
    return f"{type_name.split('.')[-2]}.{path}"


def note_opening(connection: Connection, looking: Looking, person: str, stream: str, fields: Iterable[str]) -> None:
    """Record that somebody is about to see texts of one person in one stream."""
    connection.execute(NOTE, (looking.actor, looking.why, person, stream, sorted(fields)))


def openings(connection: Connection, looked: Looked) -> Iterator[Opening]:
    """Yield the openings that are asked for, in their order, a page at a time."""
    after = 0
    while page := connection.execute(PAGE, {**asdict(looked), "after": after, "rows": PAGE_ROWS}).fetchall():
        yield from (Opening(*row) for row in page)
        after = page[-1][0]

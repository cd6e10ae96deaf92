"""Which edition of the law a system decides under, and whether a newer one came with this version."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import orjson

from domain.identity import STATUTES_STREAM
from domain.policy.statutes import FIRST, NEWEST
from infra.addresses import postgres_address
from infra.log.event_log import EventLog
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class LawInUse:
    """The newest edition that was published here (the first where none was), and the newest that there is."""

    published: int
    newest: int

    @property
    def remedy(self) -> str:
        """What to do for requests to be decided under the newest edition; nothing where they are."""
        return "" if self.published >= self.newest else f"run: rma statutes publish {self.newest} --as agent:NAME"


def read_law(settings: Settings) -> LawInUse:
    """Return what the log says of the law.

    Raises:
        psycopg.Error: PostgreSQL is away, or this user may not read the log.
    """
    with closing(EventLog(postgres_address(settings))) as log:
        published = log.load({STATUTES_STREAM: 0}).get(STATUTES_STREAM, [])
    return LawInUse(max((orjson.loads(event.body)["edition"] for event in published), default=FIRST), NEWEST)

"""`rma audit trail`: who did what, when, and why, off the log itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from typing import Final, TypedDict

import orjson
from psycopg import Connection

from domain.errors import UnusableInputError
from infra.addresses import postgres_address
from infra.envelope.codec import Codec
from infra.log.auditing import Sought, events_sought
from infra.log.event_log import EventLog
from infra.log.texts import TextReader, Texts
from infra.records import StoredEvent
from infra.sealing.bodies import marked_body
from infra.sealing.vault import open_vault
from infra.settings import Settings
from workers.operating.shown_texts import looking, with_texts

TextsOf = Callable[[Sequence[StoredEvent]], Texts]
PAGE_EVENTS: Final = 2_000
WHY: Final = ("reason", "code", "codes", "note", "grounds", "comment")
"""Fields of an event that say why, the first that is there first."""

OVERRIDE: Final = "DecisionOverridden"
"""What a person decided against what policy, or another person, had decided."""

APPROVED: Final = "approved_by"
NAMED_MAX: Final = 3


class UnknownTypeError(UnusableInputError):
    """There is no event of this name."""

    code = "unknown_event_type"

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ", see docs/contracts"
        super().__init__(f"there is no event {name}{hint}")


class Step(TypedDict):
    """One event as the trail tells it; ``why`` holds what the event says of its reasons."""

    position: int
    recorded_at: datetime
    occurred_at: datetime
    actor: str
    event: str
    stream: str
    key: str
    why: str
    approved_by: str | None


COLUMNS: Final = tuple(Step.__annotations__)


def types_named(codec: Codec, name: str) -> list[str]:
    """Return the stored types of an event, old ones too, by its name: ``Requested`` or ``rma.Rma.Requested.v1``.

    Raises:
        UnknownTypeError: There is none.
    """
    known = codec.event_classes
    found = [fact for type_name, fact in known.items() if name in {type_name, short(type_name)}]
    if not found:
        near = sorted({short(one) for one in known if name.lower() in one.lower()})[:NAMED_MAX]
        raise UnknownTypeError(name, near)
    return codec.types_of(*found)


def short(type_name: str) -> str:
    """Return the name of an event: ``Requested`` for ``rma.Rma.Requested.v1``."""
    return type_name.split(".")[-2] if "." in type_name else type_name


def steps(connection: Connection, sought: Sought, texts_of: TextsOf | None = None) -> Iterator[Step]:
    """Yield what is asked for in log order, a page at a time; texts as ``texts_of`` tells them, else ``(sealed)``."""
    after = 0
    while page := events_sought(connection, sought, after, PAGE_EVENTS):
        texts = None if texts_of is None else texts_of(page)
        for event in page:
            yield _step(event, texts)
        after = page[-1].position


@contextmanager
def opening_texts(settings: Settings) -> Iterator[TextsOf]:
    """Yield what opens the texts of events for whoever runs this process, and puts on record that he looked.

    Raises:
        VaultKeyMissingError, VaultKeyWrongError: This process may not open any.
    """
    with closing(open_vault(settings)) as vault, closing(EventLog(postgres_address(settings))) as log:
        yield partial(TextReader(log, vault).shown_of, looking("rma audit trail"))


def _step(event: StoredEvent, texts: Texts | None) -> Step:
    if event.sealed_key_id is None:
        body = orjson.loads(event.body)
    elif texts is None:
        body = orjson.loads(marked_body(event.type, event.body))
    else:
        body = with_texts(orjson.loads(event.body), texts)
    told = [_text(body[name]) for name in WHY if body.get(name)]
    return {
        "position": event.position,
        "recorded_at": event.recorded_at,
        "occurred_at": event.occurred_at,
        "actor": event.actor,
        "event": short(event.type),
        "stream": event.stream,
        "key": event.partition_key,
        "why": "; ".join(told),
        "approved_by": body.get(APPROVED),
    }


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

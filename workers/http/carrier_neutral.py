"""News in our own form: ``{"events": [{"event_id", "tracking_number", "status", "occurred_at", "place"?}]}``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from commands.fields import NO_NUL, TEXT_MAX
from workers.http.callers import faults_of
from workers.http.carrier_news import EVENTS_MAX, News, NewsStatus, Unreadable
from workers.http.errors import NewsUnreadableError, TooLargeError
from workers.http.instants import Instant

EVENT_ID_MAX = 200
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX, pattern=NO_NUL)]
Name = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
Number = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class Told(BaseModel):
    """One event."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_id: Name
    tracking_number: Number
    status: NewsStatus
    occurred_at: Instant
    place: Text | None = None


def read(body: bytes) -> Iterator[News | Unreadable]:
    """Yield the news of a body, each that cannot be read with why.

    Raises:
        NewsUnreadableError: The body as a whole is not of this form.
        TooLargeError: It holds too many.
    """
    for event in events_in(body):
        try:
            told = Told.model_validate(event)
        except ValidationError as error:
            yield Unreadable(id_of(event, "event_id"), faults_of(error))
        else:
            yield News(told.event_id, (told.tracking_number,), told.status, told.occurred_at, told.place)


def events_in(body: bytes, *path: str) -> list[Any]:
    """Return the list of events that a JSON body holds under ``events``, or under another path."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NewsUnreadableError(f"the body is not JSON in UTF-8: {error}") from error
    for name in path or ("events",):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise NewsUnreadableError(f"{'.'.join(path or ('events',))} must be a list")
    if len(found) > EVENTS_MAX:
        raise TooLargeError(f"at most {EVENTS_MAX} events are told at once", limit=EVENTS_MAX)
    return found


def id_of(event: Any, name: str) -> str | None:
    """Return the id of an event that cannot be read, where it has one that can be told."""
    found = event.get(name) if isinstance(event, dict) else None
    return found[:EVENT_ID_MAX] if isinstance(found, str) else None

"""What all reads share: their parameters, a view that has come far enough, and rows as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import orjson
from fastapi import Path, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from commands.fields import NO_NUL
from infra.log.queries import is_shown
from projections.read_models import PROJECTIONS
from workers.http.door import Door, Reading
from workers.http.errors import NotFoundError, NotYetError, ParameterInvalidError

CAUGHT_UP_MAX_S: Final = 5.0
LOOK_EVERY_S: Final = 0.05
POSITION_MAX: Final = 2**63 - 1
NAME_MAX: Final = 256
SHOWING: Final = {name: PROJECTIONS[name].version for name in ("tracking", "refund_ledger")}
"""The read models that answers are made of."""
POSITION: Final = "Rma-Position"

Found = TypeVar("Found")
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=NO_NUL)]
EncodedName = Annotated[str, Path(min_length=1, max_length=3 * NAME_MAX, description="Percent-encoded.")]
After = Annotated[
    int | None,
    Field(ge=1, le=POSITION_MAX, description="Wait, up to 5 s, until this is shown: the `Rma-Position` of an answer."),
]


class Asked(BaseModel):
    """The parameters of a read; one that is not known is refused, as it would narrow nothing."""

    model_config = ConfigDict(extra="forbid")

    after: After = None


def decoded(part: str) -> str:
    """Return a part of a path as it was meant; raises ``ParameterInvalidError`` where it is no text."""
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise ParameterInvalidError("a name in an address is UTF-8, percent-encoded") from error
    if "\x00" in text or len(text) > NAME_MAX:
        raise ParameterInvalidError(f"a name is 1 to {NAME_MAX} characters, none of them U+0000")
    return text


async def look(door: Door, after: int | None, read: Callable[[Reading], Found]) -> Found:
    """Return what is read from the views, once they show what stands at a position of the log.

    Raises:
        NotYetError: They do not within ``CAUGHT_UP_MAX_S``.
    """
    if after is not None:
        await _caught_up(door, after)
    return await run_in_threadpool(_read, door, read)


def _read(door: Door, read: Callable[[Reading], Found]) -> Found:
    with door.views.connection() as connection:
        return read(connection)


async def _caught_up(door: Door, position: int) -> None:
    until = asyncio.get_running_loop().time() + CAUGHT_UP_MAX_S
    while not await run_in_threadpool(_read, door, lambda connection: is_shown(connection, position, SHOWING)):
        if asyncio.get_running_loop().time() >= until:
            raise NotYetError(f"the views do not show position {position} yet", position=position)
        await asyncio.sleep(LOOK_EVERY_S)


def there(found: Found | None, what: str) -> Found:
    """Return what was found; raises ``NotFoundError`` where nothing was."""
    if found is None:
        raise NotFoundError(f"no such {what} is known")
    return found


def as_json(content: Any, *, position: int | None = None) -> Response:
    """Return rows as a response, and how far the log was with them."""
    response = Response(orjson.dumps(content), media_type="application/json")
    if position is not None:
        response.headers[POSITION] = str(position)
    return response

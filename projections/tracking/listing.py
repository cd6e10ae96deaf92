"""Returns as a list: by order, customer, status, next step, lateness and age, the newest first, page by page.

A page begins behind the last return of the one before, by the instant and the id of both, so that each costs the same
however far back it lies. No index names a status: what is not closed is looked through, see ``tables``.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from domain.errors import UnusableInputError
from domain.vocabularies import NextStep, ReturnStatus

PAGE_MAX: Final = 200
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
CURSOR: Final = struct.Struct(">q16s")
"""Microseconds since 1970, then the bytes of the id."""

PAGE: Final = """
    SELECT *, coalesce(overdue_from <= now(), false) AS overdue FROM rma_read.returns
    WHERE {conditions} ORDER BY requested_at DESC, rma_id DESC LIMIT %(rows)s
"""
FIELDS: Final = ("order_id", "customer_id", "status", "next_step")


class CursorInvalidError(UnusableInputError):
    """A cursor is none that a page ended with."""

    code = "cursor_invalid"

    def __init__(self, text: str) -> None:
        super().__init__(f"cursor {text} is none: take the one that a page ended with, as it is")


class Place(NamedTuple):
    """A return's place in the list."""

    requested_at: datetime
    rma_id: UUID

    def as_cursor(self) -> str:
        """Return the place as a text to go on from."""
        packed = CURSOR.pack((self.requested_at - EPOCH) // MICROSECOND, self.rma_id.bytes)
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def from_cursor(cls, text: str) -> Place:
        """Return the place that a text stands for; raises ``CursorInvalidError``."""
        try:
            since, rma_id = CURSOR.unpack(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
            return cls(EPOCH + since * MICROSECOND, UUID(bytes=rma_id))
        except (binascii.Error, struct.error, OverflowError) as error:
            raise CursorInvalidError(text) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which returns are wanted: all that fit everything that is not None; ``open`` are those not closed.

    ``requested_before`` is the instant before which they were asked for, ``sellers`` are those of their orders.
    """

    order_id: str | None = None
    customer_id: str | None = None
    status: ReturnStatus | None = None
    next_step: NextStep | None = None
    overdue: bool = False
    requested_before: datetime | None = None
    open: bool = False
    sellers: Sequence[str] | None = None
    rma_ids: Sequence[UUID] | None = None

    def conditions(self) -> Iterator[str]:
        """Yield what a row has to fulfil, with this object's fields as parameters."""
        yield from (f"{name} = %({name})s" for name in FIELDS if getattr(self, name) is not None)
        if self.requested_before is not None:
            yield "requested_at < %(requested_before)s"
        if self.overdue:
            yield "overdue_from <= now()"
        if self.sellers is not None:
            yield "order_id IN (SELECT order_id FROM rma_read.orders WHERE seller_id = ANY(%(sellers)s))"
        if self.rma_ids is not None:
            yield "rma_id = ANY(%(rma_ids)s)"
        if self._is_of_open():
            yield "closed_at IS NULL"

    def parameters(self) -> dict[str, object]:
        """Return the values that the conditions name."""
        given = {name: getattr(self, name) for name in (*FIELDS, "requested_before")}
        lists = {name: getattr(self, name) for name in ("sellers", "rma_ids")}
        return given | {name: None if values is None else list(values) for name, values in lists.items()}

    def _is_of_open(self) -> bool:
        """Tell whether none that is closed can fit, so that the index of the others will do."""
        status_of_open = self.status is not None and self.status != "closed"
        step_of_open = self.next_step is not None and self.next_step != "none"
        return self.open or self.overdue or status_of_open or step_of_open


class Page(NamedTuple):
    """Rows of view ``returns``, each with whether it is ``overdue`` now, and where the next page begins, if any."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def read_page(connection: Connection, wanted: Wanted, *, limit: int = PAGE_MAX, cursor: str | None = None) -> Page:
    """Return the newest returns that are wanted, or those that follow where a page ended.

    Args:
        connection: To the read models.
        wanted: Which returns.
        limit: Most of them, up to ``PAGE_MAX``.
        cursor: Where the page before ended; None: the first page.
    Raises:
        CursorInvalidError: The cursor is none.
    """
    size = min(limit, PAGE_MAX)
    query, parameters = page_query(wanted, cursor)
    with connection.cursor(row_factory=dict_row) as opened:
        found = opened.execute(query, parameters | {"rows": size + 1}).fetchall()
    shown = found[:size]
    last = shown[-1] if len(found) > size else None
    return Page(shown, Place(last["requested_at"], last["rma_id"]).as_cursor() if last else None)


def page_query(wanted: Wanted, cursor: str | None) -> tuple[bytes, dict[str, object]]:
    """Return the statement that reads a page, and its parameters but ``rows``."""
    conditions, parameters = [*wanted.conditions()], wanted.parameters()
    if cursor is not None:
        conditions.append("(requested_at, rma_id) < (%(requested_at)s, %(rma_id)s)")
        parameters |= Place.from_cursor(cursor)._asdict()
    return PAGE.format(conditions=" AND ".join(conditions) or "true").encode(), parameters

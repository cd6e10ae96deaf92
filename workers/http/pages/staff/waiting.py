"""What nobody could place: a withdrawal without a return, a parcel, a carrier's news; and the form that each becomes.

A form that is opened from one says so in its address (``?kind=…&id=…``): it is filled in with what is known, takes
effect at the moment at which it happened, and settles it once it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi.concurrency import run_in_threadpool

from projections.tracking.queues import find_open_parcel
from workers.http.carrier_news import find_unplaced_news, scan_id_of, settle_news
from workers.http.door import Door, Reading
from workers.http.errors import NotFoundError
from workers.http.mails import find_unplaced_withdrawal, place_withdrawal, set_withdrawal_aside
from workers.http.pages.visits import Visit
from workers.http.reading import NAME_MAX, look

Kind = Literal["withdrawal", "parcel", "news"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
QUEUE_OF: Final[Mapping[Kind, str]] = {"withdrawal": "withdrawals", "parcel": "parcels", "news": "news"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for its place: the command that it becomes, with what is known of it, and when it happened.

    ``fills`` are fields as they are typed, ``given`` is what nobody types; ``about`` is the row that is shown.
    """

    kind: Kind
    id: str
    command: str
    about: Mapping[str, Any]
    at: datetime | None = None
    fills: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_on_order(self) -> bool:
        """Whether it becomes something of an order, and not of a return that is there."""
        return self.kind == "withdrawal"

    @property
    def may_be_set_aside(self) -> bool:
        """Whether it can be about nothing of ours; goods that are here are always somebody's."""
        return self.kind != "parcel"

    @property
    def query(self) -> str:
        return urlencode({"kind": self.kind, "id": self.id})

    @property
    def queue(self) -> str:
        return f"/desk?queue={QUEUE_OF[self.kind]}"


async def waiting_in(visit: Visit) -> Waiting:
    """Return what the address of a page names; raises ``NotFoundError`` where nothing waits under this name."""
    kind, name = visit.query.get("kind", ""), visit.query.get("id", "")[:NAME_MAX].replace("\x00", "")
    if kind not in KINDS:
        raise NotFoundError("no such kind")
    found = await look(visit.door, None, lambda views: _find(views, kind, name))
    if found is None:
        raise NotFoundError("nothing waits under this name")
    return found


def _find(views: Reading, kind: Kind, name: str) -> Waiting | None:
    if kind == "parcel":
        row = find_open_parcel(views, name)
        return Waiting(kind, name, "AssignParcel", row, fills={"parcel_id": name}) if row else None
    row = find_unplaced_withdrawal(views, _id(name)) if kind == "withdrawal" else find_unplaced_news(views, _id(name))
    if row is None:
        return None
    return _of_news(row, name) if kind == "news" else _of_withdrawal(row, name)


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError as bad:
        raise NotFoundError("no id of ours") from bad


def _of_withdrawal(row: Mapping[str, Any], name: str) -> Waiting:
    fills = {"withdrawal": "yes"}
    return Waiting("withdrawal", name, "RequestReturn", row, row["declared_at"], fills)


def _of_news(row: Mapping[str, Any], name: str) -> Waiting:
    fills = {"tracking_number": row["tracking_numbers"][0]}
    if row["status"] == "handed_over":
        return Waiting("news", name, "RecordHandover", row, row["occurred_at"], fills)
    fills |= {"status": row["status"], "place": row["place"] or ""}
    given = {"scan_id": scan_id_of(row["event_id"])}
    return Waiting("news", name, "RecordScan", row, row["occurred_at"], fills, given)


async def settle(door: Door, waiting: Waiting, command_id: UUID) -> None:
    """Note what it became; of a parcel the views tell by themselves."""

    def note() -> None:
        with door.views.connection() as connection:
            if waiting.kind == "withdrawal":
                place_withdrawal(connection, UUID(waiting.id), command_id)
            elif waiting.kind == "news":
                settle_news(connection, UUID(waiting.id), "placed")

    await run_in_threadpool(note)


async def set_aside(door: Door, waiting: Waiting, person: str) -> None:
    """Note that it is about nothing of ours, or about what is there already."""

    def note() -> None:
        with door.views.connection() as connection:
            if waiting.kind == "withdrawal":
                set_withdrawal_aside(connection, UUID(waiting.id), person)
            else:
                settle_news(connection, UUID(waiting.id), "set_aside")

    await run_in_threadpool(note)

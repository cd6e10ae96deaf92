"""Parcels at the dock that nobody can place."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field

from commands.fields import LINES_MAX, SERIALS_MAX, Body, Identifier, Name, OnReturn, Quantity, Text
from commands.metadata import Meta
from commands.registry import content_hash, handles
from commands.streams import Streams, the_order, the_return
from domain.case import Case, deadlines, unknown_parcels
from domain.errors import UnknownParcelError
from domain.identity import unknown_parcel_stream
from domain.order.serials import check_counted, check_distinct
from domain.rma.unknown_parcel import ParcelItem, UnknownParcel


class FoundItem(Body):
    """So many units of an article, with the serial numbers read off them."""

    sku: Name
    quantity: Quantity
    serials: Annotated[tuple[Name, ...], Field(max_length=SERIALS_MAX)] = ()


class RecordUnknownParcel(Body):
    """Keep a parcel that nobody can place; its key is the parcel."""

    parcel_id: Identifier
    site: Identifier
    items: Annotated[tuple[FoundItem, ...], Field(max_length=LINES_MAX)]
    tracking_number: Name | None = None
    note: Text | None = None


class AssignParcel(OnReturn):
    """Receive a parcel under the return that it belongs to, as a receipt with the parcel's id."""

    parcel_id: Identifier


@handles(RecordUnknownParcel, by="warehouse agent")
def record_unknown_parcel(command: RecordUnknownParcel, meta: Meta, streams: Streams) -> None:
    known = _find(streams, command.parcel_id)
    if known is not None:
        known.record_again(content_hash(command))
        return
    for item in command.items:
        check_counted(item.serials, item.quantity, sku=item.sku)
    check_distinct(serial for item in command.items for serial in item.serials)
    parcel = UnknownParcel.record(
        command.parcel_id,
        site=command.site,
        items=tuple(ParcelItem(item.sku, item.quantity, item.serials) for item in command.items),
        tracking_number=command.tracking_number,
        note=command.note,
        content_hash=content_hash(command),
        at=meta.occurred_at,
    )
    streams.add(parcel)


@handles(AssignParcel, by="agent")
def assign_parcel(command: AssignParcel, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    case = Case(order, the_return(streams, command.rma_id, order), meta.occurred_at)
    parcel = _find(streams, command.parcel_id)
    if parcel is None:
        raise UnknownParcelError(f"no parcel {command.parcel_id} is kept", parcel_id=command.parcel_id)
    unknown_parcels.assign(case, parcel)
    deadlines.keep(case)


def _find(streams: Streams, parcel_id: str) -> UnknownParcel | None:
    return cast("UnknownParcel | None", streams.get(unknown_parcel_stream(parcel_id)))

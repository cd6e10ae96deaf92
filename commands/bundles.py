"""The kits that orders name: each is one order's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from commands.streams import Streams
from domain.identity import bundle_stream
from domain.order.bundle import Bundle
from domain.order.placed_order import PlacedOrder
from domain.settlement.credit_note_series import series_of


def streams_named(seller_id: str | None, bundle_ids: Iterable[str | None]) -> list[str]:
    """Return the streams of the kits that lines name, each once."""
    return [bundle_stream(series_of(seller_id), name) for name in dict.fromkeys(bundle_ids) if name]


def new_of(placed: PlacedOrder, streams: Streams) -> list[str]:
    """Return the kits of an order that were not sold before; raises ``BundleInOtherOrderError`` for one that was."""
    new = []
    for bundle_id in placed.bundle_ids:
        known = cast("Bundle | None", streams.get(bundle_stream(series_of(placed.seller_id), bundle_id)))
        if known is None:
            new.append(bundle_id)
        else:
            known.check_is_of(placed.order_id)
    return new


def sell(placed: PlacedOrder, new: Iterable[str], streams: Streams, at: datetime) -> None:
    """Note which order kits were sold with."""
    for bundle_id in new:
        streams.add(Bundle.sell(bundle_id, series_of(placed.seller_id), placed.order_id, at))

"""Rows as those see them who may open sealed texts: a scenario says what people wrote, and views hold it sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from domain.identity import difference_stream, order_stream, rma_stream, unknown_parcel_stream
from infra.sealing.sealed_text import PREFIX
from infra.settings import Settings
from workers.operating.shown_texts import shown_texts, with_texts

STREAMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "rma_id": rma_stream,
    "order_id": order_stream,
    "parcel_id": unknown_parcel_stream,
    "difference_id": difference_stream,
}
"""The streams whose events hold the texts of a row, by the column that names them."""


def opened_rows(settings: Settings, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the texts in them as they were written; marked where this process may not open them."""
    if not any(PREFIX in str(row) for row in rows):
        return list(rows)
    texts = shown_texts(settings, {stream for row in rows for stream in _streams(row)}, "rma scenario")
    return [with_texts(row, texts) for row in rows]


def _streams(row: Mapping[str, Any]) -> Iterator[str]:
    for column, stream in STREAMS.items():
        if row.get(column) is not None:
            yield stream(row[column])

"""Columns that several tables and views share, so that each says the same everywhere."""

from __future__ import annotations

from typing import Final, get_args

from projections.table import Column


def one_of(vocabulary: object) -> str:
    """Return the words of a ``Literal`` as the end of a sentence."""
    return ", ".join(get_args(vocabulary))


RMA_ID: Final = Column("rma_id", "uuid", "The return.")
ORDER_ID: Final = Column("order_id", "text", "The order.")
LINE: Final = Column("line", "integer", "The line of the return, counted from 1.")
LINE_ID: Final = Column("line_id", "text", "The line of the order.")
FIRST_UNIT: Final = Column("first_unit", "integer", "Number of the run's first unit in its order line, from 1.")
SKU: Final = Column("sku", "text", "The article.")
POSITION: Final = Column("position", "bigint", "Place of the fact in the whole log, from 1.")
OCCURRED_AT: Final = Column("occurred_at", "timestamptz", "When it happened, business time.")
CURRENCY: Final = Column("currency", "text", "Currency of the amounts of this row, ISO 4217.")

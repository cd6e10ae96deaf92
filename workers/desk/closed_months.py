"""The books of a closed month: the same for ever, whenever they are asked for.

An entry belongs to the month, in UTC, in which the log recorded it, not to that of its business time: news of March
that come in April are April's. A month begins with the first event recorded in it and ends before the first one
recorded after it. The log only grows at its end, and a fact carries its postings, so neither place nor figure can move
again, even where a clock was set back: what stands behind a month's end in the log is no longer that month's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import ClassVar, Final

from psycopg import Connection

from domain.errors import RmaError, UnusableInputError
from infra.log.queries import first_recorded_from, unread_streams
from projections.refund_ledger.fold import RefundLedger
from projections.refund_ledger.period import Positions

MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class MonthNotClosedError(RmaError):
    """The books of a month are not complete yet; the message says what they wait for."""

    code: ClassVar[str] = "month_not_closed"


def closed_month(connection: Connection, period: str) -> Positions:
    """Return where in the log a month (``2026-03``) begins and ends.

    Raises:
        UnusableInputError: It is no month.
        MonthNotClosedError: Nothing was recorded after it, or the ledger has not read all of it.
    """
    begins, ends = _bounds(period)
    end = first_recorded_from(connection, ends)
    if end is None:
        raise MonthNotClosedError(f"{period} is not closed: it is with the first event recorded after its end (UTC)")
    behind = unread_streams(connection, RefundLedger.name, RefundLedger.version, before=end)
    if behind:
        raise MonthNotClosedError(f"the ledger has still to read events of {behind} streams; see rma status")
    return Positions(min(first_recorded_from(connection, begins) or end, end), end)


def _bounds(period: str) -> tuple[datetime, datetime]:
    found = MONTH.fullmatch(period)
    if not found or found[1] in {"0000", "9999"}:
        raise UnusableInputError(f"{period} is no month; write it as 2026-03")
    year, month = int(found[1]), int(found[2])
    return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)

"""The wall clock: only processes read it, and give the time to whoever decides."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the wall clock's time in UTC."""
    return datetime.now(UTC)

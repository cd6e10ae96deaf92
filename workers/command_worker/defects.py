"""Which errors say that a record may be to blame, which that a service is, or nobody; and what is told of one."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

import psycopg
from kafka.errors import KafkaError

from domain.errors import RmaError
from infra.log.event_log import ConcurrencyError

FRAMES_MAX: Final = 8
"""How many functions are told of an error's way."""

UNFIT_ERRORS: Final = (psycopg.DataError, psycopg.IntegrityError)
"""What PostgreSQL raises when it is there but will not take a value."""

NO_DEFECTS: Final = (psycopg.Error, KafkaError, ConcurrencyError, RmaError)
"""What says nothing against a record, but for ``UNFIT_ERRORS``: a service is away or not as it should be, a race was
lost too often, or we raised it on purpose: an event cannot be read, a key is missing, log and topic differ."""


def raise_unless_defect(failed: Exception) -> None:
    """Raise an error again unless a record may be to blame for it."""
    if isinstance(failed, NO_DEFECTS) and not isinstance(failed, UNFIT_ERRORS):
        raise failed


def told_of(failed: Exception) -> str:
    """Return what may be kept of an error and logged: its kind, and by which functions it came, the innermost last.

    Its message is left out: it may quote what somebody wrote.
    """
    frames = traceback.extract_tb(failed.__traceback__)[-FRAMES_MAX:]
    state = getattr(failed, "sqlstate", None)
    kind = type(failed).__name__ + (f" {state}" if state else "")
    return f"{kind} at {' > '.join(f'{Path(frame.filename).name}:{frame.lineno} {frame.name}' for frame in frames)}"

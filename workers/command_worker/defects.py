"""Which errors say that a record may be to blame, and which that a service is, or nobody."""

from __future__ import annotations

from typing import Final

import psycopg
from kafka.errors import KafkaError

from domain.errors import RmaError
from infra.log.event_log import ConcurrencyError

UNFIT_ERRORS: Final = (psycopg.DataError, psycopg.IntegrityError)
"""What PostgreSQL raises when it is there but will not take a value."""

NO_DEFECTS: Final = (psycopg.Error, KafkaError, ConcurrencyError, RmaError)
"""What says nothing against a record, but for ``UNFIT_ERRORS``: a service is away or not as it should be, a race was
lost too often, or we raised it on purpose: an event cannot be read, a key is missing, log and topic differ."""


def raise_unless_defect(failed: Exception) -> None:
    """Raise an error again unless a record may be to blame for it."""
    if isinstance(failed, NO_DEFECTS) and not isinstance(failed, UNFIT_ERRORS):
        raise failed

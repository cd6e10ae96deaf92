"""Instants as others write them: RFC 3339, read as commands' times are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator

from infra.envelope.command_record import parse_time


def _instant(given: object) -> datetime:
    if not isinstance(given, str):
        raise ValueError("must be an RFC 3339 time with an offset")  # noqa: TRY004 - pydantic takes no TypeError
    return parse_time(given)


Instant = Annotated[datetime, BeforeValidator(_instant)]

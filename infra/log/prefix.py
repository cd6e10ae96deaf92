"""Whose topics a log goes to: a database belongs to the topics of one prefix, for ever."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

from domain.errors import RmaError
from infra.log.system import remember, remembered

PREFIX: Final = "topic_prefix"
"""Under what a system remembers the prefix of its topics."""


class OtherPrefixError(RmaError):
    """The database belongs to a system whose topics have another prefix: each log goes to topics of its own."""

    code = "other_prefix"

    def __init__(self, known: str, given: str) -> None:
        super().__init__(
            f"this database belongs to the topics with {_named(known)}, RMA_TOPIC_PREFIX says {_named(given)}: "
            "set it back, or use a database of its own"
        )


def require_prefix(connection: Connection[Any], prefix: str) -> None:
    """Raise ``OtherPrefixError`` where a database belongs to the topics of another prefix."""
    known = remembered(connection, PREFIX)
    if known not in {None, prefix}:
        raise OtherPrefixError(str(known), prefix)


def settle_prefix(connection: Connection[Any], prefix: str) -> None:
    """Let a database belong to the topics with a prefix; raises ``OtherPrefixError`` where it belongs to others."""
    known = remember(connection, PREFIX, prefix)
    if known != prefix:
        raise OtherPrefixError(known, prefix)


def _named(prefix: str) -> str:
    return f"prefix {prefix}" if prefix else "no prefix"

"""What a request prefers (RFC 7240): how long it would wait."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

WAIT_DEFAULT_S: Final = 5
WAIT_MAX_S: Final = 30
WAIT: Final = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:;.*)?', re.ASCII | re.IGNORECASE)


def wanted_wait_s(headers: Iterable[str]) -> int | None:
    """Return how many seconds ``Prefer`` would wait, at most 30; None where it says nothing that can be read."""
    for header in headers:
        for preference in header.split(","):
            if found := WAIT.fullmatch(preference):
                return min(int(found[1]), WAIT_MAX_S)
    return None

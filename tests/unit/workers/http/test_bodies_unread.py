"""Where the rest of a body is not read, the connection ends: what follows on it is no request of its own."""

from __future__ import annotations

import pytest

from workers.http.errors import DoorError, MediaTypeError, RequestTimeoutError, TooLargeError


@pytest.mark.parametrize(
    ("error", "closes"), [(TooLargeError, True), (RequestTimeoutError, True), (MediaTypeError, False)]
)
def test_a_body_that_was_not_read_closes_the_connection(error: type[DoorError], closes: bool) -> None:
    """Otherwise its remainder would be taken for the next request."""
    assert (error("no more").headers.get("Connection") == "close") is closes

"""Which addresses and types may be subscribed, and how long a receiver is waited for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.recorded_facts import CODEC
from workers.runtime.pauses import JITTER
from workers.webhooks.subscriptions import TypesRefusedError, UrlRefusedError, check_url, types_of
from workers.webhooks.table import is_wanted
from workers.webhooks.worker import Patience

KNOWN = CODEC.types_of(*CODEC.event_classes.values())


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/", "ftp://192.0.2.1/", "https://", "receiver.example", "https://h:99999/", "https://[::1",
        "https://u:p@8.8.8.8/", "https://8.8.8.8/#part", "https://8.8.8.8/a b", "https://8.8.8.8/\r\nX: y",
        "https://8.8.8.8/ü", "https://8.8.8.8/" + "x" * 2_000,
        "https://10.0.0.1/", "https://localhost/", "https://[::1]/", "https://169.254.169.254/latest/meta-data",
    ],
)  # fmt: skip
def test_an_address_that_may_not_be_told_is_refused(url: str) -> None:
    """What is not encrypted, holds a password or a line of its own, or leads to where not everybody may."""
    with pytest.raises(UrlRefusedError):
        check_url(url, allow_private=False)


def test_in_a_network_of_ones_own_more_is_allowed() -> None:
    """By a setting; a password in an address is never."""
    check_url("http://127.0.0.1:8000/hooks?shop=1", allow_private=True)
    with pytest.raises(UrlRefusedError):
        check_url("http://u:p@127.0.0.1:8000/", allow_private=True)


def test_types_are_named_or_begin_alike() -> None:
    """What fits no type there is would wait for ever, so it is refused."""
    assert types_of("rma.Rma.Requested.v1, rma.Order.*,rma.Order.*", KNOWN) == ["rma.Rma.Requested.v1", "rma.Order.*"]
    for wrong in ("", ",", "rma.Rma.Request", "Requested", "rma.Nobody.*", "rma.Rma.Requested.v1,x"):
        with pytest.raises(TypesRefusedError):
            types_of(wrong, KNOWN)


def test_an_event_is_told_to_whom_it_was_promised() -> None:
    """By its whole name, or by how it begins."""
    assert is_wanted(("rma.Rma.Closed.v1",), "rma.Rma.Closed.v1")
    assert is_wanted(("rma.Order.*",), "rma.Order.Registered.v1")
    assert is_wanted(("*",), "rma.Rma.Closed.v1")
    assert not is_wanted(("rma.Rma.Closed.v1", "rma.Order.*"), "rma.Rma.Closed.v10")


def test_pauses_grow_up_to_a_bound() -> None:
    """A try that failed is repeated soon, then ever later, for three days; never all at the same instant."""
    patience = Patience()
    for tries, pause_s in ((1, 5), (2, 15), (3, 45), (9, 21_600), (1_000, 21_600)):
        found = {patience.pause_s(tries) for _ in range(50)}
        assert all(pause_s * (1 - JITTER) <= one <= pause_s * (1 + JITTER) for one in found)
        assert len(found) > 1
    assert patience.give_up == timedelta(days=3)

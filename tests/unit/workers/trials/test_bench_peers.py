"""What is compared is the same work: headers to the byte; and a figure is that of the middle round, with its spread."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import given

from infra.envelope.cloudevents import event_headers
from infra.records import StoredEvent
from infra.settings import Settings
from tests.unit.infra.kafka.test_published import STORED, row
from workers.trials.bench.peers.relays import headers_of
from workers.trials.bench.peers.rounds import (
    COMPARED,
    NEEDED,
    Figure,
    Peer,
    PeersMissingError,
    Spread,
    compared,
    run_peers,
)


def took(seconds: float, *, items: float = 1_000.0, cpu_seconds: float = 1.0) -> Figure:
    return Figure(items, seconds, cpu_seconds, peak_bytes=100)


@given(STORED)
def test_a_peers_events_have_our_headers(event: StoredEvent) -> None:
    """In their order, to the byte."""
    assert headers_of(row(event)) == event_headers(event)


def test_a_ratio_is_taken_round_by_round() -> None:
    """The machine differs from round to round: both sides of a pair saw the same one."""
    pairs = [(took(1.0), took(4.0)), (took(10.0), took(20.0)), (took(2.0, cpu_seconds=0.5), took(6.0))]
    peer = Peer("commands", "eventsourcing", "commands", pairs)

    assert peer.times_as_fast == Spread(3.0, 2.0, 4.0)
    assert peer.times_per_cpu == Spread(1.0, 1.0, 2.0)
    assert peer.rates[0] == Spread(500.0, 100.0, 1_000.0)
    assert peer.cpu_us[0] == Spread(1_000.0, 500.0, 1_000.0)


def test_ours_and_the_peers_may_have_met_different_numbers() -> None:
    """Per item it is compared; the plain way meets a part of the load."""
    [peer] = compared_by("commands", "eventsourcing", took(1.0, items=6_000), took(2.0, items=1_200))
    assert peer.times_as_fast.median == 10.0
    assert peer.as_data()["times_as_fast"] == {"median": 10.0, "least": 10.0, "most": 10.0}


def compared_by(ours: str, name: str, own: Figure, other: Figure) -> list[Peer]:
    figures = {side: took(1.0) for row in COMPARED for side in row[:2]} | {ours: own, name: other}
    return [peer for peer in compared([figures]) if (peer.ours, peer.name) == (ours, name)]


@pytest.mark.skipif(all(find_spec(name) for name in NEEDED), reason="all of them are installed")
def test_who_lacks_the_peers_is_told_what_to_install() -> None:
    """Before anything is started."""
    with pytest.raises(PeersMissingError, match="uv sync --group bench"):
        run_peers(Settings(), print, returns=1_000, rounds=2)

"""What another worker had in hand is taken apart; what lay before and behind it is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from infra.kafka.record import Record
from infra.log.in_hand import Hand
from tests.support.pipeline import Polled


def records(*offsets: int) -> Sequence[Record]:
    return [Polled(b"", [], offset=offset) for offset in offsets]


@pytest.mark.parametrize(
    ("hand", "polled", "sizes"),
    [
        (Hand(0, 500), range(500), [20] * 25),
        (Hand(20, 40), range(500), [20, *[1] * 20, 460]),
        (Hand(7, 8), range(10), [7, 1, 2]),
        (Hand(0, 30), range(10, 50), [2] * 10 + [20]),
        (Hand(0, 1), range(1), [1]),
        (Hand(3, 9), [1, 5, 12], [1, 1, 1]),
    ],
)
def test_pieces(hand: Hand, polled: Sequence[int], sizes: list[int]) -> None:
    """Every record is in one piece, in order, and a piece of a hand is a twenty-fifth of it."""
    pieces = hand.pieces(records(*polled))

    assert [record.offset for piece in pieces for record in piece] == list(polled)
    assert [len(piece) for piece in pieces] == sizes


@pytest.mark.parametrize(("hand", "alone"), [(Hand(5, 6), 5), (Hand(5, 7), None), (Hand(50, 51), None)])
def test_only_a_record_that_was_all_there_was_is_suspected(hand: Hand, alone: int | None) -> None:
    """One of several may have done nothing."""
    suspect = hand.alone(records(*range(10)))

    assert (suspect and suspect.offset) == alone

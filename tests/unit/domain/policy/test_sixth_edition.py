"""What the sixth edition says anew: last days that move on in five countries, and fifteen days for Taiwan's money."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from domain.policy.decision import Decision
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.statutes import law_for
from tests.support.law_cases import SECOND, last_instant, line_with
from tests.unit.domain.policy.test_law import MEAN, decided, the_right


def under(edition: int, line: Facts) -> Decision:
    return decide(MEAN, law_for(line.country or "", line.ordered_at, edition), line)


@pytest.mark.parametrize(
    ("right_id", "delivered_on", "last_instant_of_all"),
    [
        ("br.regret", date(2026, 3, 21), datetime(2026, 3, 31, 5, tzinfo=UTC)),  # Saturday the 28th
        ("br.regret", date(2026, 9, 4), datetime(2026, 9, 12, 5, tzinfo=UTC)),  # Friday the 11th stays
        ("kr.withdrawal", date(2026, 3, 22), datetime(2026, 3, 30, 15, tzinfo=UTC)),  # Sunday the 29th
        ("kr.not_as_shown", date(2026, 3, 27), datetime(2026, 6, 29, 15, tzinfo=UTC)),  # Saturday, 27 June
        ("tw.withdrawal", date(2026, 3, 28), datetime(2026, 4, 7, 16, tzinfo=UTC)),  # 4 April: four days of rest
        ("de.conformity", date(2026, 3, 12), datetime(2028, 3, 13, 23, tzinfo=UTC)),
        ("ch.warranty", date(2026, 3, 12), datetime(2028, 3, 13, 23, tzinfo=UTC)),  # Sunday, 12 March 2028
    ],
)
def test_a_last_day_of_rest_moves_on(right_id: str, delivered_on: date, last_instant_of_all: datetime) -> None:
    """On to the next working day of the country, and no further; under the fifth edition it did not."""
    right = the_right(right_id)
    at = datetime(delivered_on.year, delivered_on.month, delivered_on.day, 12, tzinfo=UTC)
    times = dict.fromkeys(("shipped_at", "delivered_at", "order_delivered_at"), at)
    line = line_with(right, right_id[:2].upper(), **times)
    assert last_instant(right, line) == last_instant_of_all - SECOND
    last = line.model_copy(update={"requested_at": last_instant_of_all - SECOND})

    assert right_id in decided(last).statutes
    assert right_id not in decided(last.model_copy(update={"requested_at": last_instant_of_all})).statutes


@pytest.mark.parametrize("right_id", ["br.regret", "ch.warranty", "kr.withdrawal", "tw.withdrawal"])
def test_what_was_decided_under_the_fifth_edition_stays(right_id: str) -> None:
    """Its days do not move on."""
    right = the_right(right_id)
    line = line_with(right, right_id[:2].upper(), delivered_at=datetime(2026, 3, 21, 12, tzinfo=UTC))
    line = line.model_copy(update={"order_delivered_at": line.delivered_at})
    last = line.model_copy(update={"requested_at": last_instant(right, line)})
    if right_id == "ch.warranty":  # until a Tuesday
        assert right_id in under(5, last).statutes
    else:
        assert under(5, last).statutes == ()


def test_taiwans_money_is_back_within_fifteen_days_of_the_goods() -> None:
    """Consumer Protection Act, art. 19-2; up to the fifth edition the merchant's own days held."""
    line = line_with(the_right("tw.withdrawal"), "TW")
    told = [(decision.refund_due, decision.refund_within_days) for decision in (under(5, line), decided(line))]
    assert told == [("receipt", None), ("receipt", 15)]

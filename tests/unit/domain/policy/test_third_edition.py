"""What the third edition says anew: a time that stands still during repairs, flips that name the law's own facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.policy.evaluate import decide
from domain.policy.statutes import law_for
from tests.support.law_cases import SECOND, last_instant, line_with
from tests.unit.domain.policy.test_law import MEAN, decided, holds, the_right


@pytest.mark.parametrize(
    ("waits", "last"),
    [
        ([], date(2026, 4, 9)),
        ([(date(2026, 3, 20), date(2026, 3, 29))], date(2026, 4, 19)),  # ten days, both counted
        ([(date(2026, 4, 9), date(2026, 4, 9))], date(2026, 4, 16)),  # one day, and seven days after it
        ([(date(2026, 4, 10), date(2026, 4, 20))], date(2026, 4, 9)),  # asked for too late
        ([(date(2026, 3, 20), date(2026, 3, 29)), (date(2026, 4, 18), date(2026, 4, 20))], date(2026, 4, 27)),
    ],
)
def test_thirty_days_stand_still_while_goods_are_away(waits: list[tuple[date, date]], last: date) -> None:
    """CRA s. 22(6)-(8), delivered on 10 March 2026: at least seven days are left once the goods are back."""
    right = the_right("gb.rejection")
    line = line_with(right, "GB", repair_waits=tuple(waits), repairs_tried=len(waits) or None)
    midnight = datetime.combine(last + timedelta(days=1), time(), ZoneInfo("Europe/London")).astimezone(UTC)

    assert line.delivered_at == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert last_instant(right, line) == midnight - SECOND
    for at, holding in ((midnight - SECOND, True), (midnight, False)):
        assert holds(decided(line.model_copy(update={"requested_at": at})), "gb.rejection") is holding


@pytest.mark.parametrize(
    ("right", "country", "given", "flip"),
    [
        ("eu.withdrawal", "DE", {"business_buyer": True}, ("business_buyer", False)),
        ("eu.withdrawal", "DE", {"distance_sale": False}, ("distance_sale", True)),
        ("eu.withdrawal", "DE", {"withdrawal_exception": "sealed_hygiene", "unsealed": True}, ("unsealed", False)),
        ("eu.withdrawal", "DE", {"requested_at": datetime(2026, 6, 1, tzinfo=UTC)}, ("informed", False)),
    ],
)
def test_denials_name_what_only_the_law_looks_at(
    right: str, country: str, given: dict[str, Any], flip: tuple[str, object]
) -> None:
    """From the third edition on; under the second one what was decided stays as it was."""
    line = line_with(the_right(right), country, wish="refund", **given)
    assert flip in [(one["fact"], one["to"]) for one in decided(line).flips]
    second = decide(MEAN, law_for(country, line.ordered_at, 2), line)
    assert flip[0] not in [one["fact"] for one in second.flips]

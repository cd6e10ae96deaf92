"""What the fourth edition says anew: thirty days to end the sale of faulty goods in Ireland."""

from __future__ import annotations

from datetime import timedelta

from domain.policy.evaluate import decide
from domain.policy.statutes import law_for
from tests.support.law_cases import SECOND, last_instant, line_with
from tests.unit.domain.policy.test_law import MEAN, decided, the_right


def test_faulty_goods_in_ireland_bring_the_money_back_for_thirty_days() -> None:
    """Consumer Rights Act 2022, s. 24: before this edition, and after the thirty days, repair comes first."""
    right = the_right("ie.rejection")
    line = line_with(right, "IE", reason="defective", wish="refund")
    last = line.model_copy(update={"requested_at": last_instant(right, line)})
    over = line.model_copy(update={"requested_at": last_instant(right, line) + SECOND})
    before = decide(MEAN, law_for("IE", line.ordered_at, 3), last)

    assert last_instant(right, line) - line.requested_at > timedelta(days=30)
    assert [decided(one).outcome for one in (last, over)] == ["approve", "review"]
    assert (before.outcome, before.codes) == ("review", ("repair_or_replacement_first",))
    assert (decided(last).refund_due, decided(last).refund_within_days) == ("receipt", 14)

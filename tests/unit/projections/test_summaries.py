"""The sentences of a timeline: every fact of a return has one, and money reads as people write it."""

from __future__ import annotations

import pytest

from domain.fact import Fact
from domain.money import amount_text
from projections.tracking.summaries import summary
from tests.examples.story import whole_story

FACTS = [
    fact
    for fact in whole_story().history
    if fact.originator_id.startswith("rma/") or (hasattr(fact, "rma_id") and fact.originator_id.startswith("order/"))
]
SUMS = (
    "RefundRequested RefundStarted Exchanged ExchangeCalledOff GoodwillGranted ClaimRaised ClaimReversed"
    " PaymentReturned WriteOffReversed"
    " StoreCreditSpent CustomerPaid ReceivableWrittenOff ExchangeGivenBack"
).split()


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [(123_450, "EUR", "1,234.50 EUR"), (-5, "USD", "−0.05 USD"), (500, "JPY", "500 JPY"), (1_500, "KWD", "1.500 KWD")],
)
def test_an_amount_has_as_many_digits_as_its_currency(amount_minor: int, currency: str, text: str) -> None:
    """Minor units are what they are called: cents, yen, fils."""
    assert amount_text(amount_minor, currency) == text


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_every_fact_of_a_return_is_told_in_words(fact: Fact) -> None:
    """No class name, and no sum without its currency."""
    told = summary(fact)
    assert told != type(fact).__name__
    assert ("EUR" in told) == (type(fact).__name__ in SUMS)

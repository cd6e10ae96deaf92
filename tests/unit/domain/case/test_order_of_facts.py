"""The facts of one command stand in the order in which they came about, across all streams: causes before effects."""

from __future__ import annotations

from typing import Final

from domain.fact import Fact
from domain.order import Order
from domain.rma import Rma
from tests.examples.story import whole_story

CAUSES: Final[dict[type[Fact], tuple[type[Fact], ...]]] = {
    Order.PolicyPinned: (Rma.Requested,),
    Order.UnitsTaken: (
        Rma.Requested, Rma.Revived, Rma.DenialAppealed, Rma.ReviewDecided, Rma.DecisionOverridden, Rma.Received,
        Rma.ResolutionDecided, Rma.ReceiptSuperseded,
    ),
    Order.UnitsReturned: (Rma.Received, Rma.ResolutionDecided, Rma.Expired),
    Order.UnitsFreed: (
        Rma.Denied, Rma.ReviewDecided, Rma.DecisionOverridden, Rma.RequestCorrected, Rma.Withdrawn, Rma.Expired,
        Rma.DiscrepancyFound, Rma.ResolutionDecided, Rma.Repaired, Rma.SentBack, Rma.ReceiptSuperseded,
    ),
    Order.WarrantyExtended: (Rma.Repaired,),
    Order.RefundRequested: (
        Rma.ResolutionDecided, Order.Exchanged, Rma.Inspected, Order.RefundDecided, Order.UnitsCancelled,
        Order.ChargebackDecided,
    ),
    Order.Exchanged: (Rma.ResolutionDecided,),
    Order.ExchangeCalledOff: (Rma.ResolutionDecided, Rma.Withdrawn, Rma.Expired),
    Rma.Expired: (Rma.DeadlinePassed,),
    Order.ClaimReversed: (Rma.Inspected, Rma.Revived),
    Order.PaymentReturned: (Order.ClaimReversed, Order.ExchangeCalledOff),
    Order.WriteOffReversed: (Order.ClaimReversed, Order.ExchangeCalledOff),
    Rma.RemedyLapsed: (Rma.DeadlinePassed,),
    Rma.Authorized: (
        Rma.Requested, Rma.RequestCorrected, Rma.RemedyAccepted, Rma.RemedyDeclined, Rma.RemedyLapsed,
    ),
    Rma.Denied: (Rma.Requested, Rma.RequestCorrected),
    Rma.ReviewAsked: (Rma.Requested, Rma.RequestCorrected),
    Rma.RemedyOffered: (Rma.Requested, Rma.RequestCorrected),
    Rma.KeptByCustomer: (Rma.Authorized, Rma.ReviewDecided, Rma.DecisionOverridden, Rma.ResolutionDecided),
    Order.SerialsRead: (Rma.Received, Rma.Inspected),
    Rma.DiscrepancyFound: (Rma.Received, Rma.Inspected, Rma.HandedOver, Rma.Scanned),
    Rma.StockInstructed: (Rma.DispositionDecided,),
    Rma.RefundStarted: (Order.RefundRequested,),
    Rma.SettlementMoved: (
        Rma.RefundStarted, Order.PayoutSettled, Order.PayoutFailed, Order.PayoutUnclear, Order.PayoutRetried,
        Order.ExternalRefundRecorded, Order.ChargebackDecided,
    ),
}  # fmt: skip
"""What never comes about by itself, and what it may follow in the same append."""


def test_every_effect_follows_one_of_its_causes() -> None:
    """Order and return are two streams; what happens to one because of the other is told after it."""
    seen: set[type[Fact]] = set()
    for name, facts in whole_story().sent:
        for place, fact in enumerate(facts):
            seen.add(type(fact))
            if causes := CAUSES.get(type(fact)):
                assert any(isinstance(before, causes) for before in facts[:place]), (name, type(fact).__name__)
    assert set(CAUSES) <= seen, "the story tells of every one of them"


def test_deadlines_are_compared_when_all_else_has_happened() -> None:
    """They follow from where everything stands at the end: nothing comes after them."""
    for name, facts in whole_story().sent:
        moved = [place for place, fact in enumerate(facts) if isinstance(fact, Rma.DeadlinesMoved)]
        assert moved in ([], [len(facts) - 1]), name

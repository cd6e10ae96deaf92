"""One short sentence per fact, for people who read a timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from domain.fact import Fact
from domain.money import amount_text
from domain.order import Order
from domain.rma import Rma


def _units(fact: Any) -> str:
    count = sum(run.count for run in fact.runs)
    return f"{count} unit{'' if count == 1 else 's'}"


def _amount(fact: Any) -> str:
    return amount_text(fact.amount_minor, fact.currency)


def _lines(fact: Any) -> str:
    return "line " + ", ".join(str(line.line) for line in fact.lines)


def _codes(fact: Any) -> str:
    codes = dict.fromkeys(code for line in fact.lines for code in line.decision.codes)
    return f"{_lines(fact)}: {', '.join(codes)}"


def _decisions(fact: Any) -> str:
    return ", ".join(f"line {line.line} {'approved' if line.approved else 'denied'}" for line in fact.lines)


def _news(what: str, fact: Any) -> str:
    return f"{what} (older news, which change nothing)" if fact.superseded else what


def _promotions(fact: Any) -> list[str]:
    """Return what a refund took off for promotions that no longer hold, or gave back."""
    return [
        f"{amount_text(abs(change.amount_minor), fact.currency)} of promotion {change.promotion_id} "
        + ("taken off" if change.amount_minor > 0 else "given back")
        for change in fact.promotions
    ]


_SENTENCES: Final[dict[type[Fact], Callable[[Any], str]]] = {
    Rma.Requested: lambda fact: (
        f"{fact.rma_number} requested: "
        + ", ".join(f"{line.quantity} × {line.sku} ({line.reason}, {line.wish})" for line in fact.lines)
    ),
    Rma.RemedyOffered: lambda fact: (
        "offered instead: "
        + ", ".join(f"line {line.line} {line.decision.remedy.kind}" for line in fact.lines if line.decision.remedy)
    ),
    Rma.RemedyAccepted: lambda fact: f"line {fact.line}: {fact.remedy.kind} accepted",
    Rma.RemedyDeclined: lambda fact: f"line {fact.line}: offer turned down",
    Rma.RemedyLapsed: lambda fact: f"line {fact.line}: offer lapsed",
    Rma.Authorized: lambda fact: f"authorized, {_lines(fact)}",
    Rma.Denied: lambda fact: f"denied, {_codes(fact)}",
    Rma.ReviewAsked: lambda fact: f"a person has to decide, {_codes(fact)}",
    Rma.ReviewDecided: _decisions,
    Rma.DecisionOverridden: lambda fact: f"overridden: {_decisions(fact)}",
    Rma.DenialAppealed: lambda fact: (
        f"{'denial' if fact.stage == 'request' else 'inspection'} of line {fact.line} appealed"
    ),
    Rma.RequestCorrected: lambda fact: f"line {fact.line} corrected: {fact.quantity} units, {fact.reason}, {fact.wish}",
    Rma.EvidenceAdded: lambda fact: f"{len(fact.evidence)} piece(s) of evidence added",
    Rma.Withdrawn: lambda fact: f"{_units(fact)} withdrawn",
    Rma.Expired: lambda fact: f"{_units(fact)} expired: nothing was sent in time",
    Rma.Revived: lambda fact: f"{_units(fact)} authorized again: they had been sent in time",
    Rma.LabelIssued: lambda fact: f"label by {fact.carrier}, {fact.tracking_number}",
    Rma.HandedOver: lambda fact: (
        f"{_units(fact)} handed over" if fact.runs else f"parcel {fact.tracking_number} handed over, which is unknown"
    ),
    Rma.Scanned: lambda fact: f"scan: {fact.status}" + (f", {fact.place}" if fact.place else ""),
    Rma.Received: lambda fact: f"{_units(fact)} received at {fact.site}",
    Rma.ReceiptSuperseded: lambda fact: f"receipt {fact.receipt_id} taken back, {fact.superseded_by} in its place",
    Rma.GoodsTransferred: lambda fact: f"{_units(fact)} moved to {fact.to_site}",
    Rma.DiscrepancyFound: lambda fact: f"discrepancy: {fact.kind}, {fact.quantity}",
    Rma.Held: lambda fact: f"{_units(fact)} held",
    Rma.Released: lambda fact: f"{_units(fact)} released",
    Rma.Inspected: lambda fact: f"{_units(fact)} graded {fact.grade}: {fact.cause}, liable {fact.liable_party}",
    Rma.DispositionDecided: lambda fact: f"{_units(fact)}: {fact.disposition}",
    Rma.StockInstructed: lambda fact: (
        f"stock told: {fact.quantity} × {fact.sku} {fact.disposition}" + (f", {fact.site}" if fact.site else "")
    ),
    Rma.KeptByCustomer: lambda fact: f"{_units(fact)} stay with the customer",
    Rma.ResolutionDecided: lambda fact: f"{_units(fact)}: {fact.resolution}",
    Rma.RefundStarted: lambda fact: f"refund of {_amount(fact)} on its way",
    Rma.SettlementMoved: lambda fact: f"settlement of {_units(fact)}: {fact.settlement}",
    Rma.ReplacementShipped: lambda fact: f"{_units(fact)} replaced",
    Rma.ReplacementLost: lambda fact: f"replacement of {_units(fact)} lost: {fact.reason}",
    Rma.Repaired: lambda fact: f"{_units(fact)} repaired",
    Rma.SentBack: lambda fact: f"{_units(fact)} sent back to the customer",
    Rma.CustomerNotified: lambda fact: f"notice {fact.kind} by {fact.channel}: {fact.outcome}",
    Rma.NoticeOutcomeRecorded: lambda fact: f"notice {fact.notice_id}: {fact.outcome}",
    Rma.EvidenceRequested: lambda fact: f"evidence asked for: {fact.note}",
    Rma.Reminded: lambda _: "customer reminded of a deadline",
    Rma.FeedbackAsked: lambda fact: f"customer asked how it went, until {fact.lapses_at:%Y-%m-%d}",
    Rma.FeedbackGiven: lambda fact: f"feedback: {fact.score} of 5",
    Rma.Closed: lambda fact: f"closed: {fact.reason}",
    Rma.Reopened: lambda fact: f"reopened: {fact.reason}",
    Rma.DeadlinesMoved: lambda fact: (
        "deadlines: "
        + ", ".join(
            [f"{d.kind} until {d.due_at:%Y-%m-%d}" for d in fact.opened] + [f"one {end.status}" for end in fact.ended]
        )
    ),
    Rma.DeadlinePassed: lambda _: "a deadline passed",
    Rma.DeadlineExtended: lambda fact: f"a deadline was extended to {fact.due_at:%Y-%m-%d}",
    Order.ContactCorrected: lambda _: "the customer is reached in another way",
    Order.UnitsTaken: lambda fact: f"{_units(fact)} taken into the return",
    Order.UnitsReturned: lambda fact: f"{_units(fact)} returned",
    Order.SerialsRead: lambda fact: "serial numbers read: " + ", ".join(read.serial for read in fact.units[:5]),
    Order.UnitsFreed: lambda fact: f"{_units(fact)} free again: {fact.because}",
    Order.RefundRequested: lambda fact: ", ".join((f"refund of {_amount(fact)} requested", *_promotions(fact))),
    Order.PayoutSettled: lambda fact: _news("payout settled", fact),
    Order.PayoutFailed: lambda fact: (
        "payout called off: its money went back elsewhere" if fact.gave_way else _news("payout failed", fact)
    ),
    Order.PayoutUnclear: lambda fact: _news("payout unclear: the gateway will be asked again", fact),
    Order.PayoutPending: lambda fact: _news("payout pending at the gateway", fact),
    Order.PayoutRetried: lambda fact: (
        f"payout retried, to {', '.join(payout.tender_id or 'store credit' for payout in fact.payouts)}"
    ),
    Order.ExternalRefundRecorded: lambda fact: f"{_amount(fact)} went back elsewhere: {fact.kind}",
    Order.ChargebackDecided: lambda fact: f"chargeback of {_amount(fact)} {fact.outcome}",
    Order.Exchanged: lambda fact: (
        f"set off against an article quoted at {amount_text(fact.quote_minor, fact.currency)}"
    ),
    Order.ExchangeCalledOff: lambda fact: (
        f"exchange called off: {amount_text(fact.quote_minor, fact.currency)} of the quote are free again"
    ),
    Order.GoodwillGranted: lambda fact: f"goodwill of {_amount(fact)}",
    Order.StoreCreditSpent: lambda fact: f"{_amount(fact)} of store credit spent",
    Order.WarrantyExtended: lambda fact: f"{fact.count} × {fact.line_id} in warranty until {fact.until:%Y-%m-%d}",
    Order.ClaimReversed: lambda fact: f"{_amount(fact)} no longer asked back: {fact.because}",
    Order.CustomerPaid: lambda fact: f"{_amount(fact)} paid by the customer",
    Order.PaymentReturned: lambda fact: f"{_amount(fact)} given back that the customer had paid",
    Order.WriteOffReversed: lambda fact: f"{_amount(fact)} written off for nothing: it is not owed",
    Order.ReceivableWrittenOff: lambda fact: f"{_amount(fact)} written off: {fact.reason}",
    Order.ExchangePaidAhead: lambda fact: f"line {fact.line}: order {fact.by_order_id} came before the exchange",
    Order.ExchangeGivenBack: lambda fact: f"{_amount(fact)} given back through order {fact.by_order_id}",
    Order.ExchangeReopened: lambda fact: f"line {fact.line}: order {fact.by_order_id} is paid by it no longer",
    Order.ExchangeWithdrawn: lambda _: "what the exchange had paid of it is owed",
    Order.ExchangeClosed: lambda fact: f"line {fact.line}: the new article is order {fact.by_order_id}",
    Order.ClaimRaised: lambda fact: f"{_amount(fact)} asked back: {fact.reason}",
}


def summary(fact: Fact) -> str:
    """Return what happened in a few words; the fact's name where nobody has found better ones."""
    sentence = _SENTENCES.get(type(fact))
    return sentence(fact) if sentence else type(fact).__name__

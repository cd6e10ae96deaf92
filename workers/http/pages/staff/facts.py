"""What happened, or would happen, in words: one line for each fact, with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workers.http.pages.naming import N_
from workers.http.pages.staff import naming
from workers.http.pages.words import Words

NAMES: Final[dict[str, str]] = {
    "Requested": N_("Return asked for"),
    "RemedyOffered": N_("Something offered instead"),
    "RemedyAccepted": N_("Offer taken"),
    "RemedyDeclined": N_("Offer turned down"),
    "RemedyLapsed": N_("Offer lapsed"),
    "Authorized": N_("Approved"),
    "Denied": N_("Denied"),
    "ReviewAsked": N_("A person has to decide"),
    "ReviewDecided": N_("Decided by a person"),
    "DecisionOverridden": N_("Decision overridden"),
    "DenialAppealed": N_("Appeal"),
    "RequestCorrected": N_("Request put right"),
    "EvidenceAdded": N_("Evidence added"),
    "EvidenceRequested": N_("Evidence asked for"),
    "Withdrawn": N_("Cancelled by the customer"),
    "Expired": N_("Lapsed: nothing was sent in time"),
    "Revived": N_("Approved again: it had been sent in time"),
    "LabelIssued": N_("Label issued"),
    "HandedOver": N_("Handed over to the carrier"),
    "Scanned": N_("Seen by the carrier"),
    "Received": N_("Goods arrived"),
    "ReceiptSuperseded": N_("Receipt taken back"),
    "GoodsTransferred": N_("Goods moved to another site"),
    "DiscrepancyFound": N_("Something differs"),
    "Held": N_("Held back"),
    "Released": N_("Released"),
    "Inspected": N_("Checked at the bench"),
    "DispositionDecided": N_("Decided where goods go"),
    "StockInstructed": N_("Stock told"),
    "KeptByCustomer": N_("Goods stay with the customer"),
    "ResolutionDecided": N_("Decided what the customer gets"),
    "RefundStarted": N_("Refund on its way"),
    "SettlementMoved": N_("Where the money stands"),
    "ReplacementShipped": N_("New article sent"),
    "ReplacementLost": N_("New article lost"),
    "Repaired": N_("Repaired and sent back"),
    "SentBack": N_("Sent back to the customer"),
    "CustomerNotified": N_("Message to the customer"),
    "NoticeOutcomeRecorded": N_("News of a message"),
    "Reminded": N_("Customer reminded"),
    "FeedbackAsked": N_("Customer asked how it went"),
    "FeedbackGiven": N_("Customer said how it went"),
    "Closed": N_("Closed"),
    "Reopened": N_("Taken up again"),
    "DeadlinesMoved": N_("Deadlines set"),
    "DeadlinePassed": N_("A deadline passed"),
    "DeadlineExtended": N_("More time given"),
    "ContactCorrected": N_("Contact put right"),
    "UnitsTaken": N_("Units taken into the return"),
    "UnitsReturned": N_("Units returned"),
    "UnitsCancelled": N_("Units cancelled"),
    "SerialsRead": N_("Serial numbers read"),
    "UnitsFreed": N_("Units free again"),
    "RefundDecided": N_("Refund decided"),
    "RefundRequested": N_("Refund requested"),
    "PayoutSettled": N_("Payout arrived"),
    "PayoutFailed": N_("Payout failed"),
    "PayoutUnclear": N_("Payout unclear"),
    "PayoutPending": N_("Payout on its way"),
    "PayoutRetried": N_("Payout tried again"),
    "ExternalRefundRecorded": N_("Money went back elsewhere"),
    "ChargebackDecided": N_("Chargeback decided"),
    "Exchanged": N_("Set off against another article"),
    "ExchangeCalledOff": N_("Exchange called off"),
    "ExchangePaidAhead": N_("New order came first"),
    "ExchangeGivenBack": N_("Given back through the new order"),
    "ExchangeReopened": N_("New order is paid by it no longer"),
    "ExchangeWithdrawn": N_("What the exchange had paid is owed"),
    "ExchangeClosed": N_("New article ordered"),
    "GoodwillGranted": N_("Goodwill given"),
    "StoreCreditSpent": N_("Store credit spent"),
    "WarrantyExtended": N_("Warranty extended"),
    "ClaimRaised": N_("Money asked back"),
    "ClaimReversed": N_("No longer asked back"),
    "CustomerPaid": N_("Customer paid"),
    "PaymentReturned": N_("Payment given back"),
    "WriteOffReversed": N_("Written off for nothing"),
    "ReceivableWrittenOff": N_("Written off"),
    "Found": N_("Difference with the gateway's books"),
    "Resolved": N_("Difference resolved"),
    "Erased": N_("Customer forgotten"),
    "Recorded": N_("Parcel kept"),
    "Assigned": N_("Parcel placed"),
    "Shipped": N_("Units sent out"),
    "Delivered": N_("Units delivered"),
    "PaymentReceived": N_("Paid on account"),
    "PolicyPinned": N_("Policy fixed"),
}
CODES: Final = (
    "grade", "cause", "liable_party", "disposition", "resolution", "settlement", "status", "outcome", "kind", "because",
)  # fmt: skip
PLAIN: Final = ("sku", "tracking_number", "place", "site", "to_site", "carrier", "drop_off", "by_order_id")
TEXTS: Final = ("reason", "note", "grounds", "comment")
STILL: Final = frozenset({"DeadlinesMoved", "SettlementMoved", "UnitsTaken", "UnitsReturned", "RefundStarted"})
"""What follows from something else that is told already."""


@dataclass(frozen=True, slots=True)
class Told:
    """One fact in words; ``is_still``: it follows from another that is told."""

    title: str
    details: tuple[str, ...]
    texts: tuple[str, ...]
    is_still: bool = False


def told(type_name: str, data: Mapping[str, Any], currency: str, said: Words) -> Told:
    """Return a fact in words.

    Args:
        type_name: Its type, such as ``rma.Rma.Inspected.v1``.
        data: Its body, as JSON values.
        currency: Of amounts that name none themselves.
        said: The language.
    """
    name = type_name.split(".")[2] if type_name.count(".") > 1 else type_name
    title = said.gettext(NAMES[name]) if name in NAMES else name
    texts = tuple(naming.shown(data[text], said) for text in TEXTS if isinstance(data.get(text), str))
    return Told(title, tuple(_details(data, currency, said)), texts, name in STILL)


def _details(data: Mapping[str, Any], currency: str, said: Words) -> Iterator[str]:
    lines = sorted({run["line"] for run in _runs(data) if "line" in run} | set(_lines(data)))
    if lines:
        yield said.gettext("line %(lines)s") % {"lines": ", ".join(map(str, lines))}
    if units := sum(int(run.get("count", 0)) for run in _runs(data)):
        yield said.ngettext("%(num)s unit", "%(num)s units", units) % {"num": units}
    if isinstance(amount := data.get("amount_minor"), int):
        yield said.money(amount, data.get("currency") or currency)
    yield from _answers(data, said)
    yield from (_value(name, str(data[name]), said) for name in CODES if data.get(name))
    yield from (str(data[name]) for name in PLAIN if data.get(name))
    if due_at := data.get("due_at"):
        yield said.gettext("until %(day)s") % {"day": said.moment(_instant(due_at))}
    if score := data.get("score"):
        yield said.gettext("%(score)s of 5") % {"score": score}


def _value(name: str, code: str, said: Words) -> str:
    """Return what a code is called: kinds of messages, and nobody who is liable, otherwise than states of that name."""
    if name == "liable_party":
        return naming.value_name(code, said, name)
    is_message = name == "kind" and code in naming.NOTICES
    return naming.named(naming.NOTICES, code, said) if is_message else naming.state_name(code, said)


def _answers(data: Mapping[str, Any], said: Words) -> Iterator[str]:
    """Yield what was decided on each line, and why not."""
    for line in data.get("lines") or ():
        if not isinstance(line, Mapping):
            continue
        if "approved" in line:
            yield said.gettext("approved") if line["approved"] else said.gettext("denied")
        decision = line.get("decision")
        codes = decision.get("codes", ()) if isinstance(decision, Mapping) else ()
        yield from (naming.code_name(code, said) for code in (*codes, *filter(None, [line.get("code")])))


def _runs(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    within = [run for line in data.get("lines") or () if isinstance(line, Mapping) for run in line.get("runs") or ()]
    return [run for run in (*(data.get("runs") or ()), *within) if isinstance(run, Mapping)]


def _lines(data: Mapping[str, Any]) -> list[int]:
    named = [data.get("line"), *(line.get("line") for line in data.get("lines") or () if isinstance(line, Mapping))]
    return [line for line in named if isinstance(line, int)]


def _instant(at: object) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(str(at))

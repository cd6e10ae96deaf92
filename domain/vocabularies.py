"""The closed sets of words, with stable codes, and the standards they are exchanged in.

Each set is a ``Literal``: a value is its own code in JSON, in SQL and in the type checker.
Source of the standards' codes: ASC X12 180 (elements 1292, 1293, 1294) and GS1 Core Business Vocabulary 2.0.
"""

from __future__ import annotations

from typing import Final, Literal

Reason = Literal[
    "changed_mind", "too_small", "too_large", "fit", "style_or_color", "not_as_described", "wrong_item", "missing_part",
    "arrived_late", "damaged_in_transit", "defective", "quality", "ordered_by_mistake", "better_price", "gift",
    "warranty_fault", "recalled", "other", "not_stated",
]  # fmt: skip
Cause = Literal[
    "none_found", "manufacturing", "design", "packaging", "carrier_damage", "picking_error", "listing_error", "misuse",
    "wear", "tampering", "counterfeit", "unknown",
]  # fmt: skip
LiableParty = Literal[
    "customer", "carrier", "warehouse", "merchandising", "supplier", "manufacturer", "none", "unknown"
]
Grade = Literal["A", "B", "C", "D", "E", "X"]
GradeOfWear = Literal["A", "B", "C", "D", "E"]
"""Grades of the article itself."""
Disposition = Literal[
    "restock", "open_box", "refurbish", "return_to_supplier", "liquidate", "donate", "recycle", "scrap", "send_back",
    "hold", "not_returned",
]  # fmt: skip
DiscrepancyKind = Literal[
    "short", "over", "wrong_item", "wrong_serial", "empty_box", "damaged_on_arrival", "unknown_parcel"
]
WithdrawalException = Literal[
    "custom_made", "sealed_hygiene", "perishable", "digital", "price_fluctuation", "mixed", "alcohol_forward",
    "sealed_media", "newspaper", "auction",
]  # fmt: skip
NextStep = Literal["decide", "ship", "receive", "inspect", "resolve", "pay", "close", "none"]

Wish = Literal["refund", "store_credit", "exchange", "replacement", "repair"]
Resolution = Literal["undecided", "refund", "store_credit", "exchange", "replacement", "repair", "send_back", "none"]
DecidedResolution = Literal["refund", "store_credit", "exchange", "replacement", "repair", "send_back", "none"]
Settlement = Literal["none", "due", "pending", "settled", "failed", "unknown"]
Authorization = Literal["requested", "needs_review", "authorized", "denied", "withdrawn", "expired"]
Logistics = Literal["with_customer", "in_transit", "delivered", "received", "lost", "short", "wrong_item", "kept"]
InspectionState = Literal["awaiting", "held", "inspected"]

DecisionStage = Literal["request", "inspection"]
AppealState = Literal["none", "request", "inspection", "answered"]

Method = Literal["label", "own_carrier", "drop_off", "store", "keep"]
RefundDue = Literal["approval", "first_scan", "receipt", "inspection"]
RefundFrom = Literal["request"]
Promotions = Literal["keep", "recompute"]
ErasureReason = Literal["request", "retention", "court", "other"]
QuestionKind = Literal["truth", "choice", "number", "text"]
Anchor = Literal["ordered", "shipped", "delivered"]
LineKind = Literal["goods", "service", "fee", "deposit"]
TenderKind = Literal[
    "card", "wallet", "gift_card", "store_credit", "cash", "bank_transfer", "on_account", "exchange", "points",
    "voucher", "pay_later", "cheque", "other",
]  # fmt: skip
PaymentKind = Literal[
    "card", "wallet", "gift_card", "store_credit", "cash", "bank_transfer", "points", "voucher", "pay_later", "cheque",
    "other",
]  # fmt: skip
"""What a debt is paid with: none of it by owing anew."""
ScanStatus = Literal["accepted", "in_transit", "out_for_delivery", "delivered", "exception", "lost"]
RefundGround = Literal[
    "policy",
    "agent",
    "fees_returned",
    "exchange_difference",
    "cancellation",
    "console",
    "chargeback",
    "payment_returned",
]
ExternalKind = Literal["console", "chargeback"]
ChargebackOutcome = Literal["won", "lost"]
UnclaimedBecause = Literal["accepted", "sent_in_time"]
OwedFor = Literal["claim", "exchange_difference", "surplus"]
PayoutOutcome = Literal["settled", "failed", "unknown", "pending"]
ParcelStatus = Literal["issued", "handed_over", ScanStatus]
PayoutStatus = Literal["requested", "settled", "failed", "unknown"]
DeadlineKind = Literal["ship_back", "inspect", "refund", "appeal", "close", "remedy"]
NoticeKind = Literal[
    "requested", "evidence_asked", "approved", "denied", "deadline_near", "received", "refunded", "refund_failed",
    "exchange_shipped", "sent_back", "survey", "closed",
]  # fmt: skip
NoticeChannel = Literal["email", "sms"]
NoticeOutcome = Literal["sent", "failed", "bounced", "skipped"]
DeadlineStatus = Literal["open", "met", "passed", "cancelled"]
NoteKind = Literal["credit", "debit"]
NoteLineKind = Literal["goods", "restocking", "return_shipping", "rounding", "promotion", "claim"]
DifferenceKind = Literal["missing_here", "missing_there", "different_amount", "twice_there"]
DifferenceResolution = Literal["corrected_here", "corrected_there", "other_period", "written_off"]
EvidenceKind = Literal["photo", "video", "document"]
ActorKind = Literal["customer", "agent", "system", "carrier", "warehouse", "gateway", "clock"]
ReturnStatus = Literal[
    "requested", "needs_review", "authorized", "in_transit", "received", "inspected", "resolved", "denied", "expired",
    "withdrawn", "closed",
]  # fmt: skip

FINAL_OUTCOMES: Final[frozenset[str]] = frozenset({"settled", "failed"})
"""Those by which a gateway says what became of a payout; the others say that nobody can tell yet."""
OPEN_SETTLEMENTS: Final[frozenset[str]] = frozenset({"due", "pending", "failed", "unknown"})
"""Where money stands that has yet to arrive."""
PAID_OUT: Final[frozenset[str]] = frozenset({"refund", "store_credit"})
"""Resolutions, and wishes, by which money goes out."""
SET_OFF: Final = PAID_OUT | {"exchange"}
"""Those by which the worth of the units goes back, in money or set off against another article."""
MADE_GOOD: Final = SET_OFF | {"replacement"}
"""Those that leave the customer nothing to ask for: money, or another article."""
FAULTY_REASONS: Final[frozenset[str]] = frozenset(
    "not_as_described wrong_item missing_part damaged_in_transit defective quality warranty_fault recalled".split()
)
DEFECT_CAUSES: Final[frozenset[str]] = frozenset({"manufacturing", "design", "packaging"})
MERCHANT_SIDE: Final[frozenset[str]] = frozenset({"carrier", "warehouse", "merchandising", "supplier", "manufacturer"})
"""Liable parties for whom the customer does not pay: goods are accepted whatever their grade, and fees are waived."""

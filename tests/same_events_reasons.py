"""Why a command leads to something else than at 96a8658: by words of a class, the reason; the first that fits."""

from __future__ import annotations

from typing import Final

ANOTHER_PARCEL: Final = "where a label was issued, a parcel with another number is a discrepancy and moves nothing"
REASONS: Final[dict[str, str]] = {
    "behind another answer": "follows from the earlier answer",
    "says nothing": "fields that came since are written with their defaults",
    "content_hash": "the hash of what people write is sealed, too, and more facts tell a repeat by one",
    "sealed": "what people write, and places, are sealed before they are recorded",
    "order of events between streams": "the events of a command come causes first, across the order and the return",
    "rma_number changed": "a return's number ends in a letter or digit, never in one of five other symbols",
    "StockInstructed": "a stock system is told what becomes of goods",
    "disposition changed": "goods that an inspection does not accept are on hold until a person has decided",
    "DeadlinesMoved.v1: opened changed": "what an inspection decides may be appealed against for 30 days",
    "ResolveDifference: refused unknown_difference": "told under two keys, between which no order is kept",
    "WithdrawReturn": "what of a return still waits may be withdrawn though the customer keeps the rest",
    "DiscrepancyFound": ANOTHER_PARCEL,
    "Scanned.v1": ANOTHER_PARCEL,
    "HandedOver.v1: runs": ANOTHER_PARCEL,
    "events RecordHandover: no": ANOTHER_PARCEL,
    "lines[].kind new": "a line says whether it is of goods, or of what has other rights",
    "requester_id new": "a return names who asked for it, who may be the recipient of a gift",
    "agent_id new": "what a person decided names who it was",
    "stage new": "a decision says against what it was: the request, or an inspection",
    "label_fee_by new": "a refund says whose the fee for a label was",
    "RefundRequested.v1: lines new": "a refund says how much of each line of the order it gives back",
    "credit_id new": "store credit has a name, by which it is spent",
    "claim_id new": "a claim has a name",
}

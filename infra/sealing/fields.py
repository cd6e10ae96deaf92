"""Which fields of which events are sealed: the table, by the type that is stored.

A path is written as it stands in the body: ``lines[].comment``. After it: ``?`` it may be null, ``~`` it is left plain
where it is a code (``remedy_accepted``), ``@`` where it points into our own store of evidence, ``{}`` any JSON value,
``=`` a text that is JSON already, ``#`` the hash of a command's content, ``%`` another hash, which versions before left
plain. What stands in no row is plain for ever.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from domain.values import dataclass

Kind = Literal["text", "code", "pointer", "json", "json_text", "content_hash", "hash"]
MARKS: Final[dict[str, Kind]] = {
    "~": "code",
    "@": "pointer",
    "{": "json",
    "=": "json_text",
    "#": "content_hash",
    "%": "hash",
}
HASHES: Final = frozenset({"content_hash", "hash"})
"""What no person reads."""

CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What is a code and no sentence: a word of ours, or of a gateway's or a shop's."""
HASH: Final = re.compile(r"[0-9a-f]{64}")
OWN_EVIDENCE: Final = re.compile(r"/v1/evidence/[0-9a-f-]{36}")
"""A file of our own store: its name says nothing of what it shows, and finds it for whoever may see it."""


@dataclass(frozen=True, slots=True)
class SealedField:
    """One row: the steps of its path (``[]`` is every item of a list), what kind of value, whether it may be null."""

    steps: tuple[str, ...]
    kind: Kind
    nullable: bool

    @classmethod
    def parse(cls, row: str) -> SealedField:
        """Return the field of a row of the table."""
        path, marks = re.fullmatch(r"([a-z0-9_.\[\]]+)([^a-z]*)", row).groups()  # type: ignore[union-attr]
        steps = tuple(path.replace("[]", ".[]").split("."))
        kind: Kind = next((MARKS[mark] for mark in marks if mark in MARKS), "text")
        return cls(steps, kind, "?" in marks)

    def was_left_plain(self, value: str) -> bool:
        """Tell whether a text of a sealed event is as it was recorded, because a version before did not seal it."""
        return self.kind == "hash" and HASH.fullmatch(value) is not None

    def is_plain(self, value: str) -> bool:
        """Tell whether a text stays as it is."""
        if self.kind == "code":
            return CODE.fullmatch(value) is not None
        if self.kind == "pointer":
            return OWN_EVIDENCE.fullmatch(value) is not None
        return self.kind == "content_hash" and "." not in value


_EVIDENCE: Final = "evidence[].uri@ evidence[].sha256?"

TABLE: Final[dict[str, str]] = {
    "rma.Order.Registered.v1": "contact=? tenders[].reference? content_hash# gift_code_hash%?",
    "rma.Order.ContactCorrected.v1": "contact=",
    "rma.Order.UnitsCancelled.v1": "reason~ content_hash#",
    "rma.Order.ClaimRaised.v1": "reason~ content_hash#?",
    "rma.Order.CustomerPaid.v1": "reference? content_hash#",
    "rma.Order.ExternalRefundRecorded.v1": "reference? payout.tender_reference? content_hash#",
    "rma.Order.GoodwillGranted.v1": "reason~ content_hash#?",
    "rma.Order.PaymentReceived.v1": "payment.reference? content_hash#",
    "rma.Order.PaymentReturned.v1": "payouts[].tender_reference?",
    "rma.Order.PayoutFailed.v1": "reason~?",
    "rma.Order.PayoutPending.v1": "reason~?",
    "rma.Order.PayoutUnclear.v1": "reason~?",
    "rma.Order.PayoutRetried.v1": "payout.tender_reference? further[].tender_reference?",
    "rma.Order.ReceivableWrittenOff.v1": "reason~ content_hash#",
    "rma.Order.RefundDecided.v1": "reason~ content_hash#",
    "rma.Order.RefundRequested.v1": "payouts[].tender_reference?",
    "rma.Rma.Requested.v1": f"contact=? lines[].comment? lines[].texts{{}}? {_EVIDENCE} content_hash#",
    "rma.Rma.RequestCorrected.v1": "comment? texts{}?",
    "rma.Rma.EvidenceAdded.v1": _EVIDENCE,
    "rma.Rma.Withdrawn.v1": "reason~?",
    "rma.Rma.ReviewDecided.v1": "note?",
    "rma.Rma.DecisionOverridden.v1": "reason~ note?",
    "rma.Rma.DenialAppealed.v1": f"grounds {_EVIDENCE}",
    "rma.Rma.LabelIssued.v1": "ship_to content_hash#",
    "rma.Rma.HandedOver.v1": "drop_off?",
    "rma.Rma.Scanned.v1": "place? content_hash#",
    "rma.Rma.Received.v1": "content_hash#",
    "rma.Rma.DiscrepancyFound.v1": "note?",
    "rma.Rma.Held.v1": "reason~",
    "rma.Rma.Released.v1": "reason~",
    "rma.Rma.Inspected.v1": f"checklist{{}}? note? {_EVIDENCE} content_hash#",
    "rma.Rma.Repaired.v1": "note?",
    "rma.Rma.SentBack.v1": "note?",
    "rma.Rma.ReplacementShipped.v1": "note?",
    "rma.Rma.ReplacementLost.v1": "reason~ content_hash#",
    "rma.Rma.ResolutionDecided.v1": "reason~?",
    "rma.Rma.EvidenceRequested.v1": "note",
    "rma.Rma.CustomerNotified.v1": "reason~?",
    "rma.Rma.NoticeOutcomeRecorded.v1": "reason~?",
    "rma.Rma.FeedbackGiven.v1": "comment?",
    "rma.Rma.Closed.v1": "reason~",
    "rma.Rma.Reopened.v1": "reason~",
    "rma.Rma.DeadlineExtended.v1": "reason~",
    "rma.UnknownParcel.Recorded.v1": "note? content_hash#",
    "rma.SettlementDifference.Resolved.v1": "note",
}

SEALED: Final[dict[str, tuple[SealedField, ...]]] = {
    type_name: tuple(SealedField.parse(row) for row in rows.split()) for type_name, rows in TABLE.items()
}


def _worth_a_look(rows: tuple[SealedField, ...]) -> re.Pattern[bytes]:
    """Return what is found in every body that holds something to seal; what mostly stays plain is passed over.

    In JSON a name is followed by a colon only where it is a name: in a text its quotes would be escaped.
    """
    plain = {"content_hash": '"[^".]*"', "code": f'"{CODE.pattern}"'}
    found = (f'"{row.steps[-1]}":(?!{"|".join(filter(None, ("null", plain.get(row.kind))))})' for row in rows)
    return re.compile("|".join(found).encode())


MAY_HOLD: Final = {type_name: _worth_a_look(rows) for type_name, rows in SEALED.items()}
"""By type, what to search a compact JSON body for before it is taken apart."""

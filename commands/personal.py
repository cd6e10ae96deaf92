"""Which fields of commands are sealed before anything is recorded: one table of every field that takes a text.

``sealed``: what people wrote, or what names or shows somebody. ``sealed unless a code``: a reason, which a system may
give as a word such as ``remedy_accepted``; nothing else is a code. ``sealed if a text``: of answers the texts that no
rule compares. ``plain``: what decides, counts, or names things. The events that follow: ``infra/sealing/fields.py``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

Treatment = Literal["sealed", "sealed unless a code", "sealed if a text", "plain"]
PLAIN: Final = "plain"

_CONTACT: Final[dict[str, Treatment]] = {
    f"contact.{name}": "sealed"
    for name in (
        "name", "email", "phone", "language",
        "address.lines[]", "address.city", "address.postal_code", "address.region",
    )
}  # fmt: skip
_EVIDENCE: Final[dict[str, Treatment]] = {"evidence[].uri": "sealed", "evidence[].sha256": "sealed"}

FIELDS: Final[dict[str, dict[str, Treatment]]] = {
    "RegisterOrder": {
        **_CONTACT,
        "lines[].title": "plain",
        "lines[].category": "plain",
        "lines[].unit": "plain",
        "tenders[].reference": "sealed",
    },
    "CorrectContact": _CONTACT,
    "RecordPayment": {"reference": "sealed"},
    "RecordCustomerPayment": {"reference": "sealed"},
    "CancelUnits": {"reason": "sealed unless a code"},
    "RefundOrder": {"reason": "sealed unless a code"},
    "RequestReturn": {
        **_CONTACT,
        "lines[].comment": "sealed",
        "lines[].answers": "sealed if a text",
        **_EVIDENCE,
    },
    "CorrectRequest": {"comment": "sealed", "answers": "sealed if a text"},
    "WithdrawReturn": {"reason": "sealed unless a code"},
    "AddEvidence": _EVIDENCE,
    "DecideRequest": {"note": "sealed"},
    "OverrideDecision": {"note": "sealed", "reason": "sealed unless a code", "approved_by": "plain"},
    "AppealDenial": {"grounds": "sealed", **_EVIDENCE},
    "IssueLabel": {"carrier": "plain", "ship_to": "sealed"},
    "RecordHandover": {"drop_off": "sealed"},
    "RecordScan": {"place": "sealed"},
    "ReceiveGoods": {"unexpected[].note": "sealed"},
    "HoldGoods": {"reason": "sealed unless a code"},
    "ReleaseGoods": {"reason": "sealed unless a code"},
    "RecordInspection": {"checklist": "sealed", "note": "sealed", **_EVIDENCE},
    "ShipReplacement": {"note": "sealed"},
    "RecordReplacementLost": {"reason": "sealed unless a code"},
    "RecordRepair": {"note": "sealed"},
    "SendBack": {"note": "sealed"},
    "DecideResolution": {"reason": "sealed unless a code"},
    "RecordPayoutOutcome": {"reason": "sealed unless a code", "reference": "plain"},
    "RecordExternalRefund": {"reference": "sealed"},
    "GrantGoodwill": {"reason": "sealed unless a code"},
    "ClaimFromCustomer": {"reason": "sealed unless a code"},
    "WriteOffReceivable": {"reason": "sealed unless a code"},
    "RequestEvidence": {"note": "sealed"},
    "RecordNotice": {"reason": "sealed unless a code"},
    "RecordNoticeOutcome": {"reason": "sealed unless a code"},
    "GiveFeedback": {"comment": "sealed"},
    "CloseReturn": {"reason": "sealed unless a code"},
    "ReopenReturn": {"reason": "sealed unless a code"},
    "ExtendDeadline": {"reason": "sealed unless a code"},
    "RecordUnknownParcel": {"note": "sealed"},
    "ResolveDifference": {"note": "sealed"},
}  # fmt: skip
"""By command; a field that takes a text and stands in no row is a mistake, which a test finds."""


@cache
def sealed_fields(command: str) -> dict[str, Any] | None:
    """Return the fields of a command that are sealed, as pydantic leaves them out; None where there is none."""
    excluded: dict[str, Any] = {}
    for path, treatment in FIELDS.get(command, {}).items():
        if treatment == PLAIN:
            continue
        steps = path.removesuffix("[]").replace("[]", ".__all__").split(".")
        steps = steps[:1] if steps[0] == "contact" else steps
        holder = excluded
        for step in steps[:-1]:
            holder = holder.setdefault(step, {})
        holder[steps[-1]] = True
    return excluded or None

"""Money, and what is said of it, in four ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from domain.identity import goodwill_id
from tests.support.four_ways.case import (
    BOOKS_DIFFER,
    CLAIMED,
    DELIVERED,
    DIFFERENCE,
    PAYOUT,
    REFUND,
    RMA,
    WORN,
    Case,
    asked,
    on_order,
    on_return,
    on_units,
    returned,
)

CASES: Final[Mapping[str, Case]] = {
    "DecideResolution": Case(
        before=returned(inspected=WORN),
        said=lambda n: on_units(3, resolution="refund", amount_minor=700, reason=f"{n}"),
        second="amount_exceeds_entitlement",
        again="amount_exceeds_entitlement",
        wrong=on_units(3, resolution="refund", amount_minor=1300),
        code="amount_exceeds_entitlement",
    ),
    "RecordPayoutOutcome": Case(
        before=returned(),
        said=lambda n: on_return(payout_id=PAYOUT, outcome="settled", reference=f"{n}"),
        second="nothing",
        again="nothing",
        wrong=on_return(payout_id=PAYOUT, outcome="settled", amount_minor=1),
        code="amount_differs",
    ),
    "RetryPayout": Case(
        before=[*returned(), ("RecordPayoutOutcome", on_return(payout_id=PAYOUT, outcome="failed"))],
        said=lambda n: on_return(payout_id=PAYOUT, approved_by="boss", as_store_credit=n == 2),
        second="wrong_state",
        again="wrong_state",
        wrong=on_return(payout_id=DIFFERENCE),
        code="unknown_payout",
    ),
    "GrantGoodwill": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(amount_minor=n, reason="x", grant_id="G"),
        second="grant_id_reused",
        again="nothing",
        wrong=on_return(amount_minor=1, reason="x", line=2),
        code="unknown_line",
    ),
    "ClaimFromCustomer": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(amount_minor=n, reason="x", claim_id="CL"),
        second="claim_id_reused",
        again="nothing",
        wrong=on_return(amount_minor=1, reason="x", line=2),
        code="unknown_line",
    ),
    "SpendStoreCredit": Case(
        before=[DELIVERED, asked(), ("GrantGoodwill", on_return(amount_minor=300, reason="x"))],
        said=lambda n: on_return(credit_id=str(goodwill_id(RMA, 1)), spend_id=f"SP-{n}", amount_minor=200),
        second="amount_exceeds_entitlement",
        again="nothing",
        wrong=on_return(credit_id=str(goodwill_id(RMA, 1)), spend_id="SP", amount_minor=301),
        code="amount_exceeds_entitlement",
    ),
    "RefundOrder": Case(
        before=[DELIVERED],
        said=lambda n: on_order(
            refund_request_id=f"RR-{n}", lines=[{"line_id": "L1", "quantity": 3, "amount_minor": 700}], reason="x"
        ),
        second="amount_exceeds_entitlement",
        again="nothing",
        wrong=on_order(refund_request_id="RR", shipping_minor=1, reason="x"),
        code="amount_exceeds_entitlement",
    ),
    "RecordPayment": Case(
        said=lambda n: on_order(payment_id=f"PM-{n}", tender_id="T2", amount_minor=200),
        second="amount_exceeds_owed",
        again="nothing",
        wrong=on_order(payment_id="PM", tender_id="T2", amount_minor=301),
        code="amount_exceeds_owed",
    ),
    "RecordCustomerPayment": Case(
        before=[DELIVERED, asked(), CLAIMED],
        said=lambda n: on_return(payment_id=f"PM-{n}", amount_minor=60, tender_kind="card"),
        second="amount_exceeds_owed",
        again="nothing",
        wrong=on_return(payment_id="PM", amount_minor=101, tender_kind="card"),
        code="amount_exceeds_owed",
    ),
    "WriteOffReceivable": Case(
        before=[DELIVERED, asked(), CLAIMED],
        said=lambda n: on_return(amount_minor=60, reason="x", approved_by="boss", write_off_id=f"W-{n}"),
        second="amount_exceeds_owed",
        again="nothing",
        wrong=on_return(amount_minor=101, reason="x", approved_by="boss"),
        code="amount_exceeds_owed",
    ),
    "RecordExternalRefund": Case(
        before=returned(),
        said=lambda n: on_order(external_id="X", tender_id="T1", amount_minor=500 + n, kind="chargeback"),
        second="external_id_reused",
        again="nothing",
        wrong=on_order(external_id="X", tender_id="T1", amount_minor=901, kind="console"),
        code="amount_exceeds_entitlement",
    ),
    "RecordChargebackOutcome": Case(
        before=[
            *returned(),
            ("RecordExternalRefund", on_order(external_id="X", tender_id="T1", amount_minor=900, kind="chargeback")),
        ],
        said=lambda _: on_order(external_id="X", outcome="won"),
        second="nothing",
        again="nothing",
        wrong=on_order(external_id="Y", outcome="won"),
        code="unknown_refund",
    ),
    "IssueCreditNote": Case(
        before=returned(),
        said=lambda _: on_return(series_id="default", refund_id=str(REFUND)),
        second="nothing",
        again="nothing",
        wrong=on_return(series_id="other", refund_id=str(REFUND)),
        code="wrong_series",
    ),
    "ReportDifference": Case(
        before=[("ReportDifference", {**BOOKS_DIFFER, "difference_id": str(RMA)})],
        said=lambda n: {**BOOKS_DIFFER, "payout_id": str(UUID(int=n))},
        second="difference_id_reused",
        again="nothing",
        wrong={**BOOKS_DIFFER, "difference_id": str(RMA), "kind": "missing_there"},
        code="difference_id_reused",
    ),
    "ResolveDifference": Case(
        before=[("ReportDifference", BOOKS_DIFFER)],
        said=lambda n: {"difference_id": DIFFERENCE, "resolution": "written_off", "note": f"{n}"},
        second="wrong_state",
        again="nothing",
        wrong={"difference_id": str(RMA), "resolution": "written_off", "note": "x"},
        code="unknown_difference",
    ),
}

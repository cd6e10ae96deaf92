"""What customers are told and asked, in four ways."""

from __future__ import annotations

from typing import Any, Final

from tests.support.four_ways.case import (
    DELIVERED,
    DIFFERENCE,
    PAYOUT,
    SHIP_BACK,
    Body,
    Case,
    asked,
    on_return,
    returned,
)

PAID: Final = ("RecordPayoutOutcome", on_return(payout_id=PAYOUT, outcome="settled", reference="G-1"))


def notice(number: int, **more: str) -> Body:
    told: dict[str, Any] = {"notice_id": f"N-{number}", "kind": "approved", "channel": "email", "outcome": "sent"}
    return on_return(**{**told, **more})


CASES: Final[dict[str, Case]] = {
    "RequestEvidence": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(line=1, note=f"{n}"),
        second="accepted",
        again="accepted",
        wrong=on_return(line=7, note="a photo"),
        code="unknown_line",
    ),
    "RecordNotice": Case(
        before=[DELIVERED, asked(), ("RecordNotice", notice(0))],
        said=notice,
        second="accepted",
        again="nothing",
        wrong=notice(0, channel="sms"),
        code="notice_id_reused",
    ),
    "RecordNoticeOutcome": Case(
        before=[DELIVERED, asked(), ("RecordNotice", notice(0))],
        said=lambda n: on_return(notice_id="N-0", outcome=("bounced", "failed")[n % 2]),
        second="accepted",
        again="nothing",
        wrong=on_return(notice_id="N-9", outcome="bounced"),
        code="unknown_notice",
    ),
    "Remind": Case(
        before=[DELIVERED, asked()],
        said=lambda _: on_return(deadline_id=SHIP_BACK),
        second="nothing",
        again="nothing",
        wrong=on_return(deadline_id=DIFFERENCE),
        code="unknown_deadline",
    ),
    "AskFeedback": Case(
        before=[*returned(), PAID],
        said=lambda _: on_return(),
        second="nothing",
        again="nothing",
        wrong=on_return(9),
        code="unknown_return",
    ),
}

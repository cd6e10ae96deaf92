"""Sales and cancellations of the Online Retail file, told in the platform's commands.

Every id follows from the file's own numbers, so telling the same file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.case.deadlines import CLOSE_DAYS
from domain.identity import deadline_id, payout_id, refund_id
from domain.policy.windows import end_of_day_after
from infra.kafka.command_client import OutgoingCommand
from workers.trials.online_retail.reading import Cancellation, Sale
from workers.trials.online_retail.rows import COUNTRIES, LONDON, Row, at_london

SOURCE: Final = "/online-retail"
POLICY_ID: Final = "online-retail"
POLICY_EFFECTIVE_FROM: Final = datetime(2010, 1, 1, tzinfo=LONDON)
POLICY_DOCUMENT: Final = {
    "window": {"days": 400, "anchor": "delivered", "zone": LONDON.key},
    "offers": ["refund"],
    "refund_due": "inspection",
}
NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://doi.org/10.24432/C5BW33")
CURRENCY: Final = "GBP"
TENDER_ID: Final = "bank"
GUEST: Final = "guest"
SITE: Final = "online-retail"
NAME: Final = "online-retail"


def publish_policy() -> OutgoingCommand:
    """Return the command that publishes the shop's policy; to be answered before any order is registered."""
    data = {
        "policy_id": POLICY_ID,
        "effective_from": POLICY_EFFECTIVE_FROM.isoformat(),
        "document": POLICY_DOCUMENT,
    }
    return OutgoingCommand(
        type="PublishPolicy",
        id=f"{NAME}/policy",
        source=SOURCE,
        key=POLICY_ID,
        time=POLICY_EFFECTIVE_FROM,
        actor=f"system:{NAME}",
        data=data,
    )


def sale_commands(sale: Sale) -> Iterator[OutgoingCommand]:
    """Yield the order and its delivery, both at the invoice's time."""
    at = at_london(min(row.invoiced_at for row in sale.rows))
    yield _command("RegisterOrder", sale.order_id, "order", f"system:{NAME}", at, _order(sale))
    delivered = [{"line_id": str(row.number), "quantity": row.quantity} for row in sale.rows]
    delivery = {"delivery_id": sale.order_id, "lines": delivered}
    yield _command("RecordDelivery", sale.order_id, "delivery", f"system:{NAME}", at, delivery)


def _order(sale: Sale) -> dict[str, Any]:
    first = sale.rows[0]
    lines = [_order_line(row) for row in sale.rows]
    return {
        "customer_id": first.customer_id or GUEST,
        "country": COUNTRIES[first.country],
        "channel": "online",
        "currency": CURRENCY,
        "lines": lines,
        "tenders": [
            {
                "tender_id": TENDER_ID,
                "kind": "bank_transfer",
                "amount_minor": sum(line["amount_minor"] for line in lines),
            }
        ],
        "policy_id": POLICY_ID,
    }


def _order_line(row: Row) -> dict[str, object]:
    line = {
        "line_id": str(row.number),
        "sku": row.stock_code,
        "quantity": row.quantity,
        "amount_minor": row.amount_minor,
    }
    return line | {"title": row.description} if row.description else line


def rma_id_of(case_id: str, order_id: str) -> UUID:
    """Return the id of the return that one cancellation invoice makes of one order."""
    return uuid5(NAMESPACE, f"{case_id}/{order_id}")


class Step(NamedTuple):
    """One command of a return, before it has its ids."""

    type: str
    short: str
    actor: str
    at: datetime
    data: dict[str, Any]


def return_commands(cancellation: Cancellation, *, now: datetime) -> Iterator[OutgoingCommand]:
    """Yield one return from request to payout, each step at the time of the row it comes from, and then its end.

    The file knows no closing: a return that nobody touches any more is closed by its deadline, as the clock does it
    where the system lives along. One whose deadline is yet to come ``now`` is left to the clock.
    """
    rma_id = rma_id_of(cancellation.case_id, cancellation.order_id)
    steps = [*_until_inspection(cancellation), *_payouts(cancellation, rma_id)]
    due_at = end_of_day_after(steps[-1].at, CLOSE_DAYS, zone=LONDON.key)
    if due_at <= now:
        deadline = {"deadline_id": str(deadline_id(rma_id, "close", None, 1))}
        steps.append(Step("PassDeadline", "closing", f"clock:{NAME}", due_at, deadline))
    for step in steps:
        short = f"{cancellation.case_id}/{step.short}"
        body = {"rma_id": str(rma_id)} | step.data
        yield _command(step.type, cancellation.order_id, short, step.actor, step.at, body)


def _until_inspection(cancellation: Cancellation) -> Iterator[Step]:
    at, name = at_london(cancellation.invoiced_at), f"{cancellation.case_id}/{cancellation.order_id}"
    lines = list(enumerate(cancellation.lines, start=1))
    yield Step("RequestReturn", "request", f"customer:{cancellation.customer_id}", at, _request(cancellation))
    yield Step("RecordHandover", "handover", f"carrier:{NAME}", at, {})
    items = [{"line": number, "quantity": line.quantity} for number, line in lines]
    receipt = {"receipt_id": name, "site": SITE, "items": items, "complete": True}
    yield Step("ReceiveGoods", "receipt", f"warehouse:{NAME}", at, receipt)
    for number, line in lines:
        inspection = {"inspection_id": f"{name}/{number}", "line": number, "quantity": line.quantity}
        finding = {"grade": "A", "cause": "none_found", "liable_party": "none"}
        at = at_london(line.invoiced_at)
        yield Step("RecordInspection", f"inspection/{number}", f"warehouse:{NAME}", at, inspection | finding)


def _payouts(cancellation: Cancellation, rma_id: UUID) -> Iterator[Step]:
    """Yield what the gateway says of each payout.

    An inspection that accepts goods requests one refund: the n-th line has the n-th; without money there is no payout.
    """
    for number, line in enumerate(cancellation.lines, start=1):
        if line.paid_minor:
            outcome = {
                "payout_id": str(payout_id(refund_id(rma_id, number), TENDER_ID, 1)),
                "outcome": "settled",
                "reference": f"{cancellation.case_id}/{cancellation.order_id}/{number}",
                "amount_minor": line.paid_minor,
                "currency": CURRENCY,
            }
            at = at_london(line.invoiced_at)
            yield Step("RecordPayoutOutcome", f"payout/{number}", f"gateway:{NAME}", at, outcome)


def _request(cancellation: Cancellation) -> dict[str, object]:
    lines = [
        {"line_id": line.line_id, "quantity": line.quantity, "reason": "not_stated", "wish": "refund"}
        for line in cancellation.lines
    ]
    return {"lines": lines, "case_id": cancellation.case_id}


def _command(  # noqa: PLR0917 - what every command has, in the contract's order
    kind: str, order_id: str, short: str, actor: str, at: datetime, data: dict[str, Any]
) -> OutgoingCommand:
    return OutgoingCommand(
        type=kind,
        id=f"{NAME}/{order_id}/{short}",
        source=SOURCE,
        key=order_id,
        time=at,
        actor=actor,
        data={"order_id": order_id} | data,
    )

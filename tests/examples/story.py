"""One order's story in which every kind of fact happens, told through the real commands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.shop import ORDERED, Shop
from tests.support.stories import ORDER, day, on_return

REMEDY = {"kind": "partial_refund", "share_bps": 2_000}
POLICY: dict[str, Any] = {
    "window": {"days": 30, "anchor": "delivered"},
    "offers": ["refund", "store_credit", "exchange", "replacement", "repair"],
    "method": "label",
    "fees": {"restocking_bps": 1000, "return_shipping_minor": 95, "waived_for": ["defective"]},
    "rules": [
        {"name": "keep-it", "when": {"fact": "reason", "is": "missing_part"}, "then": {"method": "keep"}},
        {"name": "gifts", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no_gifts"}},
        {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
        {"name": "share", "when": {"fact": "reason", "is": "better_price"}, "then": {"remedy": REMEDY}},
    ],
}


class Narrator:
    """Sends one command an hour about one order; returns are numbered."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.now = ORDERED

    def tell(self, name: str, data: dict[str, Any], actor: str = "agent:A1") -> None:
        self.shop.send(name, data, actor=actor, at=self.now)
        self.now += timedelta(hours=1)

    def about(self, number: int, name: str, actor: str = "agent:A1", **data: Any) -> None:
        self.tell(name, on_return(UUID(int=number), **data), actor)

    def ask(self, number: int, *lines: tuple[str, int, str, str], **more: Any) -> None:
        told = [dict(zip(("line_id", "quantity", "reason", "wish"), line, strict=True)) for line in lines]
        for line in told:
            if line["wish"] == "exchange":
                wanted = [{"sku": "SHOE-43", "quantity": 1, "amount_minor": 1100}]
                line["exchange_for"] = wanted[0] if number < 12 else [*wanted, {**wanted[0], "sku": "LACE"}]
        self.about(number, "RequestReturn", "customer:C-1", lines=told, **more)

    def take_in(self, number: int, *items: tuple[Any, ...], **more: Any) -> None:
        """Let units arrive, given as line, quantity and serial numbers."""
        told = [{"line": line, "quantity": quantity, "serials": serials} for line, quantity, *serials in items]
        receipt = f"R-{number}"
        self.about(
            number, "ReceiveGoods", "warehouse:W", receipt_id=receipt, site="WH-1", items=told, complete=True, **more
        )

    def inspect(self, number: int, line: int, quantity: int, **found: Any) -> None:
        findings = {"grade": "A", "cause": "none_found", "liable_party": "none", **found}
        name = f"I-{number}-{line}"
        self.about(
            number, "RecordInspection", "warehouse:W", inspection_id=name, line=line, quantity=quantity, **findings
        )

    def pass_deadline(self, number: int, kind: str) -> datetime:
        deadlines = self.shop.rma(UUID(int=number)).deadlines.values()
        found = next(d for d in deadlines if d.kind == kind and d.status == "open")
        self.now = max(self.now, found.due_at)
        self.about(number, "PassDeadline", "clock:deadlines", deadline_id=str(found.deadline_id))
        return found.due_at


def whole_story() -> Shop:
    """Return a shop in which every kind of fact has happened."""
    teller = Narrator()
    _open(teller)
    _money(teller)
    _books(teller)
    _goods(teller)
    _remedies(teller)
    _people(teller)
    _order_money(teller)
    _elsewhere(teller)
    _exchanges_called_off(teller)
    _notes(teller)
    _kit(teller)
    teller.tell(
        "CorrectContact", {"order_id": "O-1", "contact": {"name": "Anna Lind", "language": "de"}}, "customer:C-1"
    )
    teller.tell("EraseCustomer", {"customer_id": "C-1", "reason": "request"}, "system:privacy")
    return teller.shop


def _open(teller: Narrator) -> None:
    lines = [{**line, "quantity": 9, "warranty_days": 365} for line in ORDER["lines"]]
    teller.tell("RegisterOrder", {**ORDER, "lines": lines, "gift_code": "for-auntie-7"}, "system:shop")
    for number, command in enumerate(("RecordShipment", "RecordDelivery")):
        moved = [{"line_id": line_id, "quantity": 9} for line_id in ("L1", "L2")]
        key = ("shipment_id", "delivery_id")[number]
        teller.tell(command, {"order_id": "O-1", key: f"M-{number}", "lines": moved}, "system:shop")
    for version, days in enumerate((14, 21)):
        document = {**POLICY, "ship_back_days": days}
        published = {"policy_id": "standard", "effective_from": day(version).isoformat(), "document": document}
        teller.tell("PublishPolicy", published, "system:merchant")
    for edition in (1, 2):
        effective_from = day(500 * (edition - 1)).isoformat()
        teller.tell("PublishStatutes", {"edition": edition, "effective_from": effective_from}, "system:merchant")


def _money(teller: Narrator) -> None:
    """A refund in full, with everything that gateways say and agents do."""
    photo = {"evidence_id": "E-1", "kind": "photo", "uri": "https://example.org/1.jpg", "line": 1}
    teller.ask(1, ("L1", 3, "too_small", "refund"), evidence=[photo], case_id="CASE-1")
    teller.about(1, "RequestEvidence", line=1, note="a photo of the sole, please")
    teller.about(1, "AddEvidence", "customer:C-1", evidence=[{**photo, "evidence_id": "E-2"}])
    notice = {"notice_id": "N-1", "kind": "approved", "channel": "email", "outcome": "sent"}
    teller.about(1, "RecordNotice", "system:notices", **notice)
    teller.about(1, "RecordNoticeOutcome", "system:notices", notice_id="N-1", outcome="bounced", reason="mailbox full")
    near = next(one for one in teller.shop.rma(UUID(int=1)).deadlines.values() if one.kind == "ship_back")
    teller.about(1, "Remind", "clock:deadlines", deadline_id=str(near.deadline_id))
    teller.about(1, "CorrectRequest", "customer:C-1", line=1, quantity=2)
    teller.about(
        1, "IssueLabel", "system:labels", label_id="LB-1", carrier="DHL", tracking_number="JJD-1", ship_to="WH-1"
    )
    teller.about(1, "RecordHandover", "carrier:DHL", tracking_number="JJD-1", drop_off="shop 7")
    scan = {"tracking_number": "JJD-1", "scan_id": "S-1", "status": "delivered", "place": "Leipzig"}
    teller.about(1, "RecordScan", "carrier:DHL", **scan)
    teller.take_in(1, (1, 1, "SN-0001"), unexpected=[{"sku": "HAT", "quantity": 1, "instead_of": 1, "note": "a hat"}])
    teller.about(1, "HoldGoods", "warehouse:W", line=1, quantity=1, reason="customs")
    teller.about(1, "ReleaseGoods", "warehouse:W", line=1, quantity=1, reason="cleared")
    teller.inspect(1, 1, 1, checklist={"soles": "worn", "boxed": True}, note="as new", evidence=[photo])
    payout = next(iter(teller.shop.order().payouts))
    for outcome in ("pending", "unknown", "failed"):
        teller.about(
            1, "RecordPayoutOutcome", "gateway:g", payout_id=str(payout), outcome=outcome, reason="card closed"
        )
    teller.about(1, "RetryPayout", payout_id=str(payout), tender_id="T2")
    retried = list(teller.shop.order().payouts)[-1]
    teller.about(1, "RecordPayoutOutcome", "gateway:g", payout_id=str(retried), outcome="settled", reference="gw-1")
    _old_news(teller, retried)
    teller.about(1, "GrantGoodwill", approved_by="boss", amount_minor=300, reason="sorry", line=1, grant_id="G-1")
    teller.about(1, "ClaimFromCustomer", approved_by="boss", amount_minor=20, reason="wear", line=1, claim_id="CL-1")
    credit = next(iter(teller.shop.order().store_credit))
    teller.about(
        1, "SpendStoreCredit", "system:shop", credit_id=str(credit), spend_id="P-1", amount_minor=100, spent_on="O-2"
    )
    teller.about(1, "AskFeedback", "clock:deadlines")
    teller.about(1, "GiveFeedback", "customer:C-1", score=4, comment="quick")
    teller.about(1, "CloseReturn", reason="done")
    teller.about(1, "ReopenReturn", reason="one more question")


def _old_news(teller: Narrator, payout: UUID) -> None:
    """A gateway says late what it came to earlier."""
    body = on_return(UUID(int=1), payout_id=str(payout), outcome="failed", reason="card closed")
    teller.shop.send("RecordPayoutOutcome", body, actor="gateway:g", at=ORDERED)


def _goods(teller: Narrator) -> None:
    """An exchange, a replacement, a repair and goods sent back."""
    wishes = ("exchange", "replacement", "repair")
    teller.ask(2, *(("L1", 1, "defective", wish) for wish in wishes), ("L2", 1, "defective", "refund"))
    teller.take_in(2, (1, 1), (2, 1), (3, 1), (4, 1))
    for line in (1, 2, 3):
        teller.inspect(2, line, 1)
    teller.inspect(2, 4, 1, grade="X", cause="tampering", liable_party="customer")
    teller.about(2, "DecideDisposition", line=4, quantity=1, disposition="send_back")
    teller.about(2, "DecideResolution", line=4, quantity=1, resolution="send_back", reason="not ours")
    teller.about(2, "ShipReplacement", "warehouse:W", line=2, quantity=1, tracking_number="JJD-2")
    teller.about(
        2, "RecordReplacementLost", "carrier:DHL", line=2, quantity=1, reason="the truck burnt", loss_id="LO-1"
    )
    teller.about(2, "ShipReplacement", "warehouse:W", line=2, quantity=1, sku="SHOE-42", serials=["SN-9"])
    teller.about(2, "RecordRepair", "warehouse:W", line=3, quantity=1, note="new sole")
    teller.about(2, "SendBack", "warehouse:W", line=4, quantity=1, tracking_number="JJD-3")
    _lost_property(teller)


def _lost_property(teller: Narrator) -> None:
    """A receipt typed wrong, a parcel that nobody could place at first, and goods that go to another site."""
    teller.tell("RegisterOrder", {**ORDER, "order_id": "O-31"}, "system:shop")
    about: dict[str, Any] = {"order_id": "O-31"}
    receipt: dict[str, Any] = {**about, "site": "WH-1", "items": []}
    teller.ask(31, ("L2", 1, "defective", "refund"), **about)
    teller.about(31, "ReceiveGoods", "warehouse:W", **receipt, receipt_id="R-31", complete=True)
    teller.about(31, "ReceiveGoods", "warehouse:W", **receipt, receipt_id="R-32", complete=False, supersedes="R-31")
    items = [{"sku": "SOCK", "quantity": 1, "serials": ["SN-0002"]}]
    parcel = {"parcel_id": "UP-1", "site": "WH-1", "items": items, "tracking_number": "JJD-4", "note": "no letter"}
    teller.tell("RecordUnknownParcel", parcel, "warehouse:W")
    teller.about(31, "AssignParcel", **about, parcel_id="UP-1")
    teller.about(31, "TransferGoods", "warehouse:W", **about, line=1, quantity=1, to_site="WH-2", transfer_id="TR-1")


def _people(teller: Narrator) -> None:
    """Denied and appealed, reviewed, kept, overridden, withdrawn, extended and expired; replaced in advance."""
    teller.ask(11, ("L1", 1, "defective", "replacement"))
    teller.about(11, "DecideResolution", line=1, quantity=1, resolution="replacement")
    teller.about(11, "ShipReplacement", "warehouse:W", line=1, quantity=1)
    teller.ask(3, ("L1", 1, "gift", "refund"), ("L2", 1, "other", "store_credit"), ("L2", 1, "missing_part", "refund"))
    teller.about(3, "AppealDenial", "customer:C-1", line=1, grounds="it was wrapped")
    decisions = [
        {"line": 1, "quantity": 1, "decision": "deny", "code": "worn"},
        {"line": 2, "quantity": 1, "decision": "approve"},
    ]
    teller.about(3, "DecideRequest", lines=decisions, note="looked at it")
    approval = [{"line": 1, "quantity": 1, "decision": "approve"}]
    teller.about(3, "OverrideDecision", lines=approval, approved_by="boss", reason="kindness")
    teller.ask(8, ("L2", 1, "too_small", "refund"))
    teller.about(8, "WithdrawReturn", "customer:C-1", reason="keeps it")
    teller.ask(12, ("L2", 2, "too_small", "exchange"))
    teller.about(12, "DecideResolution", line=1, quantity=2, resolution="exchange")
    figures: dict[str, Any] = {
        "amount_minor": 50,
        "return_shipping_minor": 10,
        "tenders": [{"tender_id": "T2", "amount_minor": 40}],
    }
    teller.about(
        12,
        "DecideResolution",
        line=1,
        quantity=1,
        resolution="refund",
        keep=True,
        approved_by="boss",
        reason="sold out",
        **figures,
    )
    teller.about(12, "DecideResolution", line=1, quantity=1, resolution="refund", reason="sold out")
    teller.ask(4, ("L2", 1, "too_small", "refund"))
    deadline = next(iter(teller.shop.rma(UUID(int=4)).deadlines.values()))
    teller.about(
        4, "ExtendDeadline", deadline_id=str(deadline.deadline_id), due_at=day(90).isoformat(), reason="holiday"
    )
    due_at = teller.pass_deadline(4, "ship_back")
    told = on_return(UUID(int=4), drop_off="shop 7")
    teller.shop.send("RecordHandover", told, actor="carrier:DHL", at=due_at)
    _claimed_by_the_clock(teller)


def _claimed_by_the_clock(teller: Narrator) -> None:
    """Replaced in advance, claimed when nothing came, and claimed no longer when it did, after all was paid or lost."""
    teller.pass_deadline(11, "ship_back")
    owed = teller.shop.order().receivables[UUID(int=11), "claim"].open_minor
    payment = {"payment_id": "PM-11", "amount_minor": owed - 7, "tender_kind": "card", "reference": "auth-11"}
    teller.about(11, "RecordCustomerPayment", "gateway:g", **payment)
    teller.about(11, "WriteOffReceivable", amount_minor=7, reason="not worth it", approved_by="boss")
    teller.take_in(11, (1, 1))
    teller.inspect(11, 1, 1)


def _books(teller: Narrator) -> None:
    """Store credit taken back, and a difference with a gateway's books."""
    teller.ask(9, ("L1", 1, "missing_part", "store_credit"))
    credit = list(teller.shop.order().payouts.values())[-1]
    teller.about(9, "RecordPayoutOutcome", "gateway:g", payout_id=str(credit.payout_id), outcome="failed")
    shares = [{"tender_id": "T1", "amount_minor": 11}, {"tender_id": "T2", "amount_minor": credit.amount_minor - 11}]
    teller.about(9, "RetryPayout", payout_id=str(credit.payout_id), tenders=shares)
    difference = {"difference_id": str(UUID(int=10)), "kind": "different_amount", "payout_id": str(credit.payout_id)}
    sides = {
        "here": {"amount_minor": 111, "currency": "EUR", "status": "settled"},
        "there": {"amount_minor": 101, "currency": "EUR", "reference": "gw-9"},
    }
    teller.tell("ReportDifference", {**difference, "order_id": "O-1", **sides}, "system:reconcile")
    resolution = {"difference_id": str(UUID(int=10)), "resolution": "corrected_there", "note": "a typing error"}
    teller.tell("ResolveDifference", resolution)


def _order_money(teller: Narrator) -> None:
    """Money that no return asks for."""
    lines = [{"line_id": "L1", "quantity": 1, "amount_minor": 11}, {"line_id": "L2", "quantity": 1, "amount_minor": 5}]
    teller.tell(
        "RefundOrder",
        {"order_id": "O-1", "refund_request_id": "RR-1", "lines": lines, "reason": "scratched", "approved_by": "boss"},
    )
    lines = [{"line_id": "L1", "sku": "CUP", "quantity": 2, "amount_minor": 600}]
    tenders = [{"tender_id": "T1", "kind": "on_account", "amount_minor": 600}]
    teller.tell("RegisterOrder", {**ORDER, "order_id": "O-2", "lines": lines, "tenders": tenders}, "system:shop")
    gone = [{"line_id": "L1", "quantity": 1}]
    cancelled = {"order_id": "O-2", "cancellation_id": "CN-1", "lines": gone, "reason": "sold out"}
    teller.tell("CancelUnits", cancelled, "system:shop")
    payment = {"payment_id": "PM-1", "tender_id": "T1", "amount_minor": 300, "reference": "transfer-88"}
    teller.tell("RecordPayment", {"order_id": "O-2", **payment}, "gateway:bank")
    about = on_return(UUID(int=1), amount_minor=5)
    teller.tell("RecordCustomerPayment", {**about, "payment_id": "PM-2", "tender_kind": "card"}, "gateway:g")
    given_up = {"reason": "not worth it", "approved_by": "boss", "write_off_id": "WO-1"}
    teller.tell("WriteOffReceivable", {**about, **given_up})
    lines = [{"line_id": "L1", "sku": "SHOE-43", "quantity": 1, "amount_minor": 1100}]
    worth = teller.shop.order().exchange_of_line(UUID(int=2), 1).carried_minor
    tenders = [
        {"tender_id": "T1", "kind": "exchange", "amount_minor": worth},
        {"tender_id": "T2", "kind": "card", "amount_minor": 1100 - worth},
    ]
    given = {"exchange_of": {"order_id": "O-1", "rma_id": str(UUID(int=2)), "line": 1}}
    teller.tell(
        "RegisterOrder", {**ORDER, "order_id": "O-3", "lines": lines, "tenders": tenders, **given}, "system:shop"
    )


def _elsewhere(teller: Narrator) -> None:
    """A chargeback for which a payout gives way, which fits in part; it is lost at first, then won."""
    about: dict[str, Any] = {"order_id": "O-4"}
    lines = [{"line_id": "L1", "sku": "CUP", "quantity": 2, "amount_minor": 1000}]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 1000}]
    teller.tell("RegisterOrder", {**ORDER, **about, "lines": lines, "tenders": tenders}, "system:shop")
    teller.ask(41, ("L1", 1, "missing_part", "refund"), **about)
    went = {"external_id": "dp-1", "tender_id": "T1", "amount_minor": 800, "kind": "chargeback", "reference": "dp-1"}
    teller.tell("RecordExternalRefund", {**about, **went}, "gateway:g")
    for outcome in ("lost", "won"):
        teller.tell("RecordChargebackOutcome", {**about, "external_id": "dp-1", "outcome": outcome}, "gateway:g")


def _exchanges_called_off(teller: Narrator) -> None:
    """An exchange whose order came first and is then cancelled in part; one whose difference was written off."""
    about: dict[str, Any] = {"order_id": "O-5"}
    lines = [{"line_id": "L1", "sku": "COAT", "quantity": 3, "amount_minor": 1500}]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 1500}]
    teller.tell("RegisterOrder", {**ORDER, **about, "lines": lines, "tenders": tenders}, "system:shop")
    teller.ask(61, ("L1", 2, "too_small", "exchange"), **about)
    given = {"order_id": "O-6", "exchange_of": {"order_id": "O-5", "rma_id": str(UUID(int=61)), "line": 1}}
    lines = [{"line_id": "L1", "sku": "SHOE-43", "quantity": 2, "amount_minor": 1100}]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 1100}]
    teller.tell("RegisterOrder", {**ORDER, **given, "lines": lines, "tenders": tenders}, "system:shop")
    teller.about(61, "DecideResolution", line=1, quantity=2, resolution="exchange", **about)
    teller.about(61, "DecideResolution", line=1, quantity=1, resolution="refund", **about)
    gone = [{"line_id": "L1", "quantity": 2}]
    cancelled = {"order_id": "O-6", "cancellation_id": "CN-2", "lines": gone, "reason": "sold out"}
    teller.tell("CancelUnits", cancelled, "system:shop")
    teller.ask(62, ("L1", 1, "too_small", "exchange"), **about)
    teller.about(62, "DecideResolution", line=1, quantity=1, resolution="exchange", **about)
    lost: dict[str, Any] = {"amount_minor": 100, "reason": "gone", "approved_by": "boss"}
    teller.about(62, "WriteOffReceivable", **lost, **about)
    paid: dict[str, Any] = {"payment_id": "PM-9", "amount_minor": 500, "tender_kind": "card", "reference": "auth-9"}
    teller.about(62, "RecordCustomerPayment", "gateway:g", **paid, **about)
    teller.about(62, "DecideResolution", line=1, quantity=1, resolution="refund", keep=True, **about)


def _kit(teller: Narrator) -> None:
    """A camera and its lens, sold as one kit."""
    kit = {"quantity": 1, "amount_minor": 500, "bundle_id": "KIT-1"}
    lines = [{"line_id": "L1", "sku": "CAMERA", **kit}, {"line_id": "L2", "sku": "LENS", **kit}]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 1000}]
    teller.tell("RegisterOrder", {**ORDER, "order_id": "O-20", "lines": lines, "tenders": tenders}, "system:shop")


def _remedies(teller: Narrator) -> None:
    """An offer to keep the goods, accepted, declined and left unanswered."""
    for number, accepted in ((5, True), (6, False), (7, None)):
        teller.ask(number, ("L2", 1, "better_price", "refund"))
        if accepted is None:
            teller.pass_deadline(number, "remedy")
        else:
            teller.about(number, "AnswerRemedy", "customer:C-1", line=1, accepted=accepted)


def _notes(teller: Narrator) -> None:
    """The note of the first refund, which opens its series."""
    refund = next(iter(teller.shop.order().refunds.values()))
    told = {"series_id": "default", "refund_id": str(refund.refund_id), "rma_id": str(refund.rma_id), "order_id": "O-1"}
    teller.tell("IssueCreditNote", told, "clock:credit-notes")
    won = {"series_id": "default", "external_id": "dp-1", "order_id": "O-4"}
    teller.tell("IssueCreditNote", won, "clock:credit-notes")

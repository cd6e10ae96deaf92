"""Whole orders at random: every command in any order, and after each one everything that must be conserved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import RuleViolationError
from domain.vocabularies import FAULTY_REASONS
from tests.support.conservation import check
from tests.support.random_orders import order_of
from tests.support.shop import Shop
from tests.support.stories import day, on_return

RETURNS_MAX = 4
UNITS_MAX = 6
LINES_MAX = 3
WISHES = ("refund", "store_credit", "exchange", "replacement", "repair")
REASONS = ("too_small", "better_price", "fit", "other", "gift", *sorted(FAULTY_REASONS)[:2])
RULES = [
    {"name": "never", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
    {
        "name": "share",
        "when": {"fact": "reason", "is": "better_price"},
        "then": {"remedy": {"kind": "partial_refund", "share_bps": 3_333}},
    },
    {
        "name": "bonus",
        "when": {"all": [{"fact": "reason", "is": "fit"}, {"fact": "wish", "is": "exchange"}]},
        "then": {"remedy": {"kind": "exchange_bonus", "bonus_minor": 150}},
    },
    {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
]

small = st.integers(1, 3)
cents = st.integers(0, 2_000)
numbers = st.integers(0, RETURNS_MAX - 1)
line_numbers = st.integers(1, LINES_MAX)
one_line = st.tuples(st.integers(1, UNITS_MAX), cents, st.integers(0, 100), st.integers(0, 300))
sold_lines = st.lists(one_line, min_size=1, max_size=LINES_MAX)
sums = st.one_of(st.none(), st.integers(0, 900))
figures_of_a_person = st.fixed_dictionaries(
    {"amount_minor": sums, "return_shipping_minor": sums, "keep": st.booleans()}
)
grades = st.sampled_from("ABCDEX")
parties = st.sampled_from(("customer", "none", "unknown", "supplier", "carrier"))


class OrderMachine(RuleBasedStateMachine):
    """One order, up to ``RETURNS_MAX`` returns of it, and everybody who has a say."""

    orders = 0
    commands = 0
    refused = 0

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.returns: list[UUID] = []
        self.clock = 2
        self.reversed_tenders: set[str | None] = set()

    def tell(self, name: str, data: dict[str, Any], actor: str = "agent:A") -> None:
        """Send a command; whatever it says, a refusal records nothing."""
        type(self).commands += 1
        before = len(self.shop.history)
        try:
            self.shop.send(name, data, actor=actor, at=day(self.clock))
        except RuleViolationError:
            type(self).refused += 1
            recorded = self.shop.history[before:]
            assert recorded == [], name

    def on(self, which: int, **data: Any) -> dict[str, Any]:
        """Return the body of a command about one of the returns; a line's number wraps around at its last."""
        rma_id = self.returns[which % len(self.returns)]
        if "line" in data:
            data["line"] = self.wrapped(which, data["line"])
        return on_return(rma_id, **data)

    def wrapped(self, which: int, line: int) -> int:
        return 1 + line % len(self.shop.rma(self.returns[which % len(self.returns)]).lines)

    def sold(self, line: int) -> str:
        return f"L{1 + line % len(self.shop.order().lines)}"

    @initialize(
        lines=sold_lines,
        discount_bps=st.integers(0, 10_000),
        shipping_minor=st.integers(0, 999),
        tax_included=st.booleans(),
        names_taxes=st.booleans(),
        split_bps=st.lists(st.integers(0, 10_000), max_size=2),
        country=st.sampled_from(("US", "DE")),
        kinds=st.sampled_from((("card", "gift_card", "wallet"), ("card", "on_account", "wallet"))),
        rounding_minor=st.sampled_from((0, 0, 2, -2, 99)),
        method=st.sampled_from(("label", "label", "label", "own_carrier", "keep")),
        refund_due=st.sampled_from(("approval", "first_scan", "receipt", "inspection")),
        restocking_bps=st.sampled_from((0, 333, 1_000, 10_000)),
        return_shipping_minor=st.sampled_from((0, 250, 900)),
        outward=st.booleans(),
        data=st.data(),
    )
    def open(
        self,
        *,
        method: str,
        refund_due: str,
        restocking_bps: int,
        return_shipping_minor: int,
        outward: bool,
        data: st.DataObject,
        **order: Any,
    ) -> None:
        fees = {
            "restocking_bps": restocking_bps,
            "return_shipping_minor": return_shipping_minor,
            "waived_for": ["defective"],
        }
        document = {
            "window": {"days": 60}, "offers": list(WISHES), "method": method, "fees": fees, "refund_due": refund_due,
            "refunds_outward_shipping": outward, "rules": RULES,
        }  # fmt: skip
        type(self).orders += 1
        document = self.further_terms(data, document)
        published = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": document}
        self.shop.send("PublishPolicy", published)
        self.shop.send("RegisterOrder", self.further_sold(data, order_of(**order)))

    def further_terms(self, data: st.DataObject, document: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the policy with what else it says; who has more to draw adds it to what this returns."""
        return document

    def further_sold(self, data: st.DataObject, order: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the order with what else is said of it."""
        return order

    def further_asked(self) -> dict[str, Any]:
        """Return what else is said of a line that is asked for."""
        return {}

    @rule(line=line_numbers, quantity=small)
    def deliver(self, line: int, quantity: int) -> None:
        told = {
            "order_id": "O-1",
            "delivery_id": f"D-{self.clock}",
            "lines": [{"line_id": self.sold(line), "quantity": quantity}],
        }
        self.clock += 1
        self.tell("RecordDelivery", told)

    @precondition(lambda self: len(self.returns) < RETURNS_MAX)
    @rule(
        asked=st.lists(
            st.tuples(line_numbers, small, st.sampled_from(REASONS), st.sampled_from(WISHES), st.integers(0, 3_000)),
            min_size=1,
            max_size=3,
        ),
        gift=st.sampled_from((False, False, False, True)),
    )
    def request(self, asked: list[tuple[int, int, str, str, int]], gift: bool) -> None:
        lines = []
        for line, units, reason, wish, quote in asked:
            line_id = self.sold(line)
            quantity = min(units, self.shop.order().lines[line_id].fact.quantity)
            told = {"line_id": line_id, "quantity": quantity, "reason": reason, "wish": wish}
            if wish == "exchange" and quote % 3:
                told["exchange_for"] = {"sku": "N", "quantity": quantity, "amount_minor": quote}
            lines.append(told | self.further_asked())
        rma_id = UUID(int=len(self.returns) + 1)
        before = len(self.shop.history)
        self.tell("RequestReturn", on_return(rma_id, lines=lines, gift=gift))
        if len(self.shop.history) > before:
            self.returns.append(rma_id)

    # what happens to goods

    @precondition(lambda self: self.returns)
    @rule(which=numbers, status=st.sampled_from(("hand_over", "in_transit", "delivered", "lost")), late=st.booleans())
    def move(self, which: int, status: str, late: bool) -> None:
        self.clock += -1 if late else 1
        if status == "hand_over":
            self.tell("RecordHandover", self.on(which))
        else:
            self.tell(
                "RecordScan", self.on(which, tracking_number="T", scan_id=f"S-{len(self.shop.history)}", status=status)
            )
        self.clock += 1

    @precondition(lambda self: self.returns)
    @rule(which=numbers, line=line_numbers, quantity=small, status=st.sampled_from(("accepted", "delivered", "lost")))
    def pack(self, which: int, line: int, quantity: int, status: str) -> None:
        """Send some units in a parcel of their own, and let the carrier see it."""
        name = f"P-{len(self.shop.history)}"
        label = {"label_id": name, "carrier": "DHL", "tracking_number": name, "ship_to": "W"}
        packed = [{"line": self.wrapped(which, line), "quantity": quantity}]
        self.tell("IssueLabel", self.on(which, **label, lines=packed), "system:labels")
        self.tell("RecordScan", self.on(which, tracking_number=name, scan_id=name, status=status), "carrier:DHL")

    @precondition(lambda self: self.returns)
    @rule(
        which=numbers,
        items=st.lists(st.tuples(line_numbers, small), max_size=2),
        swapped=st.sampled_from((0, 0, 0, 1, 2)),
        complete=st.booleans(),
    )
    def receive(self, which: int, items: list[tuple[int, int]], swapped: int, complete: bool) -> None:
        unexpected = [{"sku": "HAT", "quantity": 1, "instead_of": self.wrapped(which, swapped)}] if swapped else []
        told = [{"line": self.wrapped(which, line), "quantity": quantity} for line, quantity in items]
        name = f"R-{len(self.shop.history)}"
        self.tell(
            "ReceiveGoods",
            self.on(which, receipt_id=name, site="W", items=told, unexpected=unexpected, complete=complete),
        )

    @precondition(lambda self: self.returns)
    @rule(which=numbers, grade=grades, liable=parties, quantity=st.integers(1, UNITS_MAX))
    def bring_in(self, which: int, grade: str, liable: str, quantity: int) -> None:
        """Let everything that a return asked for come in, and inspect some of each line: what mostly happens."""
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        items = [{"line": line.asked.line, "quantity": line.asked.quantity} for line in rma.lines.values()]
        name = f"R-{len(self.shop.history)}"
        self.tell("ReceiveGoods", self.on(which, receipt_id=name, site="W", items=items, complete=False))
        for number, line in rma.lines.items():
            inspected = min(quantity, line.asked.quantity)
            self.tell(
                "RecordInspection",
                on_return(
                    rma.rma_id, inspection_id=f"I-{len(self.shop.history)}", line=number, quantity=inspected,
                    grade=grade, cause="unknown", liable_party=liable,
                ),
            )  # fmt: skip

    @precondition(lambda self: self.returns)
    @rule(which=numbers, line=line_numbers, quantity=small, grade=grades, liable=parties, again=st.booleans())
    def inspect(self, *, which: int, line: int, quantity: int, grade: str, liable: str, again: bool) -> None:
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        known = [name for kind, name in rma.recorded if kind == "inspection_id"]
        told = self.on(
            which, inspection_id=f"I-{len(self.shop.history)}", line=line, quantity=quantity, grade=grade,
            cause="unknown", liable_party=liable,
        )  # fmt: skip
        self.tell("RecordInspection", {**told, "supersedes": known[-1]} if again and known else told)

    @precondition(lambda self: self.returns)
    @rule(
        which=numbers,
        line=line_numbers,
        quantity=small,
        command=st.sampled_from(("ShipReplacement", "RecordRepair", "SendBack", "HoldGoods")),
    )
    def handle(self, which: int, line: int, quantity: int, command: str) -> None:
        told = self.on(which, line=line, quantity=quantity)
        self.tell(command, {**told, "reason": "x"} if command == "HoldGoods" else told)

    # what people decide

    @precondition(lambda self: self.returns)
    @rule(
        which=numbers,
        line=line_numbers,
        quantity=small,
        resolution=st.sampled_from((*WISHES, "send_back", "none")),
        figures=figures_of_a_person,
    )
    def resolve(self, which: int, line: int, quantity: int, resolution: str, figures: dict[str, Any]) -> None:
        told = self.on(which, line=line, quantity=quantity, resolution=resolution, keep=figures["keep"])
        if resolution in {"refund", "store_credit"}:
            told |= figures
        self.tell("DecideResolution", told)

    @precondition(lambda self: self.returns)
    @rule(
        which=numbers,
        line=line_numbers,
        quantity=small,
        decision=st.sampled_from(("approve", "deny")),
        over=st.booleans(),
    )
    def decide(self, which: int, line: int, quantity: int, decision: str, over: bool) -> None:
        told = self.on(which, lines=[{"line": self.wrapped(which, line), "quantity": quantity, "decision": decision}])
        if over:
            self.tell("OverrideDecision", {**told, "approved_by": "boss", "reason": "x"})
        else:
            self.tell("DecideRequest", told, "agent:B")  # who decided does not answer an appeal

    @precondition(lambda self: self.returns)
    @rule(
        which=numbers,
        line=line_numbers,
        what=st.sampled_from(("appeal", "withdraw", "correct", "close", "reopen")),
        quantity=small,
    )
    def revise(self, which: int, line: int, what: str, quantity: int) -> None:
        if what == "appeal":
            self.tell("AppealDenial", self.on(which, line=line, grounds="x"))
        elif what == "withdraw":
            lines = [{"line": self.wrapped(which, line), "quantity": quantity}] if line else []
            self.tell("WithdrawReturn", self.on(which, lines=lines))
        elif what == "correct":
            self.tell("CorrectRequest", self.on(which, line=line, quantity=quantity, reason="too_small"))
        else:
            self.tell("CloseReturn" if what == "close" else "ReopenReturn", self.on(which, reason="x"))

    @precondition(lambda self: self.returns)
    @rule(which=numbers, index=st.integers(0, 5))
    def pass_deadline(self, which: int, index: int) -> None:
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        waiting = [deadline for deadline in rma.deadlines.values() if deadline.status == "open"]
        if waiting:
            deadline = waiting[index % len(waiting)]
            self.clock = max(self.clock, (deadline.due_at - day(0)).days + 1)
            self.tell("PassDeadline", self.on(which, deadline_id=str(deadline.deadline_id)), "clock:1")

    def offered(self) -> list[tuple[UUID, int]]:
        """Return the lines whose customer has an offer to answer."""
        returns = [self.shop.rma(rma_id) for rma_id in self.returns]
        return [(rma.rma_id, number) for rma in returns for number in rma.lines if rma.awaits_answer(number)]

    @precondition(lambda self: self.offered())
    @rule(index=st.integers(0, 20), accepted=st.booleans())
    def answer_remedy(self, index: int, accepted: bool) -> None:
        offered = self.offered()
        rma_id, line = offered[index % len(offered)]
        self.tell("AnswerRemedy", on_return(rma_id, line=line, accepted=accepted), "customer:C")

    # what becomes of money

    @precondition(lambda self: self.shop.order().payouts)
    @rule(index=st.integers(0, 20), outcome=st.sampled_from(("settled", "settled", "failed", "unknown", "pending")))
    def answer(self, index: int, outcome: str) -> None:
        payouts = list(self.shop.order().payouts.values())
        payout = payouts[index % len(payouts)]
        if payout.status == "failed" and outcome != "failed":
            self.reversed_tenders.add(payout.tender_id)
        told = on_return(payout.rma_id, payout_id=str(payout.payout_id), outcome=outcome)
        self.tell("RecordPayoutOutcome", told, "gateway:g")

    @precondition(lambda self: any(p.status == "requested" for p in self.shop.order().payouts.values()))
    @rule(index=st.integers(0, 20), tender=st.sampled_from(("T0", "T1", "T2")))
    def fail_and_retry(self, index: int, tender: str) -> None:
        """Let a gateway fail and an agent try another tender: what mostly happens to a closed card."""
        waiting = [payout for payout in self.shop.order().payouts.values() if payout.status == "requested"]
        payout = waiting[index % len(waiting)]
        told = on_return(payout.rma_id, payout_id=str(payout.payout_id))
        self.tell("RecordPayoutOutcome", {**told, "outcome": "failed"}, "gateway:g")
        self.tell("RetryPayout", {**told, "tender_id": tender})

    @precondition(lambda self: any(p.status == "failed" for p in self.shop.order().payouts.values()))
    @rule(index=st.integers(0, 20), tender=st.sampled_from((None, "T0", "T1", "T2", "credit", "split")))
    def retry(self, index: int, tender: str | None) -> None:
        failed = [payout for payout in self.shop.order().payouts.values() if payout.status == "failed"]
        payout = failed[index % len(failed)]
        told = on_return(payout.rma_id, payout_id=str(payout.payout_id))
        half = payout.amount_minor // 2
        shares = [("T0", half), ("T1", payout.amount_minor - half)]
        ways: dict[str | None, dict[str, Any]] = {
            None: {},
            "credit": {"as_store_credit": True},
            "split": {"tenders": [{"tender_id": to, "amount_minor": share} for to, share in shares]},
        }
        where = ways.get(tender, {"tender_id": tender})
        if half or tender != "split":
            self.tell("RetryPayout", told | where)

    @precondition(lambda self: self.returns)
    @rule(which=numbers, amount=st.integers(1, 500), command=st.sampled_from(("GrantGoodwill", "ClaimFromCustomer")))
    def beyond(self, which: int, amount: int, command: str) -> None:
        names = {"GrantGoodwill": "grant_id", "ClaimFromCustomer": "claim_id"}
        name = {names[command]: f"N-{amount % 5}"} if amount % 2 else {}
        self.tell(command, self.on(which, amount_minor=amount, reason="x", **name))

    @precondition(lambda self: self.shop.order().store_credit)
    @rule(index=st.integers(0, 20), amount=st.integers(1, 900))
    def spend(self, index: int, amount: int) -> None:
        known = list(self.shop.order().store_credit.items())
        credit_id, credit = known[index % len(known)]
        told = {"credit_id": str(credit_id), "spend_id": f"P-{len(self.shop.history)}", "amount_minor": amount}
        told |= {"rma_id": str(credit.rma_id)} if credit.rma_id else {}
        self.tell("SpendStoreCredit", {"order_id": "O-1", **told})

    @invariant()
    def everything_is_conserved(self) -> None:
        if self.shop.aggregates:
            check(self.shop, frozenset(self.reversed_tenders))

"""The whole orders at random, and with them the money that no return asks for."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.order import Order
from tests.order_machine import cents, line_numbers, numbers, small
from tests.order_promotions_machine import OrderPromotionsMachine
from tests.support.stories import day


class OrderMoneyMachine(OrderPromotionsMachine):
    """An order whose shop and agents move money and units beside its returns."""

    @rule(lines=st.lists(st.tuples(line_numbers, small), min_size=1, max_size=2))
    def cancel(self, lines: list[tuple[int, int]]) -> None:
        told = [{"line_id": self.sold(line), "quantity": quantity} for line, quantity in lines]
        name = f"CN-{len(self.shop.history)}"
        self.tell("CancelUnits", {"order_id": "O-1", "cancellation_id": name, "lines": told, "reason": "x"})

    @precondition(lambda self: any(tender.kind == "on_account" for tender in self.shop.order().tenders))
    @rule(amount=st.integers(1, 3_000))
    def pay(self, amount: int) -> None:
        """Let the customer pay something of what is owed, or try to pay more."""
        [tender] = [tender for tender in self.shop.order().tenders if tender.kind == "on_account"]
        name = f"PM-{len(self.shop.history)}"
        told = {"order_id": "O-1", "payment_id": name, "tender_id": tender.tender_id, "amount_minor": amount}
        self.tell("RecordPayment", told, "gateway:g")

    @rule(
        lines=st.lists(st.tuples(line_numbers, small, cents), max_size=2),
        shipping=st.sampled_from((0, 0, 7, 400)),
    )
    def give_back(self, lines: list[tuple[int, int, int]], shipping: int) -> None:
        told = [
            {"line_id": self.sold(line), "quantity": quantity, "amount_minor": amount}
            for line, quantity, amount in lines
        ]
        name = f"RR-{len(self.shop.history)}"
        self.tell(
            "RefundOrder",
            {"order_id": "O-1", "refund_request_id": name, "lines": told, "shipping_minor": shipping, "reason": "x"},
        )

    # what moves elsewhere

    @rule(
        tender=st.sampled_from(("T0", "T0", "T1", "T2")),
        amount=st.integers(1, 2_500),
        kind=st.sampled_from(("console", "chargeback", "chargeback")),
        named=st.one_of(st.none(), st.tuples(line_numbers, small)),
    )
    def went_back_elsewhere(self, tender: str, amount: int, kind: str, named: tuple[int, int] | None) -> None:
        """Let money have gone back already, whatever is under way."""
        name = f"X-{len(self.shop.history) % 40}"
        told = {"order_id": "O-1", "external_id": name, "tender_id": tender, "amount_minor": amount, "kind": kind}
        if named:
            line, quantity = named
            told["lines"] = [{"line_id": self.sold(line), "quantity": quantity, "amount_minor": amount}]
        before = len(self.shop.history)
        self.tell("RecordExternalRefund", told, "gateway:g")
        for fact in self.shop.history[before:]:
            if isinstance(fact, Order.ExternalRefundRecorded) and fact.surplus:
                self.reversed_tenders.add(tender)

    @precondition(lambda self: self.shop.order().external)
    @rule(index=st.integers(0, 20), outcome=st.sampled_from(("won", "won", "lost")))
    def end_dispute(self, index: int, outcome: str) -> None:
        names = list(self.shop.order().external)
        told = {"order_id": "O-1", "external_id": names[index % len(names)], "outcome": outcome}
        self.tell("RecordChargebackOutcome", told, "gateway:g")

    # what customers owe

    @precondition(lambda self: any(debt.open_minor > 0 for debt in self.shop.order().receivables.values()))
    @rule(amount=st.integers(1, 900), kind=st.sampled_from(("card", "bank_transfer", "store_credit")))
    def pay_debt(self, amount: int, kind: str) -> None:
        """Let the customer pay something of what he owes beside the order, or try to pay more."""
        told = {"payment_id": f"PM-{len(self.shop.history)}", "amount_minor": amount, "tender_kind": kind}
        self.tell("RecordCustomerPayment", {"order_id": "O-1", **told}, "gateway:g")

    @precondition(lambda self: any(debt.open_minor > 0 for debt in self.shop.order().receivables.values()))
    @rule(amount=st.integers(1, 900))
    def give_up_debt(self, amount: int) -> None:
        told = {"amount_minor": amount, "reason": "x", "approved_by": "boss"}
        self.tell("WriteOffReceivable", {"order_id": "O-1", **told})

    @precondition(lambda self: self.returns)
    @rule(which=numbers, amount=st.integers(1, 900))
    def come_late(self, which: int, amount: int) -> None:
        """Let goods come that were asked back since a deadline passed, after something of that was paid."""
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        for deadline in [one for one in rma.deadlines.values() if (one.kind, one.status) == ("ship_back", "open")]:
            self.clock = max(self.clock, (deadline.due_at - day(0)).days + 1)
            self.tell("PassDeadline", self.on(which, deadline_id=str(deadline.deadline_id)), "clock:1")
        self.pay_debt(amount, "card")
        self.give_up_debt(amount // 2 + 1)
        self.bring_in(which, "A", "none", 2)

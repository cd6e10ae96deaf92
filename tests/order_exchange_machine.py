"""The whole orders at random, with orders given in exchange, serial numbers, and goods whose papers are put right."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.order import Order
from domain.settlement.tenders import owed
from tests.order_machine import OrderMachine, line_numbers, numbers, small

NEW_ORDERS_MAX = 4
SITES = ("W", "W-2", "W-3")


class OrderExchangeMachine(OrderMachine):
    """An order whose exchanges have orders of their own, and whose goods are moved and counted anew."""

    def exchanged_lines(self) -> list[tuple[UUID, int]]:
        """Return the lines of returns whose wish was an exchange, decided or not."""
        returns = [self.shop.rma(rma_id) for rma_id in self.returns]
        return [(rma.rma_id, n) for rma in returns for n, line in rma.lines.items() if line.asked.wish == "exchange"]

    def given(self) -> list[Order]:
        """Return the orders that were given in exchange."""
        orders = [found for found in self.shop.aggregates.values() if isinstance(found, Order)]
        return [order for order in orders if order.exchange_of is not None]

    @precondition(lambda self: self.exchanged_lines() and len(self.given()) < NEW_ORDERS_MAX)
    @rule(
        index=st.integers(0, 9),
        beside=st.integers(0, 1_500),
        kind=st.sampled_from(("card", "on_account", "on_account")),
        carries=st.booleans(),
        units=small,
    )
    def order_in_exchange(self, *, index: int, beside: int, kind: str, carries: bool, units: int) -> None:
        """Register the order of a new article: with what the exchange carries, or the tenders that paid in the end."""
        rma_id, line = self.exchanged_lines()[index % len(self.exchanged_lines())]
        account = self.shop.order().exchange_of_line(rma_id, line)
        beside = max(account.difference_minor, 0) if beside % 3 else beside
        carried = max(account.carried_minor, 0) if carries else beside
        tenders = [
            {"tender_id": "N0", "kind": "exchange" if carries else "card", "amount_minor": carried},
            {"tender_id": "N1", "kind": kind, "amount_minor": beside},
        ]
        sold = {"line_id": "L1", "sku": "N", "quantity": units, "amount_minor": carried + beside}
        self.tell(
            "RegisterOrder",
            {
                "order_id": f"N-{len(self.given())}", "customer_id": "C", "country": "US", "channel": "web",
                "currency": "EUR", "lines": [sold], "tenders": tenders,
                "exchange_of": {"order_id": "O-1", "rma_id": str(rma_id), "line": line},
            },
        )  # fmt: skip

    @precondition(lambda self: self.given())
    @rule(index=st.integers(0, 9), units=small, amount=st.integers(1, 2_000), what=st.sampled_from(("pay", "cancel")))
    def of_the_new_order(self, index: int, units: int, amount: int, what: str) -> None:
        """Pay something of it, or let units of it never leave."""
        order = self.given()[index % len(self.given())]
        name = f"X-{len(self.shop.history)}"
        if what == "cancel":
            lines = [{"line_id": "L1", "quantity": units}]
            gone = {"order_id": order.order_id, "cancellation_id": name, "lines": lines, "reason": "x"}
            self.tell("CancelUnits", gone)
            return
        due = [tender.tender_id for tender in order.tenders if owed(order, tender.tender_id)]
        for tender_id in due[:1]:
            told = {"order_id": order.order_id, "payment_id": name, "tender_id": tender_id, "amount_minor": amount}
            self.tell("RecordPayment", told, "gateway:g")

    @precondition(lambda self: self.returns)
    @rule(which=numbers, items=st.lists(st.tuples(line_numbers, small), max_size=2), named=st.booleans())
    def put_right(self, which: int, items: list[tuple[int, int]], named: bool) -> None:
        """Put the last receipt right by another, with the serial numbers of what came where they are named."""
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        known = [value for kind, value in rma.recorded if kind == "receipt_id"]
        told = []
        for line, quantity in items:
            number = self.wrapped(which, line)
            serials = [f"SN-{number}-{n}" for n in range(1, quantity + 1)] if named else []
            told.append({"line": number, "quantity": quantity, "serials": serials})
        name = f"R-{len(self.shop.history)}"
        body = self.on(which, receipt_id=name, site="W", items=told, complete=False)
        self.tell("ReceiveGoods", body | ({"supersedes": known[-1]} if known else {}))

    @precondition(lambda self: self.returns)
    @rule(which=numbers, line=line_numbers, quantity=small, to=st.sampled_from(SITES))
    def transfer(self, which: int, line: int, quantity: int, to: str) -> None:
        self.tell("TransferGoods", self.on(which, line=line, quantity=quantity, to_site=to))

    @precondition(lambda self: self.returns)
    @rule(which=numbers, line=line_numbers, quantity=small)
    def lose_replacement(self, which: int, line: int, quantity: int) -> None:
        """Send a new article and let it get lost on its way."""
        self.tell("ShipReplacement", self.on(which, line=line, quantity=quantity))
        self.tell("RecordReplacementLost", self.on(which, line=line, quantity=quantity, reason="x"))

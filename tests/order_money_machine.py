"""The whole orders at random, and with them the money that no return asks for."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.order_machine import OrderMachine, cents, line_numbers, small


class OrderMoneyMachine(OrderMachine):
    """An order whose shop and agents move money and units beside its returns."""

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

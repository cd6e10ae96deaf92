"""The whole orders at random, with serial numbers: of what was sold, of what is asked for, and of what comes in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.identity import order_stream
from tests.order_machine import RETURNS_MAX, OrderMachine, line_numbers, numbers
from tests.support.stories import on_return

STRANGE = "SN-STRANGE"
WRONG_ORDERS = ("twice", "in two lines", "too many", None, None)
units = st.integers(1, 4)
picks = st.lists(st.tuples(line_numbers, units), min_size=1, max_size=4)


def serial_of(line_id: str, unit: int) -> str:
    """Return the serial number that a unit was sold under; of one that was not sold, one that nobody knows."""
    return f"SN-{line_id}-{unit}"


class OrderSerialsMachine(OrderMachine):
    """An order of which some lines have serial numbers, which come in once, twice, too many, or in another's place."""

    def further_sold(self, data: st.DataObject, order: dict[str, Any]) -> dict[str, Any]:
        order = super().further_sold(data, order)
        named = data.draw(st.lists(st.booleans(), min_size=3, max_size=3), "with serials")
        lines = [
            {**line, "serials": [serial_of(line["line_id"], n + 1) for n in range(line["quantity"])]} if has else line
            for line, has in zip(order["lines"], named, strict=False)
        ]
        if wrong := data.draw(st.sampled_from(WRONG_ORDERS), "wrong order"):
            self.tell_wrong_order(wrong, {**order, "lines": lines})
        return {**order, "lines": lines}

    def tell_wrong_order(self, how: str, order: dict[str, Any]) -> None:
        """Register an order whose serial numbers cannot be: it is refused."""
        first, *others = order["lines"]
        if how == "twice":
            wrong = [{**first, "quantity": max(first["quantity"], 2), "serials": ["SN", "SN"]}, *others]
        elif how == "too many":
            wrong = [{**first, "serials": [f"SN-{n}" for n in range(first["quantity"] + 1)]}, *others]
        else:
            wrong = [{**first, "serials": ["SN"]}, {**first, "line_id": "L9", "serials": ["SN"]}, *others]
        self.tell("RegisterOrder", {**order, "order_id": "O-W", "lines": wrong}, "system:shop")
        assert order_stream("O-W") not in self.shop.aggregates

    def refused_if(self, wrong: bool, name: str, data: dict[str, Any]) -> None:
        """Send a command that must be refused where something is wrong with it."""
        before = len(self.shop.history)
        self.tell(name, data)
        assert not wrong or len(self.shop.history) == before, data

    @precondition(lambda self: len(self.returns) < RETURNS_MAX)
    @rule(line=line_numbers, picked=st.lists(units, min_size=1, max_size=3), short=st.booleans())
    def request_these(self, line: int, picked: list[int], short: bool) -> None:
        """Ask for exactly these units to go back; not for one twice, nor for more than are meant."""
        line_id = self.sold(line)
        quantity = max(len(picked) - short, 1)
        serials = [serial_of(line_id, unit) for unit in picked]
        wanted = {"line_id": line_id, "quantity": quantity, "serials": serials, "reason": "too_small", "wish": "refund"}
        rma_id = UUID(int=len(self.returns) + 1)
        before = len(self.shop.history)
        wrong = len(set(serials)) < len(serials) or quantity < len(serials)
        self.refused_if(wrong, "RequestReturn", on_return(rma_id, lines=[wanted]))
        if len(self.shop.history) > before:
            self.returns.append(rma_id)

    @precondition(lambda self: self.returns)
    @rule(which=numbers, picked=picks, strange=st.sampled_from((0, 0, 0, 1)), short=st.sampled_from((0, 0, 0, 1)))
    def receive_these(self, which: int, picked: list[tuple[int, int]], strange: int, short: int) -> None:
        """Let units come in under their numbers, whether or not they came before; not one twice in a receipt."""
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        read: dict[int, list[str]] = {}
        for line, unit in picked:
            number = self.wrapped(which, line)
            read.setdefault(number, []).append(serial_of(rma.lines[number].asked.line_id, unit))
        read[next(iter(read))] += [STRANGE] * strange
        items: list[dict[str, Any]] = [
            {"line": number, "quantity": max(len(serials) - short, 1), "serials": serials}
            for number, serials in read.items()
        ]
        told = [serial for serials in read.values() for serial in serials]
        wrong = len(set(told)) < len(told) or any(item["quantity"] < len(item["serials"]) for item in items)
        name = f"R-{len(self.shop.history)}"
        body = self.on(which, receipt_id=name, site="W", items=items, complete=False)
        self.refused_if(wrong, "ReceiveGoods", body)

    @precondition(lambda self: self.returns)
    @rule(which=numbers, line=line_numbers, unit=units, grade=st.sampled_from("AD"))
    def inspect_this(self, which: int, line: int, unit: int, grade: str) -> None:
        """Let the bench read a number off a unit that is here, or off one that is not."""
        number = self.wrapped(which, line)
        rma = self.shop.rma(self.returns[which % len(self.returns)])
        body = self.on(
            which, inspection_id=f"I-{len(self.shop.history)}", line=line, quantity=1, grade=grade, cause="unknown",
            liable_party="none", serial=serial_of(rma.lines[number].asked.line_id, unit),
        )  # fmt: skip
        self.tell("RecordInspection", body)

"""The whole orders at random, with credit notes, parcels that nobody could place, and orders that name their kits."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from domain.identity import order_stream
from domain.rma.unknown_parcel import UnknownParcel
from tests.order_machine import OrderMachine, line_numbers, numbers, small
from tests.support.conservation_of_kits import check_kits
from tests.support.conservation_of_notes import check_all_noted, check_notes, notes_due
from tests.support.conservation_of_parcels import check_parcels

PARCELS_MAX = 3
CLOCK = "clock:credit-notes"
found = st.lists(st.tuples(st.integers(0, 3), small, st.booleans()), min_size=1, max_size=2)
"""What is in a parcel: articles by their place (0: one that nobody sold), how many, and whether numbers were read."""


class OrderPapersMachine(OrderMachine):
    """An order with credit notes, whose goods also come in parcels without papers, and whose kits are its own."""

    def parcels(self) -> list[str]:
        """Return the parcels that are kept."""
        return [name.removeprefix("parcel/") for name in self.shop.aggregates if name.startswith("parcel/")]

    @rule(index=st.integers(0, 30), series=st.sampled_from(("default", "default", "default", "other")))
    def issue_note(self, index: int, series: str) -> None:
        """Ask for the note of something that moved, whether or not it has one; in a series of its own there is none."""
        due = [told for told, _ in notes_due(self.shop)]
        if due:
            before = len(self.shop.history)
            self.tell("IssueCreditNote", {**due[index % len(due)], "series_id": series}, CLOCK)
            assert series == "default" or len(self.shop.history) == before

    def issue_all_notes(self) -> None:
        """Let every note be issued that is due, and see that each says what moved, and none is missing."""
        for told, _ in list(notes_due(self.shop)):
            self.tell("IssueCreditNote", told, CLOCK)
        check_notes(self.shop)
        check_all_noted(self.shop)

    @precondition(lambda self: len(self.parcels()) < PARCELS_MAX)
    @rule(items=found)
    def keep_parcel(self, items: list[tuple[int, int, bool]]) -> None:
        name = f"UP-{len(self.parcels())}"
        told: list[dict[str, object]] = []
        for place, quantity, read in items:
            sku = f"S{1 + (place - 1) % len(self.shop.order().lines)}" if place else "HAT"
            serials = [f"{name}-{len(told)}-{n}" for n in range(quantity)] if read else []
            told.append({"sku": sku, "quantity": quantity, "serials": serials})
        self.tell("RecordUnknownParcel", {"parcel_id": name, "site": "W", "items": told}, "warehouse:W")

    @precondition(lambda self: self.returns and self.parcels())
    @rule(which=numbers, index=st.integers(0, PARCELS_MAX))
    def assign_parcel(self, which: int, index: int) -> None:
        name = self.parcels()[index % len(self.parcels())]
        self.tell("AssignParcel", self.on(which, parcel_id=name))

    @rule(line=line_numbers)
    def name_its_kit_elsewhere(self, line: int) -> None:
        """Register another order that names the kit of a line: no kit is two orders'."""
        kit = self.shop.order().lines[self.sold(line)].fact.bundle_id
        if kit:
            told = {
                "order_id": "O-K", "customer_id": "C", "country": "US", "channel": "web", "currency": "EUR",
                "lines": [{"line_id": "L1", "sku": "N", "quantity": 1, "amount_minor": 0, "bundle_id": kit}],
                "tenders": [],
            }  # fmt: skip
            self.tell("RegisterOrder", told, "system:shop")
            assert order_stream("O-K") not in self.shop.aggregates

    @invariant()
    def papers_say_what_is(self) -> None:
        if self.shop.aggregates:
            check_notes(self.shop)
            check_parcels(self.shop.history)
            assigned = [f.originator_id for f in self.shop.history if isinstance(f, UnknownParcel.Assigned)]
            assert len(set(assigned)) == len(assigned), "a parcel belongs to two returns"
            check_kits(self.shop.order(), self.shop.history)

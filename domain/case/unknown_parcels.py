"""A parcel that nobody could place is found to belong to a return: what is in it is received there."""

from __future__ import annotations

from collections.abc import Iterator

from domain.case import Case, receipt
from domain.case.arrivals import Arrivals, ReceivedItem, may_be_of
from domain.case.receipt import Receipt, UnexpectedItem
from domain.errors import WrongStateError
from domain.rma.unknown_parcel import ParcelItem, UnknownParcel


def assign(case: Case, parcel: UnknownParcel) -> None:
    """Receive a parcel under a return; to the same return again it is no second time.

    Articles go to the lines that announced them, in their order, as many as are awaited; the rest is unexpected.

    Raises:
        WrongStateError: It belongs to another return.
        IdentifierReusedError: The return has a receipt of its own under the parcel's id.
    """
    if parcel.rma_id == case.rma.rma_id:
        return
    if parcel.rma_id is not None:
        raise WrongStateError("the parcel belongs to another return", rma_id=str(parcel.rma_id))
    case.rma.is_repeat("receipt_id", parcel.parcel_id, parcel.content_hash)
    parcel.trigger_event(parcel.Assigned, rma_id=case.rma.rma_id, order_id=case.order.order_id, timestamp=case.at)
    sorting = _Sorting(case)
    for item in parcel.items:
        sorting.place(item)
    receipt.receive(
        case,
        Receipt(
            receipt_id=parcel.parcel_id,
            site=parcel.site,
            items=tuple(sorting.placed),
            unexpected=tuple(sorting.unexpected),
            complete=False,
            content_hash=parcel.content_hash,
        ),
    )


class _Sorting:
    """Sorts what is in a parcel by the lines of a return."""

    def __init__(self, case: Case) -> None:
        self._case = case
        arrivals = Arrivals(case)
        self._awaited = {number: arrivals.awaited(number) for number in case.rma.lines}
        self.placed: list[ReceivedItem] = []
        self.unexpected: list[UnexpectedItem] = []

    def place(self, item: ParcelItem) -> None:
        """Find the lines for an article; what is left over has none."""
        left, serials = item.quantity, list(item.serials)
        for number, line in self._case.rma.lines.items():
            count = min(left, self._awaited[number]) if line.asked.sku == item.sku else 0
            if not count:
                continue
            # numbers that fit the line first, then as many others as it has units
            serials.sort(key=lambda serial, number=number: not may_be_of(self._case, number, serial))  # type: ignore[misc]
            self.placed.append(ReceivedItem(number, count, tuple(serials[:count])))
            serials, left = serials[count:], left - count
            self._awaited[number] -= count
        self.unexpected += _left_over(item.sku, left, serials)


def _left_over(sku: str, quantity: int, serials: list[str]) -> Iterator[UnexpectedItem]:
    """Yield what no line awaits, each unit with a number of its own."""
    for serial in serials:
        yield UnexpectedItem(sku, 1, serial)
    if quantity > len(serials):
        yield UnexpectedItem(sku, quantity - len(serials))

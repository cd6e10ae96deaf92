"""What must hold of kits after every command: they are whole where no unit stays, counted unit by unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.fact import Fact
from domain.order import Order
from domain.policy.decision import Decision
from domain.rma import Rma

Unit = tuple[str, int]
DECIDED = (Rma.RemedyOffered, Rma.Authorized, Rma.ReviewAsked, Rma.Denied)


def check_kits(order: Order, history: Iterable[Fact]) -> None:
    """Raise ``AssertionError`` where policy was told of a kit what is not so at the moment of its decision."""
    kits = _kits(order)
    if not kits:
        return
    free = {unit for units in kits.values() for unit in units}
    seen: set[int] = set()
    for fact in history:
        if fact.originator_id == order.id:
            _move(free, fact)
        elif isinstance(fact, DECIDED):
            for decision, line_id in _decisions(fact, order):
                kit = order.lines[line_id].fact.bundle_id
                if id(decision) not in seen:  # an offer that is over carries out what was decided then
                    whole = None if kit is None else not kits.get(kit, set()) & free
                    assert decision.facts.bundle_complete == whole, (kit, free, decision.facts)
                seen.add(id(decision))


def _kits(order: Order) -> dict[str, set[Unit]]:
    """Return the units of each kit that can come back."""
    kits: dict[str, set[Unit]] = {}
    for line_id, account in order.lines.items():
        sold = account.fact
        if sold.bundle_id is not None and sold.kind != "fee":
            kits.setdefault(sold.bundle_id, set()).update((line_id, n) for n in range(1, sold.quantity + 1))
    return kits


def _move(free: set[Unit], fact: Fact) -> None:
    if isinstance(fact, Order.UnitsTaken | Order.UnitsReturned | Order.UnitsCancelled | Order.UnitsFreed):
        moved = {(run.line_id, number) for run in fact.runs for number in range(run.first, run.first + run.count)}
        free -= moved
        if isinstance(fact, Order.UnitsFreed):
            free |= moved


def _decisions(fact: Fact, order: Order) -> Iterator[tuple[Decision, str]]:
    assert isinstance(fact, DECIDED)
    lines: dict[str | None, str] = {
        sold.sku: line_id for line_id, account in order.lines.items() for sold in [account.fact]
    }
    for one in fact.lines:
        yield one.decision, lines[one.decision.facts.sku]

"""What must hold of promotions after every command, computed unit by unit, apart from the code that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.fact import Fact
from domain.order import Order
from domain.order.money_facts import RefundRequested
from domain.order.parts import Credit, LineRun, OrderLine
from domain.order.promotions import Promotion

Unit = tuple[str, int]


def check_promotions(order: Order, history: Iterable[Fact], *, recomputes: bool) -> None:
    """Raise ``AssertionError`` where more was taken off than is lost, or less than a refund by policy could bear.

    After every refund of a return or a cancellation, what was taken off in sum is between nothing and what is lost of
    the promotion; nothing is lost once all its units are gone.
    """
    books = {account.fact.promotion_id: _Book(account.fact, order) for account in order.promotions}
    in_refunds = 0
    for fact in history:
        if isinstance(fact, Order.UnitsCancelled):
            for book in books.values():
                book.cancelled |= _units(fact.runs)
        elif isinstance(fact, RefundRequested):
            _note(fact, books)
            in_refunds += fact.promotion_minor
            for book in books.values():
                book.check(fact, recomputes=recomputes)
    assert in_refunds == sum(book.taken for book in books.values())
    assert in_refunds == sum(refund.promotion_minor for refund in order.refunds.values())
    for account in order.promotions:
        assert account.taken_minor == books[account.fact.promotion_id].taken


@dataclass
class _Book:
    """One promotion, and which units of it are where."""

    fact: Promotion
    order: Order
    returned: set[Unit] = field(default_factory=set)
    cancelled: set[Unit] = field(default_factory=set)
    taken: int = 0

    def __post_init__(self) -> None:
        self.lines = {line.line_id: self.order.lines[line.line_id].fact for line in self.fact.lines}
        self.shares = {line.line_id: line.amount_minor for line in self.fact.lines}
        self.units = {(name, number) for name, line in self.lines.items() for number in range(1, line.quantity + 1)}
        assert sum(self.shares.values()) == self.fact.amount_minor

    def lost(self) -> int:
        """Return what is lost of it now."""
        if not self._holds(self.units) or self._holds(self.units - self.returned):
            return 0
        gone = self.units & (self.returned | self.cancelled)
        return self.fact.amount_minor - sum(_part(self.shares[name], self.lines[name], n) for name, n in gone)

    def _holds(self, kept: set[Unit]) -> bool:
        requires = self.fact.requires
        counted = [(name, n) for name, n in kept if not requires.skus or self.lines[name].sku in requires.skus]
        amount = sum(_part(_after_own_discount(self.lines[name]), self.lines[name], n) for name, n in counted)
        articles = Counter(self.lines[name].sku for name, _ in counted)
        if requires.at_least_minor is None and requires.at_least_quantity is None:
            return all(articles[sku] for sku in requires.skus)
        return amount >= (requires.at_least_minor or 0) and len(counted) >= (requires.at_least_quantity or 0)

    def check(self, fact: RefundRequested, *, recomputes: bool) -> None:
        lost = self.lost()
        assert 0 <= self.taken <= (lost if recomputes else 0), (self.fact, self.taken, lost)
        by_policy = fact.because == "policy" and not fact.stays_sold and fact.rma_id is not None
        assert self.taken == lost or not (recomputes and by_policy and fact.amount_minor), (self.fact, fact, lost)
        if self.units <= self.returned | self.cancelled:
            assert lost == 0 == self.taken, (self.fact, self.taken)


def _note(fact: RefundRequested, books: dict[str, _Book]) -> None:
    for change in fact.promotions:
        books[change.promotion_id].taken += change.amount_minor
    if fact.rma_id is not None and fact.because in {"policy", "agent"} and not fact.stays_sold:
        for book in books.values():
            book.returned |= _units(fact.credits)


def _units(runs: Iterable[Credit | LineRun]) -> set[Unit]:
    return {(run.line_id, number) for run in runs for number in range(run.first, run.first + run.count)}


def _after_own_discount(line: OrderLine) -> int:
    return line.amount_minor - line.discount_minor


def _part(total: int, line: OrderLine, number: int) -> int:
    """Return what of a line's total falls to one unit."""
    return total * number // line.quantity - total * (number - 1) // line.quantity

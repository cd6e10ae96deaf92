"""What must hold of an order and its returns after every command, computed apart from the code that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction

from domain.fact import Fact
from domain.order import Order
from domain.order.accounts import Refund
from domain.order.parts import Credit, OrderLine, TaxShare
from domain.order.payout import Payout
from domain.rma import Rma
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from tests.support.cents_of_units import PAID, cents_of, left_of_units
from tests.support.conservation_of_chargebacks import check_chargebacks
from tests.support.conservation_of_promotions import check_promotions
from tests.support.conservation_of_serials import check_serials
from tests.support.shop import Shop

EXPECTED = frozenset({"with_customer", "in_transit", "delivered", "lost", "kept"})
MADE_GOOD = frozenset({"refund", "store_credit", "exchange", "replacement"})
LIVE = frozenset({"requested", "needs_review", "authorized"})
WORST_FIRST = (("unknown", "unknown"), ("requested", "pending"), ("failed", "failed"), ("settled", "settled"))


def check(shop: Shop, reversed_tenders: frozenset[str | None] = frozenset()) -> None:
    """Raise ``AssertionError`` where units or cents were lost, made up, or counted twice.

    Tenders in ``reversed_tenders`` are those for which a gateway took a failure back: it may then have paid twice.
    """
    order = shop.order()
    returns = [aggregate for aggregate in shop.aggregates.values() if isinstance(aggregate, Rma)]
    _units_are_conserved(order)
    _cancelled_units_never_left(order)
    _each_unit_is_where_its_return_says(order, returns)
    _rounding_goes_back_with_the_last_units(order, shop.history)
    _no_unit_bears_more_than_was_paid(order)
    check_chargebacks(order, returns)
    check_serials(order, returns)
    _taxes_go_back_with_what_they_are_on(order, shop.history)
    _no_tender_gives_more_than_it_paid(order, reversed_tenders)
    _refunds_are_their_payouts(order)
    _books_balance(order, shop.history)
    _store_credit_is_what_the_books_say(order, shop.history)
    terms = [line.terms for rma in returns for line in rma.lines.values()]
    check_promotions(order, shop.history, recomputes=any(one and one.promotions == "recompute" for one in terms))
    for rma in returns:
        for line in rma.lines.values():
            _fee_is_that_of_the_whole(order, rma, line)
            _settlement_is_the_worst(order, line)


def _of(order: Order, history: Iterable[Fact]) -> list[Fact]:
    """Return an order's own facts: orders given in exchange have books of their own."""
    return [fact for fact in history if fact.originator_id == order.id]


def _numbers(first: int, count: int) -> range:
    return range(first, first + count)


def _units_are_conserved(order: Order) -> None:
    """Sold is free and in a return and returned and cancelled: each unit once, in runs without gaps."""
    for account in order.lines.values():
        numbers = [number for run, _ in account.units for number in _numbers(run.first, run.count)]
        assert numbers == list(_numbers(1, account.fact.quantity)), (account.fact.line_id, numbers)


def _cancelled_units_never_left(order: Order) -> None:
    """What was cancelled is not sent, and all of its price and tax went back."""
    for account in order.lines.values():
        cancelled = [
            number for run, state in account.units if state.is_cancelled for number in _numbers(run.first, run.count)
        ]
        sent = max(account.shipped_quantity, account.delivered_quantity)
        assert sent + len(cancelled) <= account.fact.quantity
        for component in ("goods_minor", "tax_minor"):
            left = left_of_units(account.fact, account.credits, component)
            assert all(left[number - 1] == 0 for number in cancelled), (account.fact.line_id, component, left)


def _unit_states(rma: Rma) -> Iterator[tuple[str, int, RunState]]:
    for line in rma.lines.values():
        for run, state in line.states:
            for number in _numbers(run.first, run.count):
                yield line.asked.line_id, number, state


def _each_unit_is_where_its_return_says(order: Order, returns: Iterable[Rma]) -> None:
    """A unit on its way or here is held by its return and no other; nothing is held without such a ground."""
    known = {
        (line_id, number): state
        for line_id, account in order.lines.items()
        for run, state in account.units
        for number in _numbers(run.first, run.count)
    }
    grounds: dict[tuple[str, int], set[tuple[str, object]]] = {unit: {("free", None)} for unit in known}
    for rma in returns:
        for line_id, number, state in _unit_states(rma):
            found = known[line_id, number]
            held, grounded = _ground(state)
            if held is not None:
                assert (found.status, found.rma_id) == (held, rma.rma_id), (line_id, number, state, found)
            grounds[line_id, number] |= {(ground, rma.rma_id) for ground in grounded}
    for unit, found in known.items():
        assert found.is_cancelled or (found.status, found.rma_id) in grounds[unit], (unit, found)


def _ground(state: RunState) -> tuple[str | None, tuple[str, ...]]:
    """Return how a unit must stand in its order by what its return says, and how it may."""
    if state.logistics == "received" and not (state.goods_sent and state.resolution in {"repair", "send_back"}):
        return "returned", ("returned",)
    if state.authorization == "expired" and state.goods_sent:
        return None, ("in_return",)  # the new article went out in advance, the old one is owed
    if state.authorization == "expired" and state.resolution in {"refund", "store_credit"}:
        return None, ("returned",)  # refunded and kept
    if state.authorization not in LIVE:
        return None, ()
    if state.resolution == "undecided" and state.logistics in EXPECTED:
        return "in_return", ("in_return",)
    if state.logistics == "kept" and state.resolution in MADE_GOOD:
        return "returned", ("returned",)
    return None, ("in_return", "returned") if state.resolution != "undecided" else ()


def _no_unit_bears_more_than_was_paid(order: Order) -> None:
    """Per unit, per line and per order: what goes back is at most what was paid, fees never more than that."""
    for account in order.lines.values():
        line = account.fact
        for part in ("goods_minor", "tax_minor", "shipping_minor"):
            whole = getattr(line, part)
            assert 0 <= sum(getattr(credit, part) for credit in account.credits) <= whole, (line.line_id, part)
            for number in range(1, line.quantity + 1):
                covering = [c for c in account.credits if c.first <= number < c.first + c.count]
                if all(c.count == 1 for c in covering):
                    assert sum(getattr(c, part) for c in covering) <= cents_of(whole, line.quantity, number)
        for component in ("goods_minor", "tax_minor", "shipping_minor"):
            assert min(left_of_units(line, account.credits, component), default=0) >= 0, (line.line_id, component)
        for run in _runs(account.credits):
            _run_within_paid(line, account.credits, *run)
        assert sum(credit.fee_minor for credit in account.credits) >= 0
    paid = sum(account.fact.paid_minor + account.fact.shipping_minor for account in order.lines.values())
    credits = [credit for account in order.lines.values() for credit in account.credits]
    own = [refund for refund in _own_refunds(order) if refund.credits]
    refunded = sum(refund.amount_minor - refund.rounding_minor for refund in own) + _credited_elsewhere(order)
    given = sum(credit.gross_minor for credit in credits)
    assert 0 <= refunded <= given - sum(credit.fee_minor for credit in credits) <= given <= paid


def _own_refunds(order: Order) -> list[Refund]:
    """Return the refunds that were not made elsewhere; what gives payments back is among them."""
    elsewhere = {external.refund_id for external in order.external.values()}
    return [refund for refund_id, refund in order.refunds.items() if refund_id not in elsewhere]


def _standing_refunds(order: Order) -> list[Refund]:
    """Return the refunds without the chargebacks that were won."""
    won = {external.refund_id for external in order.external.values() if external.outcome == "won"}
    return [refund for refund_id, refund in order.refunds.items() if refund_id not in won]


def _credited_elsewhere(order: Order) -> int:
    """Return what of the order's cents went back elsewhere and stayed there."""
    live = [external for external in order.external.values() if external.outcome != "won"]
    return sum(credit.gross_minor for external in live for credit in order.refunds[external.refund_id].credits)


def _rounding_goes_back_with_the_last_units(order: Order, history: Iterable[Fact]) -> None:
    """All of it, or what a refund has room for, in one refund, once every unit was given back for; never before."""
    [registered] = [fact for fact in _of(order, history) if isinstance(fact, Order.Registered)]
    whole, given = registered.rounding_minor, [r for r in _standing_refunds(order) if r.rounding_minor]
    back = sum(refund.rounding_minor for refund in given)
    assert order.rounding_left_minor == whole - back
    assert len(given) <= (1 if whole > 0 else len(order.refunds))
    assert back in {0, whole} if whole >= 0 else whole <= back <= 0, given
    goods = [account for account in order.lines.values() if account.fact.kind != "fee"]
    left = [sum(left_of_units(account.fact, account.credits, part)) for account in goods for part in PAID]
    apart = order.external or any(account.set_off for account in goods)
    if whole > 0 and order.refunds and not any(left) and not apart:
        assert back == whole, "everything went back but what cash was rounded by"


def _taxes_go_back_with_what_they_are_on(order: Order, history: Iterable[Fact]) -> None:
    """Per line no code gives more than it was sold with, all of it once all was given back; the books say the same."""
    books: Counter[str | None] = Counter()
    for account in order.lines.values():
        line = account.fact
        given = _taxes_by_code(credit.taxes for credit in account.credits)
        sold = _taxes_by_code([line.taxes, line.shipping_taxes])
        assert all(0 <= amount <= sold[code] for code, amount in given.items()), (line, given)
        if sum(credit.gross_minor for credit in account.credits) == line.paid_minor + line.shipping_minor > 0:
            assert given == sold, (line, given)
        books += given
    posted: Counter[str | None] = Counter()
    for fact in _of(order, history):
        for posting in getattr(fact, "postings", ()):
            if posting.account == "sales_tax":
                posted[posting.tax_code] += posting.amount_minor
    assert +posted == +books, (posted, books)


def _taxes_by_code(several: Iterable[Iterable[TaxShare]]) -> Counter[str | None]:
    sums: Counter[str | None] = Counter()
    for taxes in several:
        for tax in taxes:
            sums[tax.code] += tax.amount_minor
    return sums


def _runs(credits: Iterable[Credit]) -> set[tuple[int, int]]:
    return {(credit.first, credit.count) for credit in credits}


def _run_within_paid(line: OrderLine, credits: Iterable[Credit], first: int, count: int) -> None:
    """What was given back inside a run is at most what its units cost."""
    inside = [c for c in credits if first <= c.first and c.first + c.count <= first + count]
    paid = sum(cents_of(line.goods_minor, line.quantity, number) for number in _numbers(first, count))
    assert sum(credit.goods_minor for credit in inside) <= paid, (line.line_id, first, count)


def _no_tender_gives_more_than_it_paid(order: Order, reversed_tenders: frozenset[str | None]) -> None:
    """Requested, settled and unclear payouts together are within what the tender paid."""
    for tender in order.tenders:
        made = [p for p in order.payouts.values() if p.tender_id == tender.tender_id and not p.returns_payment]
        given = sum(payout.amount_minor for payout in made if payout.status != "failed")
        if tender.tender_id not in reversed_tenders:
            assert given <= tender.amount_minor, (tender, made)
    keys = [payout.idempotency_key for payout in order.payouts.values()]
    assert len(set(keys)) == len(keys)


def _payouts_of(order: Order, refund_id: object) -> list[Payout]:
    return [payout for payout in order.payouts.values() if payout.refund_id == refund_id]


def _refunds_are_their_payouts(order: Order) -> None:
    """The payouts of a refund that were not replaced are its amount, each of them more than nothing.

    With them counts what of the others went back elsewhere. Where more was paid than that, nothing is paid anew; where
    one that was replaced was made all the same, so much less is.
    """
    for refund in order.refunds.values():
        payouts = _payouts_of(order, refund.refund_id)
        made = sum(payout.covered_minor if payout.retried else payout.amount_minor for payout in payouts)
        settled = sum(payout.amount_minor for payout in payouts if payout.status == "settled")
        twice = sum(payout.amount_minor for payout in payouts if payout.retried and payout.is_settled)
        whole = refund.amount_minor
        assert whole - twice <= made <= whole or settled >= whole > made, (refund, payouts)
        assert all(payout.amount_minor > 0 for payout in payouts)
        assert all(0 <= payout.covered_minor <= payout.amount_minor for payout in payouts)


def _books_balance(order: Order, history: Iterable[Fact]) -> None:
    """Every fact's postings sum to zero; what is owed is what has not settled; clearing is what has."""
    history = _of(order, history)
    balances: Counter[str] = Counter()
    for fact in history:
        postings = getattr(fact, "postings", ())
        assert sum(posting.amount_minor for posting in postings) == 0, fact
        for posting in postings:
            balances[posting.account] += posting.amount_minor
    _debts_are_what_the_books_say(order, balances)
    owed = 0
    for refund in _own_refunds(order):
        made = _payouts_of(order, refund.refund_id)
        paid = sum((p.amount_minor if p.status == "settled" else 0) + p.covered_minor for p in made)
        owed += max(refund.amount_minor - paid, 0)
    assert -balances["refunds_owed"] == owed, balances
    paid_in: Counter[str] = Counter()
    for payment in order.payments:
        paid_in["on_account"] += payment.amount_minor
    for fact in history:
        if isinstance(fact, Order.CustomerPaid):
            paid_in[fact.tender_kind] += fact.amount_minor
    for kind in {tender.kind for tender in order.tenders}:
        paid_out = sum(
            p.amount_minor
            for p in order.payouts.values()
            if p.tender_id is not None and not p.set_off and p.tender_kind == kind and p.status == "settled"
        )
        assert -balances[f"clearing:{kind}"] == paid_out - paid_in[kind], balances
    invoices = [tender for tender in order.tenders if tender.kind == "on_account" and tender.from_order_id is None]
    sold = sum(tender.amount_minor for tender in invoices) + sum(order.unpaid_minor.values())
    less = sum(p.amount_minor for p in order.payouts.values() if p.set_off)
    less += sum(payment.amount_minor for payment in order.payments)
    assert balances["accounts_receivable"] == sold - less >= 0, balances
    fees = sum(credit.fee_minor for account in order.lines.values() for credit in account.credits)
    shipping = sum(account.return_shipping_minor for account in order.accounts.values())
    assert -balances["fee_income"] == fees + shipping
    assert balances["cash_rounding"] == sum(refund.rounding_minor for refund in _standing_refunds(order))
    assert -balances["exchange_clearing"] == sum(account.quoted_minor for account in order.exchanges.values())
    assert shipping >= 0


def _debts_are_what_the_books_say(order: Order, balances: Counter[str]) -> None:
    """What customers owe is what is open; nothing is kept, or lost, of what turned out not to be owed.

    As long as nobody can tell whether a payout was made, nobody can tell either whether a surplus was none.
    """
    debts = order.receivables
    assert balances["customer_receivable"] == sum(debt.open_minor for debt in debts.values()), (balances, debts)
    assert balances["bad_debt"] == sum(debt.written_off_minor for debt in debts.values()), (balances, debts)
    unclear = any(payout.status in {"unknown", "requested"} for payout in order.payouts.values())
    for key, debt in debts.items():
        kept = sum(payment.kept_minor[key] for payment in order.customer_payments.values())
        assert 0 <= kept <= debt.paid_minor, (debt, kept)
        if debt.open_minor < 0 and not (debt.because == "surplus" and unclear):
            assert kept == debt.written_off_minor == 0, (debt, kept)


def _store_credit_is_what_the_books_say(order: Order, history: Iterable[Fact]) -> None:
    """What holders have left is what the ledger owes in store credit; none was spent further than it was given."""
    history = _of(order, history)
    given: Counter[object] = Counter()
    spent: Counter[object] = Counter()
    owed = 0
    for fact in history:
        moved = -sum(p.amount_minor for p in getattr(fact, "postings", ()) if p.account == "store_credit_liability")
        owed += moved
        if isinstance(fact, Order.StoreCreditSpent):
            spent[fact.credit_id] -= moved
            assert spent[fact.credit_id] <= given[fact.credit_id], fact
        elif moved:
            given[getattr(fact, "credit_id", None) or getattr(fact, "payout_id", None)] += moved
    assert sum(credit.balance_minor for credit in order.store_credit.values()) == owed
    assert {key: credit.issued_minor for key, credit in order.store_credit.items() if credit.issued_minor} == +given


def _fee_is_that_of_the_whole(order: Order, rma: Rma, line: RmaLine) -> None:
    """However a line was refunded, and given back: its fee is that of all cents that bear one, rounded once."""
    if line.terms is None or rma.rma_id not in order.accounts:
        return
    bearing = [credit for credit in order.accounts[rma.rma_id].charged if credit.line == line.asked.line]
    whole = Fraction(sum(credit.fee_base_minor for credit in bearing) * line.terms.fees.restocking_bps, 10_000)
    assert sum(credit.fee_minor for credit in bearing) == round(whole), (line.asked, bearing)


def _settlement_is_the_worst(order: Order, line: RmaLine) -> None:
    """A unit's settlement is that of the worst refund that it is part of."""
    for run, state in line.states:
        ids = {part.refund_id for part in line.refunded if part.first < run.end and run.first < part.first + part.count}
        if not ids or state.resolution not in {"refund", "store_credit", "exchange"}:
            continue
        found = {status for number in _numbers(run.first, run.count) for status in [_worst(order, line, number)]}
        assert found == {state.settlement}, (run, state, found)


def _worst(order: Order, line: RmaLine, number: int) -> str:
    ids = {part.refund_id for part in line.refunded if part.first <= number < part.first + part.count}
    made = [p for p in order.payouts.values() if p.refund_id in ids and not p.retried]
    statuses = {p.status for p in made if p.status != "failed" or not (p.gave_way or p.covered_minor == p.amount_minor)}
    if not ids:
        return "none"
    return next((name for status, name in WORST_FIRST if status in statuses), "settled")

"""Whole orders driven to their end: everything that is owed is paid, everything that was exchanged has its order."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from domain.errors import RuleViolationError
from domain.order import Order
from domain.settlement.tenders import owed
from tests.support.shop import Shop
from tests.support.stories import day, on_return

ROUNDS_MAX: Final = 10
OPEN_ACCOUNTS: Final = ("exchange_clearing", "accounts_receivable", "customer_receivable", "refunds_owed")


class StillOpenError(AssertionError):
    """Something stays open, however often everything that is owed is paid."""


def settle(shop: Shop, at_day: int) -> None:
    """Let gateways pay every payout, customers every debt, and shops register the order of each exchange.

    Raises:
        StillOpenError: Something moves even after ``ROUNDS_MAX`` rounds.
    """
    for number in range(ROUNDS_MAX):
        before = len(shop.history)
        for order in _orders(shop):
            _answer_payouts(shop, order, at_day)
            _close_exchanges(shop, order, at_day, number)
            _pay_debts(shop, order, at_day, number)
        if len(shop.history) == before:
            return
    raise StillOpenError("it has no end")


def open_balances(shop: Shop) -> dict[str, int]:
    """Return what stands on the accounts that an order's end closes, over all orders; those at zero left out."""
    balances: Counter[str] = Counter()
    for fact in shop.history:
        for posting in getattr(fact, "postings", ()):
            balances[posting.account] += posting.amount_minor
    return {account: balances[account] for account in OPEN_ACCOUNTS if balances[account]}


def _orders(shop: Shop) -> list[Order]:
    return [found for found in shop.aggregates.values() if isinstance(found, Order)]


def _tell(shop: Shop, name: str, data: dict[str, Any], at_day: int, actor: str = "gateway:g") -> None:
    try:
        shop.send(name, data, actor=actor, at=day(at_day))
    except RuleViolationError:
        return


def _answer_payouts(shop: Shop, order: Order, at_day: int) -> None:
    for payout in list(order.payouts.values()):
        told = on_return(payout.rma_id, order.order_id, payout_id=str(payout.payout_id))
        if payout.status in {"requested", "unknown"}:
            _tell(shop, "RecordPayoutOutcome", {**told, "outcome": "settled"}, at_day)
        elif payout.has_failed and not payout.retried:
            _tell(shop, "RetryPayout", {**told, "as_store_credit": True}, at_day, "agent:A")


def _close_exchanges(shop: Shop, order: Order, at_day: int, number: int) -> None:
    for place, ((rma_id, line), account) in enumerate(list(order.exchanges.items())):
        if account.quoted_minor <= 0:
            continue
        tenders = [
            {"tender_id": "E", "kind": "exchange", "amount_minor": account.carried_minor},
            {"tender_id": "P", "kind": "card", "amount_minor": account.difference_minor},
        ]
        sold = {"line_id": "L1", "sku": "N", "quantity": 1, "amount_minor": account.quoted_minor}
        told = {
            "order_id": f"{order.order_id}-{number}-{place}", "customer_id": "C", "country": "US", "channel": "web",
            "currency": "EUR", "lines": [sold], "tenders": tenders,
            "exchange_of": {"order_id": order.order_id, "rma_id": str(rma_id), "line": line},
        }  # fmt: skip
        _tell(shop, "RegisterOrder", told, at_day, "system:shop")


def _pay_debts(shop: Shop, order: Order, at_day: int, number: int) -> None:
    for tender in order.tenders:
        if due := owed(order, tender.tender_id):
            name = f"END-{number}-{tender.tender_id}"
            told = {"order_id": order.order_id, "payment_id": name, "tender_id": tender.tender_id, "amount_minor": due}
            _tell(shop, "RecordPayment", told, at_day)
    for place, debt in enumerate(list(order.receivables.values())):
        if debt.open_minor > 0:
            name = f"END-{number}-{place}"
            paid = {"payment_id": name, "amount_minor": debt.open_minor, "tender_kind": "card"}
            _tell(shop, "RecordCustomerPayment", on_return(debt.rma_id, order.order_id, **paid), at_day)

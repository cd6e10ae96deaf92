"""The order's aggregate as an automaton: real decisions, made once per state and command, checked each time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from domain import ledger
from domain.fact import Fact
from domain.order.payout import Payout
from domain.settlement import payout_saga, tenders
from domain.vocabularies import PayoutOutcome
from tests.support.shop import ORDERED, RMA_ID, Shop

PayoutNumber = int
"""Payouts, facts and questions have numbers in the order in which they were met: small things make small worlds."""


LATEST: Final = 4
"""The business time of what happens beside gateways' news: later than all of those."""


class Sent(NamedTuple):
    """A command on its way."""

    payout: PayoutNumber
    outcome: PayoutOutcome
    command_id: str
    at: int
    """Its business time: when the gateway came to it, or what is later than all of that where nobody can tell."""


class Books:
    """The order's aggregate as an automaton: real decisions, made once per state and command."""

    def __init__(self, shop: Shop) -> None:
        self.shops = [shop]
        self.facts: list[Fact] = []
        self._payout_numbers = {payout: number for number, payout in enumerate(shop.order().payouts)}
        self._numbers: dict[object, int] = {_identity(shop): 0}
        self._fact_numbers: dict[tuple[object, ...], int] = {}
        self._moves: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}

    def number_of(self, fact: Fact) -> int:
        told = [getattr(fact, name, None) for name in ("superseded", "gave_way", "payouts")]
        key = (type(fact).__name__, payout_saga.payouts_of(fact), *told)
        if key not in self._fact_numbers:
            self._fact_numbers[key] = len(self.facts)
            self.facts.append(fact)
        return self._fact_numbers[key]

    def payouts(self, books: int) -> dict[PayoutNumber, Payout]:
        """Return the order's payouts, in the order in which they were made."""
        payouts = self.shops[books].order().payouts.values()
        return {self.payout_number(payout.payout_id): payout for payout in payouts}

    def payout_number(self, payout: UUID) -> PayoutNumber:
        """Return a payout's number: those of the refund come first, then each that was made anew."""
        return self._payout_numbers.setdefault(payout, len(self._payout_numbers))

    def record(self, books: int, sent: Sent) -> tuple[int, tuple[int, ...]]:
        """Let the order decide on a command; return its next state and the new facts."""
        payout = self.payouts(books)[sent.payout].payout_id
        data = {"order_id": "O-1", "rma_id": str(RMA_ID), "payout_id": str(payout)}
        if sent.command_id.startswith("retry"):
            return self._move(books, "RetryPayout", data, sent.at)
        return self._move(books, "RecordPayoutOutcome", data | {"outcome": sent.outcome}, sent.at)

    def has_room(self, books: int, payout: Payout) -> bool:
        """Tell whether a payout's tender has room to make it anew: not where the gateway paid what had given way."""
        return tenders.room(self.shops[books].order(), payout.tender_id or "") >= payout.left_minor

    def money_went_back(self, books: int, external_id: str, amount_minor: int) -> tuple[int, tuple[int, ...]]:
        """Let so much have been charged back, just now."""
        told = {"external_id": external_id, "tender_id": "T1", "amount_minor": amount_minor, "kind": "chargeback"}
        return self._move(books, "RecordExternalRefund", {"order_id": "O-1", **told}, LATEST)

    def dispute_is_won(self, books: int, external_id: str) -> tuple[int, tuple[int, ...]]:
        """Let a chargeback have come back, just now."""
        told = {"order_id": "O-1", "external_id": external_id, "outcome": "won"}
        return self._move(books, "RecordChargebackOutcome", told, LATEST)

    def disputed(self, books: int) -> list[str]:
        """Return the chargebacks that may still be won."""
        return [name for name, known in self.shops[books].order().external.items() if known.outcome is None]

    def _move(self, books: int, name: str, data: Mapping[str, object], at: int) -> tuple[int, tuple[int, ...]]:
        key = (books, name, tuple(data.items()), at)
        if key not in self._moves:
            shop = copy.deepcopy(self.shops[books])
            actor = "agent:A1" if name == "RetryPayout" else "gateway:G1"
            facts = shop.send(name, dict(data), actor=actor, at=ORDERED + timedelta(days=30, hours=at))
            assert_in_balance(shop)
            identity = _identity(shop)
            if identity not in self._numbers:
                self._numbers[identity] = len(self.shops)
                self.shops.append(shop)
            relevant = tuple(self.number_of(fact) for fact in facts if payout_saga.payouts_of(fact))
            self._moves[key] = (self._numbers[identity], relevant)
        return self._moves[key]


def _identity(shop: Shop) -> object:
    order = shop.order()
    payouts = tuple(
        (p.payout_id, p.status, p.retried, p.gave_way, p.covered_minor, p.amount_minor) for p in order.payouts.values()
    )
    disputes = tuple((name, known.outcome) for name, known in order.external.items())
    news = tuple((n.latest, n.latest_at, n.final_at, frozenset(n.late)) for n in order.news.values())
    settlement = tuple(state.settlement for line in shop.rma().lines.values() for _, state in line.states)
    return payouts, disputes, news, tuple(sorted(balances(shop).items())), settlement


def balances(shop: Shop) -> dict[str, int]:
    """Return every account's balance over all facts of the order, in minor units."""
    found: dict[str, int] = {}
    for fact in shop.history:
        for posting in getattr(fact, "postings", ()):
            found[posting.account] = found.get(posting.account, 0) + posting.amount_minor
    return {account: amount for account, amount in found.items() if amount}


def assert_in_balance(shop: Shop) -> None:
    """Check that what is owed is each refund less what was paid of it, and what went beyond is owed to us.

    What went back elsewhere pays what it covers. Everything was refunded before, so that the rest of it is too much.
    """
    order, accounts = shop.order(), balances(shop)
    elsewhere = {known.refund_id: known for known in order.external.values()}
    owed = over = settled_all = 0
    for refund in order.refunds.values():
        of_refund = [order.payouts[p] for p in refund.payouts]
        settled = sum(payout.amount_minor for payout in of_refund if payout.status == "settled")
        settled_all += settled
        if refund.refund_id in elsewhere:
            over += settled and settled - sum(cover.amount_minor for cover in elsewhere[refund.refund_id].covers)
            continue
        paid = settled + sum(payout.covered_minor for payout in of_refund)
        owed += max(refund.amount_minor - paid, 0)
        over += max(paid - refund.amount_minor, 0)
    assert sum(accounts.values()) == 0, accounts
    assert -accounts.get(ledger.REFUNDS_OWED, 0) == owed, (accounts, owed)
    assert accounts.get(ledger.CUSTOMER_RECEIVABLE, 0) == over, (accounts, over)
    clearing = sum(amount for account, amount in accounts.items() if account.startswith("clearing:"))
    assert -clearing == settled_all, (accounts, settled_all)

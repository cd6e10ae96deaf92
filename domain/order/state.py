"""What an order's facts add up to, and the questions that rules ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.content import is_same_content
from domain.errors import IdentifierReusedError, UnitsNotAvailableError, UnknownLineError
from domain.identity import customer_stream
from domain.order.accounts import (
    FREE,
    Claim,
    ExchangedLine,
    ExternalRefund,
    LineAccount,
    PayoutNews,
    Refund,
    RmaAccount,
    StoreCredit,
    UnitState,
    status_by,
)
from domain.order.debts import CustomerPayment, ExchangeAccount, Receivable
from domain.order.parts import Credit, LineRun, OrderLine, Payment, PolicyPin
from domain.order.payout import Payout
from domain.order.promotions import Going, Promotion, PromotionAccount, PromotionChange
from domain.order.serials import SerialNotAvailableError
from domain.units import UnitRun, UnitStates, runs_of, take, total, without
from domain.vocabularies import FINAL_OUTCOMES, OwedFor, PayoutOutcome


class OrderState:
    """The state of an order; its facts assign to it, its rules read it."""

    order_id: str
    customer_id: str
    contact: str | None
    policy: PolicyPin | None
    rounding_left_minor: int
    """What cash was rounded by, and has yet to go back (minor units)."""

    def __init__(self, lines: Iterable[OrderLine], promotions: Iterable[Promotion] = ()) -> None:
        self.lines = {
            line.line_id: LineAccount(line, UnitStates([(UnitRun(1, line.quantity), FREE)])) for line in lines
        }
        self.promotions = [
            PromotionAccount(one, {line.line_id: self.lines[line.line_id].fact for line in one.lines})
            for one in promotions
        ]
        self.recorded: dict[tuple[str, str], str] = {}
        self.accounts: dict[UUID, RmaAccount] = {}
        self.taken_at: dict[UUID, datetime] = {}
        """When each return first took units."""
        self.refunds: dict[UUID, Refund] = {}
        self.payouts: dict[UUID, Payout] = {}
        self.payments: list[Payment] = []
        self.customer_payments: dict[str, CustomerPayment] = {}
        self.receivables: dict[tuple[UUID | None, OwedFor], Receivable] = {}
        self.exchanges: dict[tuple[UUID, int], ExchangeAccount] = {}
        self.moved_minor: dict[str, int] = {}
        """What of each tender goes back through the order of a new article, minor units."""
        self.unpaid_minor: dict[str, int] = {}
        """What of each tender is owed, as the exchange that carried it here was called off, minor units."""
        self.news: dict[UUID, PayoutNews] = {}
        self.claims: dict[str, Claim] = {}
        self.external: dict[str, ExternalRefund] = {}
        self.store_credit: dict[UUID, StoreCredit] = {}

    # what facts assign

    def put(self, runs: Iterable[LineRun], state: UnitState) -> None:
        """Let units stand somewhere, whatever stood there before."""
        for run in runs:
            account = self.lines[run.line_id]
            account.units.put([run.run], state)
            if not state.is_returned:
                account.serials.go_out(run.run)

    def let_go(self, runs: Iterable[LineRun | Credit], *, returned: bool) -> None:
        """Count units out of the promotions they were sold under, each once: they went back, or were cancelled."""
        going = self.newly_gone(runs)
        for line_id, run in going:
            self.lines[line_id].gone.put([run], state=True)
        for promotion in self.promotions:
            promotion.go(going, returned=returned)

    def take_off(self, changes: Iterable[PromotionChange]) -> None:
        """Count in what a refund took off for promotions, or gave back of it (below zero)."""
        for change in changes:
            promotion = next(one for one in self.promotions if one.fact.promotion_id == change.promotion_id)
            promotion.taken_minor += change.amount_minor

    def hear_of_payout(self, payout_id: UUID, outcome: PayoutOutcome, at: datetime, *, superseded: bool) -> None:
        """Note what a gateway said of a payout, and what that means for store credit; older news change nothing."""
        news = self.news.get(payout_id)
        if news is not None and superseded:
            news.late.add((outcome, at))
            return
        known = news or PayoutNews(outcome, at)
        final_at = at if outcome in FINAL_OUTCOMES else known.final_at
        self.news[payout_id] = replace(known, latest=outcome, latest_at=at, final_at=final_at)
        payout = self.payouts[payout_id] = replace(self.payouts[payout_id], status=status_by(outcome))
        if payout.tender_id is None:
            credit = self.store_credit.setdefault(payout.credit, StoreCredit(payout.rma_id))
            adding = [other for other in self.payouts.values() if other.credit == payout.credit]
            credit.issued_minor = sum(other.amount_minor for other in adding if other.is_settled)

    def set_off(self, rma_id: UUID, credits: Sequence[Credit], *, quote_minor: int, return_shipping_minor: int) -> None:
        """Count in what an exchange took of a line's cents, or what one that was called off gave back (below zero)."""
        account = self.account_kept(rma_id)
        for credit in credits:
            line = self.lines[credit.line_id]
            line.set_off.append(len(line.credits))
            line.credits.append(credit)
            account.bear(credit)
        for number in {credit.line for credit in credits}:
            account.quotes[number] = account.quotes.get(number, 0) + quote_minor
            exchange = self.exchanges.setdefault((rma_id, number), ExchangeAccount())
            exchange.quoted_minor += quote_minor
            worth = sum(credit.gross_minor - credit.fee_minor for credit in credits)
            exchange.carried_minor += worth - return_shipping_minor
            account.return_shipping[number] = account.return_shipping.get(number, 0) + return_shipping_minor
            line_of = account.exchanged.setdefault(number, ExchangedLine())
            line_of.worth_minor += worth
            line_of.return_shipping_minor += return_shipping_minor

    def owe(self, rma_id: UUID | None, because: OwedFor, amount_minor: int, at: datetime) -> None:
        """Let the customer owe more, or less (below zero) where an earlier fact is taken back."""
        if amount_minor:
            self.receivables.setdefault((rma_id, because), Receivable(rma_id, because, at)).move(amount_minor)

    def account_kept(self, rma_id: UUID) -> RmaAccount:
        """Return the account of one return, to count in what a fact moved."""
        return self.accounts.setdefault(rma_id, RmaAccount())

    # what rules ask

    @property
    def person(self) -> str:
        """Whose texts the facts hold: those of the order's customer."""
        return customer_stream(self.customer_id)

    @property
    def partition_key(self) -> str:
        """The key that keeps an order's facts and those of its returns in one partition."""
        return self.order_id

    def line(self, line_id: str) -> LineAccount:
        """Return a line's account; raises ``UnknownLineError``."""
        if line_id not in self.lines:
            raise UnknownLineError(f"the order has no line {line_id}", line_id=line_id)
        return self.lines[line_id]

    def account(self, rma_id: UUID) -> RmaAccount:
        """Return what one return has moved so far; an empty account where it has moved nothing."""
        return self.accounts.get(rma_id) or RmaAccount()

    def exchange_of_line(self, rma_id: UUID, line: int) -> ExchangeAccount:
        """Return what a line's exchanges put into new articles that no order closed; empty where nothing is."""
        return self.exchanges.get((rma_id, line)) or ExchangeAccount()

    def is_repeat(self, name: str, value: str, content_hash: str) -> bool:
        """Tell whether this very fact is already recorded; raises ``IdentifierReusedError`` for another one."""
        known = self.recorded.get((name, value))
        if known is not None and not is_same_content(known, content_hash):
            raise IdentifierReusedError(name, value)
        return known is not None

    def all_free(self, line_id: str, taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
        """Return the free units of a line, beside those just ``taken``; raises ``UnknownLineError``."""
        free = [run for run, state in self.line(line_id).units if state.is_free]
        return without(free, taken) if taken else free

    def free_runs(self, line_id: str, quantity: int, taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
        """Return the lowest-numbered free units of a line, beside those just ``taken``.

        Raises:
            UnitsNotAvailableError: Fewer are free.
        """
        free = self.all_free(line_id, taken)
        if total(free) < quantity:
            raise UnitsNotAvailableError(line_id=line_id, asked=quantity, available=total(free))
        return take(free, quantity)

    def runs_with(self, line_id: str, serials: Iterable[str]) -> list[UnitRun]:
        """Return the units of a line with these serial numbers; raises ``SerialNotAvailableError``."""
        account, units = self.line(line_id), []
        for serial in serials:
            unit = account.serials.unit_of(serial)
            if unit is None or not all(state.is_free for _, state in account.units.within([UnitRun(unit, 1)])):
                raise SerialNotAvailableError(serial, line_id=line_id)
            units.append(unit)
        return runs_of(units)

    def newly_gone(self, runs: Iterable[LineRun | Credit]) -> list[Going]:
        """Return those of the units that did not go before; none where nothing was sold under a promotion."""
        return (
            []
            if not self.promotions
            else [
                (part.line_id, run)
                for part in runs
                for run, is_gone in self.lines[part.line_id].gone.within([part.run])
                if not is_gone
            ]
        )

    def states_within(self, runs: Iterable[LineRun]) -> list[tuple[LineRun, UnitState]]:
        """Return the states of the units in these runs, cut where they differ."""
        return [
            (LineRun(part.line_id, run.first, run.count), state)
            for part in runs
            for run, state in self.lines[part.line_id].units.within([part.run])
        ]

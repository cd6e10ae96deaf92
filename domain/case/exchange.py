"""Units set off against another article, and that called off again while nothing of it has left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain import ledger
from domain.case import Case, fees, payouts, refunds, shares
from domain.ledger import Posting
from domain.money import part_minor, spread_minor
from domain.order.money_facts import EXCHANGE_BONUS
from domain.order.parts import Credit
from domain.rma.parts import RmaRun
from domain.rma.state import RmaLine
from domain.settlement import entitlement, exchange_orders, overpayments
from domain.settlement.refund import net_minor
from domain.settlement.sales_returns import sales_return
from domain.units import UnitRun, total, without
from domain.values import dataclass

PROMISES: Final = frozenset({"exchange", "replacement"})
"""Resolutions that promise an article."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What units are worth to an exchange, or were to one that is called off (below zero), in minor units."""

    credits: tuple[Credit, ...]
    return_shipping_minor: int = 0

    @property
    def restocking_minor(self) -> int:
        """The restocking fees on it."""
        return sum(credit.fee_minor for credit in self.credits)

    @property
    def net_minor(self) -> int:
        """What of it can pay for an article."""
        return net_minor(self.credits, self.return_shipping_minor)


def exchange(case: Case, runs: Sequence[RmaRun]) -> None:
    """Set units off against the article wished for: a higher quote is owed to us, a lower one refunded in part."""
    order, rma = case.order, case.rma
    line = rma.lines[runs[0].line]
    worth = _worth(case, runs)
    quote = _quote(case, line, worth.net_minor)
    over: list[Credit] = []
    if quote < worth.net_minor:
        over = entitlement.limit(
            [replace(c, fee_minor=0, fee_base_minor=0) for c in worth.credits], worth.net_minor - quote
        )
        kept = (entitlement.less(credit, part) for credit, part in zip(worth.credits, over, strict=True))
        worth = replace(worth, credits=tuple(kept))
    order.trigger_event(
        order.Exchanged,
        rma_id=rma.rma_id,
        credits=worth.credits,
        quote_minor=quote,
        restocking_minor=worth.restocking_minor,
        return_shipping_minor=worth.return_shipping_minor,
        currency=order.currency,
        postings=_postings(worth, quote),
        timestamp=case.at,
    )
    number = line.asked.line
    exchange_orders.close_ahead(order, rma.rma_id, number, case.at)
    if line.bonus_minor and number not in order.account(rma.rma_id).bonuses:
        payouts.grant_goodwill(case, line.bonus_minor, line=number, reason=EXCHANGE_BONUS)
    if over:
        payouts.start(case, refunds.request(case, over, because="exchange_difference"))
    payouts.follow_refunds(case, runs)


def _worth(case: Case, runs: Sequence[RmaRun]) -> Worth:
    """Return what units of one line are worth: what policy grants, less the fees that its terms take on exchanges."""
    line = case.rma.lines[runs[0].line]
    credits = shares.granted(case, refunds.entitlement(case, runs))
    if not fees.are_taken_on_exchange(line):
        return Worth(tuple(credits))
    credits = refunds.with_restocking(case, credits)
    return Worth(tuple(credits), refunds.return_shipping_now(case, runs, net_minor(credits)))


def _postings(worth: Worth, quote_minor: int) -> tuple[Posting, ...]:
    """Return what setting off posts; what the units do not cover of the quote is the customer's to pay."""
    return ledger.entry(
        *sales_return(worth.credits),
        (ledger.CUSTOMER_RECEIVABLE, quote_minor - worth.net_minor),
        (ledger.EXCHANGE_CLEARING, -quote_minor),
        (ledger.FEE_INCOME, -worth.restocking_minor - worth.return_shipping_minor),
    )


def _quote(case: Case, line: RmaLine, worth: int) -> int:
    """Return the part of the shop's quote that falls to units just exchanged; without a quote, an even exchange."""
    asked = line.asked.quote_minor
    if asked is None:
        return worth
    exchanged = sum(run.count for run, state in line.states if state.is_exchanged)
    taken_up = case.order.account(case.rma.rma_id).quotes.get(line.asked.line, 0)
    return max(part_minor(asked, max(line.asked.quantity, exchanged), 0, exchanged) - taken_up, 0)


def promised(case: Case, runs: Sequence[RmaRun]) -> list[RmaRun]:
    """Return those of the units that are exchanged for an article that has not left, and can be called off.

    Not those whose worth went back through the order of the new article: nothing is left of it to give anew.
    """
    waiting = [run for run, state in case.rma.states_of(runs) if state.is_exchanged and not state.has_goods_out]
    lines = {number: [run for run in waiting if run.line == number] for number in {run.line for run in waiting}}
    return [run for run in waiting if _stands(case, run.line, lines[run.line])]


def _stands(case: Case, number: int, runs: Sequence[RmaRun]) -> bool:
    """Tell whether what units of a line were worth is still with the exchange, or in the order that closed it."""
    account = case.order.exchange_of_line(case.rma.rma_id, number)
    carried = sum(closing.carried_minor for closing in account.closings)
    return not account.has_given_back or -called_off(case, runs).net_minor <= account.carried_minor + carried


def call_off(case: Case, runs: Sequence[RmaRun]) -> None:
    """Call off the exchange of units that were ``promised`` an article: they are worth again what they were."""
    for number in sorted({run.line for run in runs}):
        _call_off(case, number, [run for run in runs if run.line == number])


def _call_off(case: Case, number: int, runs: Sequence[RmaRun]) -> None:
    order = case.order
    worth = called_off(case, runs)
    quote = _quote_of(case, number, runs, worth=-worth.net_minor)
    order.trigger_event(
        order.ExchangeCalledOff,
        rma_id=case.rma.rma_id,
        credits=worth.credits,
        quote_minor=quote,
        restocking_minor=-worth.restocking_minor,
        return_shipping_minor=-worth.return_shipping_minor,
        currency=order.currency,
        postings=_postings(worth, -quote),
        timestamp=case.at,
    )
    exchange_orders.reopen(order, case.rma.rma_id, number, case.at)
    overpayments.give_back(order, case.rma.rma_id, "exchange_difference", case.at)


def called_off(case: Case, runs: Sequence[RmaRun]) -> Worth:
    """Return what of these units of one line is set off, below zero, one credit for each run, with the fees on it.

    Fees that were given back in money since are not given back again. Return shipping stays with the other exchanged
    units of the line, as far as they are worth it.
    """
    number = runs[0].line
    stood = [_stands_of(case, run) for run in runs]
    backs = {(back.first, back.count): back for back in refunds.restocking_back(case, number, runs)}
    gross = sum(credit.gross_minor for credit in stood)
    bore = _return_shipping_of(case, number, gross + sum(back.fee_minor for back in backs.values()))
    shipping = min(bore, case.order.account(case.rma.rma_id).return_shipping.get(number, 0))
    credits = []
    for stands in entitlement.limit(stood, max(gross - (bore - shipping), 0)):
        nothing = entitlement.less(stands, stands)
        back = backs.get((stands.first, stands.count), nothing)
        credits.append(entitlement.plus(entitlement.less(nothing, stands), back))
    return Worth(tuple(credits), -shipping)


def _stands_of(case: Case, run: RmaRun) -> Credit:
    """Return what of units is set off, without the restocking fee that was given back for them in money since."""
    account = case.order.lines[case.rma.lines[run.line].asked.line_id]
    stands = entitlement.set_off_of(account, run.run, line=run.line)
    paid_since = sum(
        spread_minor(min(credit.fee_minor, 0), credit.run, run.run, account.fact.paid_of)
        for credit in case.order.account(case.rma.rma_id).charged_on(run.line)
        if not credit.gross_minor
    )
    (stands,) = entitlement.limit([stands], max(stands.gross_minor + paid_since, 0))
    return stands


def _return_shipping_of(case: Case, number: int, going_minor: int) -> int:
    """Return what of the return shipping that a line's exchanges bore falls to units worth so much to them."""
    bore = case.order.account(case.rma.rma_id).exchanged.get(number)
    return max(bore.return_shipping_minor - max(bore.worth_minor - going_minor, 0), 0) if bore else 0


def _quote_of(case: Case, number: int, runs: Sequence[RmaRun], *, worth: int) -> int:
    """Return what of the quote taken up falls to some of a line's exchanged units, unit by unit in their order.

    What the other units are worth stays covered: a cent that was refunded for the line may be another unit's.
    """
    line, account = case.rma.lines[number], case.order.account(case.rma.rma_id)
    if line.asked.exchange_for is None:
        return worth
    taken_up, bore = account.quotes.get(number, 0), account.exchanged[number]
    mine = [run.run for run in runs]
    others = without([run for run, state in line.states if state.is_exchanged], mine)
    units, quote = total(mine) + total(others), 0
    for run in runs:
        before = sum(_units_before(other, run.first) for other in (*others, *mine))
        quote += part_minor(taken_up, units, before, before + run.count)
    return min(quote, taken_up - (bore.worth_minor - bore.return_shipping_minor - worth))


def _units_before(run: UnitRun, first: int) -> int:
    return max(min(run.end, first) - run.first, 0)

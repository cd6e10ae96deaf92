"""What must hold of credit notes: numbers without a gap, each its own subject, and the figures of what moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from domain.fact import Fact
from domain.order import Order
from domain.settlement.credit_note_series import CreditNoteSeries
from tests.support.shop import Shop

Body = dict[str, Any]
Taxes = Counter[str]


def notes_due(shop: Shop) -> Iterator[tuple[Body, int]]:
    """Yield what each note that is due is asked for with, and its gross in minor units, read off the facts alone."""
    claims: dict[str, list[int]] = {}
    for fact in shop.history:
        order = shop.aggregates[fact.originator_id]
        if not isinstance(order, Order):
            continue
        about = {"series_id": "default", "order_id": order.order_id}
        of_return = {"rma_id": str(rma_id)} if (rma_id := getattr(fact, "rma_id", None)) else {}
        if isinstance(fact, Order.RefundRequested) and fact.amount_minor:
            yield {**about, **of_return, "refund_id": str(fact.refund_id)}, fact.amount_minor
        elif isinstance(fact, Order.ExternalRefundRecorded) and fact.credited_minor:
            yield {**about, "refund_id": str(fact.refund_id)}, fact.credited_minor
        elif isinstance(fact, Order.ChargebackDecided) and fact.outcome == "won" and fact.credited_minor:
            yield {**about, "external_id": fact.external_id}, fact.credited_minor
        elif isinstance(fact, Order.ClaimRaised):
            names = claims.setdefault(order.order_id, [])
            names.append(fact.amount_minor)
            name = fact.claim_id or f"claim/{len(names)}"
            yield {**about, **of_return, "claim_id": name}, fact.amount_minor
        elif isinstance(fact, Order.ClaimReversed) and fact.reversal:
            reversed_one = {"claim_id": fact.claim_id, "reversal": fact.reversal}
            yield {**about, **of_return, **reversed_one}, fact.amount_minor


def check_notes(shop: Shop) -> None:
    """Raise ``AssertionError`` where a number is missing or there twice, or a note says other than what moved."""
    issued = [fact for fact in shop.history if isinstance(fact, CreditNoteSeries.Issued)]
    by_year: Counter[tuple[str, str]] = Counter()
    for note in issued:
        prefix, year, number = note.number.rsplit("-", 2)
        by_year[prefix, year] += 1
        assert int(number) == note.sequence == by_year[prefix, year], note.number
        assert note.gross_minor == note.net_minor + note.tax_minor == sum(line.gross_minor for line in note.lines), note
        assert note.tax_minor == sum(tax.amount_minor for tax in note.taxes), note
    due = Counter((_name(told), gross) for told, gross in notes_due(shop))
    told = Counter((_name_of(note), note.gross_minor) for note in issued)
    assert max(told.values(), default=1) == 1, told
    assert told.keys() <= due.keys(), told - due


def check_all_noted(shop: Shop) -> None:
    """Raise ``AssertionError`` where something has no note, or the notes' taxes are not those that went back."""
    issued = [fact for fact in shop.history if isinstance(fact, CreditNoteSeries.Issued)]
    assert len(issued) == sum(1 for _ in notes_due(shop))
    assert {_name_of(note) for note in issued} == {_name(told) for told, _ in notes_due(shop)}
    noted: Taxes = Counter()
    for note in issued:
        for tax in note.taxes:
            noted[tax.code] += tax.amount_minor if note.kind == "credit" else -tax.amount_minor
    assert +noted == +_taxes_of_refunds(shop.history), noted


def _taxes_of_refunds(history: Iterable[Fact]) -> Taxes:
    """Return the tax by code that refunds posted; what an exchange set off, or fees kept whole, is on no note."""
    taxes: Taxes = Counter()
    for fact in history:
        if isinstance(fact, Order.RefundRequested) and not fact.amount_minor:
            continue
        if isinstance(fact, Order.RefundRequested | Order.ExternalRefundRecorded | Order.ChargebackDecided):
            for posting in fact.postings:
                if posting.account == "sales_tax":
                    taxes[posting.tax_code or "standard"] += posting.amount_minor
    return taxes


def _name(told: Body) -> tuple[str, ...]:
    return tuple(str(told.get(key)) for key in ("order_id", "refund_id", "claim_id", "external_id", "reversal"))


def _name_of(note: CreditNoteSeries.Issued) -> tuple[str, ...]:
    known = (note.order_id, note.refund_id, note.claim_id, note.external_id, note.reversal)
    return tuple(str(value) for value in known)

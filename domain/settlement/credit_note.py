"""What a credit note says: net, tax by code and gross of a refund, and the fees that were kept from it.

The gross is what goes back to the customer; fees are lines of their own with a negative net and no tax, and so is
what cash was rounded by.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.order import Order
from domain.order.accounts import Claim, Refund
from domain.order.parts import Credit, TaxShare
from domain.order.taxes import STANDARD, together
from domain.values import dataclass
from domain.vocabularies import NoteKind, NoteLineKind


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One line of a note, in minor units; ``gross_minor`` is net and taxes, below zero where it was kept.

    ``goods`` stands for units of an order line with the outward shipping that goes back with them; without a quantity
    for shipping alone, as the line bore it.
    """

    kind: NoteLineKind
    net_minor: int
    gross_minor: int
    taxes: tuple[TaxShare, ...] = ()
    line_id: str | None = None
    sku: str | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class NoteContent:
    """What a note is about and what it says; exactly one of the three ids is given.

    ``external_id`` stands for a chargeback that was won; ``reversal`` for that reversal of the claim, from 1.
    """

    kind: NoteKind
    order_id: str
    rma_id: UUID | None
    refund_id: UUID | None
    claim_id: str | None
    currency: str
    lines: tuple[NoteLine, ...]
    external_id: str | None = None
    reversal: int | None = None

    @property
    def about(self) -> str:
        """What it is about, as ``subject`` names it."""
        return subject(self.order_id, self.refund_id, self.claim_id, self.external_id, self.reversal)

    @property
    def gross_minor(self) -> int:
        """What goes back to the customer, or is asked of him."""
        return sum(line.gross_minor for line in self.lines)

    @property
    def taxes(self) -> tuple[TaxShare, ...]:
        """Tax by code, over all lines."""
        return together(*(line.taxes for line in self.lines))


def subject(
    order_id: str,
    refund_id: UUID | None,
    claim_id: str | None,
    external_id: str | None = None,
    reversal: int | None = None,
) -> str:
    """Return what a note is about, by a name that no other note has: claims and chargebacks are named in their order.

    No id of theirs has a space in it.
    """
    if external_id:
        return f"won {order_id}/{external_id}"
    if reversal:
        return f"reversal {reversal} {order_id}/{claim_id}"
    return str(refund_id) if refund_id else f"{order_id}/{claim_id}"


def note_of_refund(order: Order, refund: Refund) -> NoteContent:
    """Return the credit note of a refund; its gross is the refund's amount, to the cent.

    That of money that went back elsewhere is only what corrects the sale: where it pays a refund in a payout's place,
    that refund has its note, and a surplus corrects nothing.
    """
    lines = [_goods(order, credit) for credit in refund.credits if credit.gross_minor]
    kept: tuple[tuple[NoteLineKind, int], ...] = (
        ("restocking", refund.restocking_minor),
        ("return_shipping", refund.return_shipping_minor),
        ("promotion", refund.promotion_minor),
    )
    lines += [NoteLine(kind, -amount, -amount) for kind, amount in kept if amount]
    if refund.rounding_minor:
        lines.append(NoteLine("rounding", refund.rounding_minor, refund.rounding_minor))
    return NoteContent("credit", order.order_id, refund.rma_id, refund.refund_id, None, order.currency, tuple(lines))


def note_of_claim(order: Order, claim: Claim) -> NoteContent:
    """Return the debit note of a claim; what is asked for is no sale, so that no tax is in it."""
    line = NoteLine("claim", claim.amount_minor, claim.amount_minor)
    return NoteContent("debit", order.order_id, claim.rma_id, None, claim.claim_id, order.currency, (line,))


def note_of_reversal(order: Order, claim: Claim, number: int) -> NoteContent:
    """Return the credit note of what was given up of a claim: it takes back so much of the claim's debit note."""
    given_up = claim.reversals[number - 1].amount_minor
    asked = note_of_claim(order, claim)
    return replace(asked, kind="credit", lines=(NoteLine("claim", given_up, given_up),), reversal=number)


def note_of_won_chargeback(order: Order, external_id: str) -> NoteContent:
    """Return the debit note of a chargeback that was won: it takes back what the chargeback's own note gave."""
    given = note_of_refund(order, order.refunds[order.external[external_id].refund_id])
    return replace(given, kind="debit", refund_id=None, external_id=external_id)


def _goods(order: Order, credit: Credit) -> NoteLine:
    taxes = credit.taxes or ((TaxShare(STANDARD, None, credit.tax_minor),) if credit.tax_minor else ())
    net = credit.gross_minor - sum(tax.amount_minor for tax in taxes)
    sold = order.lines[credit.line_id].fact
    quantity = credit.count if credit.paid_minor else None
    return NoteLine("goods", net, credit.gross_minor, taxes, credit.line_id, sold.sku, quantity)

"""What is issued for money that went back: credit notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, cast
from uuid import UUID

from pydantic import Field

from commands.fields import QUANTITY_MAX, Body, Identifier, added_later
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams, find_policy, the_order
from domain.errors import NoteSubjectError, UnknownClaimError, UnknownRefundError
from domain.identity import credit_note_stream
from domain.order import Order
from domain.settlement.credit_note import (
    NoteContent,
    note_of_claim,
    note_of_refund,
    note_of_reversal,
    note_of_won_chargeback,
)
from domain.settlement.credit_note_series import CreditNoteSeries, business_date, check_series

ABOUT: Final = ("refund_id", "claim_id", "external_id")
Reversals = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
"""Which reversal of a claim: there is at most one for each of its units."""


class IssueCreditNote(Body):
    """Give a refund, a claim or a won chargeback the next number of its seller's series; told again, it keeps its own.

    Exactly one of ``refund_id``, ``claim_id`` and ``external_id`` is given. With a ``reversal`` it is about what was
    given up of the claim: the first time 1.
    """

    series_id: Identifier
    refund_id: UUID | None = None
    claim_id: Identifier | None = None
    external_id: Identifier | None = None
    order_id: Identifier
    rma_id: UUID | None = None
    reversal: Reversals | None = added_later(None)


@handles(IssueCreditNote, by="clock system")
def issue_credit_note(command: IssueCreditNote, _meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    check_series(command.series_id, order.seller_id)
    content, at = _content(command, order)
    issued_on = business_date(at, _zone(order, streams))
    stream = credit_note_stream(command.series_id, issued_on.year)
    series = cast("CreditNoteSeries | None", streams.get(stream))
    if series is None:
        series = CreditNoteSeries.open(command.series_id, issued_on.year, at)
        streams.add(series)
    series.issue(content, issued_on, at)


def _content(command: IssueCreditNote, order: Order) -> tuple[NoteContent, datetime]:
    """Return what the note says and the business time of what it is about."""
    if [command.refund_id, command.claim_id, command.external_id].count(None) != len(ABOUT) - 1:
        raise NoteSubjectError(f"a note is about one thing: give one of {', '.join(ABOUT)}")
    if command.reversal and not command.claim_id:
        raise NoteSubjectError("only a claim is reversed: give its claim_id")
    if command.refund_id:
        return _of_refund(command.refund_id, command.rma_id, order)
    if command.claim_id:
        return _of_claim(command.claim_id, command.rma_id, command.reversal, order)
    return _of_won_chargeback(str(command.external_id), order)


def _of_refund(refund_id: UUID, rma_id: UUID | None, order: Order) -> tuple[NoteContent, datetime]:
    refund = order.refunds.get(refund_id)
    if refund is None or refund.rma_id != rma_id:
        raise UnknownRefundError(f"the order has no refund {refund_id}", refund_id=str(refund_id))
    note = note_of_refund(order, refund)
    if not note.lines:
        raise NoteSubjectError("the refund corrects no sale", refund_id=str(refund_id))
    return note, refund.at


def _of_claim(claim_id: str, rma_id: UUID | None, reversal: int | None, order: Order) -> tuple[NoteContent, datetime]:
    claim = order.claims.get(claim_id)
    if claim is None or claim.rma_id != rma_id:
        raise UnknownClaimError(f"the order has no claim {claim_id}", claim_id=claim_id)
    if reversal is None:
        return note_of_claim(order, claim), claim.at
    if reversal > len(claim.reversals):
        message = f"the claim {claim_id} was given up {len(claim.reversals)} times"
        raise UnknownClaimError(message, claim_id=claim_id, reversal=reversal)
    return note_of_reversal(order, claim, reversal), claim.reversals[reversal - 1].at


def _of_won_chargeback(external_id: str, order: Order) -> tuple[NoteContent, datetime]:
    chargeback = order.external.get(external_id)
    if chargeback is None or chargeback.outcome != "won" or chargeback.decided_at is None:
        raise UnknownRefundError(f"the order has no won chargeback {external_id}", external_id=external_id)
    note = note_of_won_chargeback(order, external_id)
    if not note.lines:
        raise NoteSubjectError("the chargeback corrected no sale", external_id=external_id)
    return note, chargeback.decided_at


def _zone(order: Order, streams: Streams) -> str | None:
    """Return the zone in which the policy that the order is held to counts days; None where it is held to none."""
    policy = find_policy(streams, order.policy.policy_id) if order.policy else None
    return policy.version_numbered(order.policy.number).document.window.zone if policy and order.policy else None

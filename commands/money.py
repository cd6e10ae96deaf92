"""Money: what units get, what gateways say of payouts, goodwill, claims, and store credit spent."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands import approvals
from commands.fields import (
    TENDERS_MAX,
    AmountMinor,
    Body,
    Currency,
    Identifier,
    LineNumber,
    Name,
    OnReturn,
    OnUnits,
    PositiveAmountMinor,
    Text,
    added_later,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles, on_return
from commands.streams import Streams, the_order, the_return
from domain.case import Case, claims, deadlines, payouts, rulings
from domain.case.payouts import Named
from domain.case.resolution import Award, Figures
from domain.case.rulings import PersonsRuling
from domain.order import parts
from domain.settlement import outcomes, retries, store_credit
from domain.settlement import payouts as settlement_payouts
from domain.settlement.retries import Destination
from domain.settlement.store_credit import Spending
from domain.vocabularies import DecidedResolution, PayoutOutcome


class TenderShare(Body):
    """What of a sum one tender takes."""

    tender_id: Identifier
    amount_minor: PositiveAmountMinor


class DecideResolution(OnUnits):
    """Decide what units get; without an amount, all that policy grants for them, less fees.

    ``keep``: the goods stay with the customer. ``tenders`` take what is paid after fees.
    ``return_shipping_minor`` takes the place of policy's label fee.
    ``sku`` names another article that came in place of the one announced.
    """

    resolution: DecidedResolution
    amount_minor: AmountMinor | None = None
    inspection_id: Identifier | None = None
    reason: Text | None = None
    keep: bool = False
    tenders: Annotated[tuple[TenderShare, ...], Field(max_length=TENDERS_MAX)] = ()
    return_shipping_minor: AmountMinor | None = None
    approved_by: Identifier | None = None
    sku: Name | None = None


class RecordPayoutOutcome(Body):
    """Record what a gateway said of a payout; ``rma_id`` is left out where no return asked for it."""

    order_id: Identifier
    rma_id: UUID | None = None
    payout_id: UUID
    outcome: PayoutOutcome
    reference: Name | None = None
    reason: Text | None = None
    amount_minor: AmountMinor | None = None
    currency: Currency | None = None


class RetryPayout(Body):
    """Replace a failed payout: to the same tender, another, several, or as store credit.

    ``rma_id`` is left out where no return asked for it.
    """

    order_id: Identifier
    rma_id: UUID | None = None
    payout_id: UUID
    tender_id: Identifier | None = None
    as_store_credit: bool = False
    approved_by: Identifier | None = None
    tenders: Annotated[tuple[TenderShare, ...], Field(max_length=TENDERS_MAX)] = ()


class GrantGoodwill(OnReturn):
    """Give store credit beyond the entitlement."""

    amount_minor: PositiveAmountMinor
    reason: Text
    line: LineNumber | None = None
    grant_id: Identifier | None = None
    approved_by: Identifier | None = added_later(None)


class ClaimFromCustomer(OnReturn):
    """Ask money back."""

    amount_minor: PositiveAmountMinor
    reason: Text
    line: LineNumber | None = None
    claim_id: Identifier | None = None
    approved_by: Identifier | None = added_later(None)


class SpendStoreCredit(Body):
    """Pay with store credit; ``credit_id`` and ``rma_id`` as in view ``store_credit``."""

    order_id: Identifier
    rma_id: UUID | None = None
    credit_id: UUID
    spend_id: Identifier
    amount_minor: PositiveAmountMinor
    spent_on: Identifier | None = None


@on_return(DecideResolution, by="agent", own_money_minor=lambda command: command.amount_minor or 0)
def decide_resolution(command: DecideResolution, case: Case) -> None:
    shares = tuple(parts.TenderShare(share.tender_id, share.amount_minor) for share in command.tenders)
    award = Award(
        resolution=command.resolution,
        by="person",
        figures=Figures(command.amount_minor, command.return_shipping_minor, shares),
        keep=command.keep,
        inspection_id=command.inspection_id,
        reason=command.reason,
        sku=command.sku,
    )
    rulings.decide(case, PersonsRuling(command.line, command.quantity, award))


@handles(RecordPayoutOutcome, by="gateway")
def record_payout_outcome(command: RecordPayoutOutcome, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    rma = the_return(streams, command.rma_id, order) if command.rma_id else None
    payout = settlement_payouts.find(order, command.payout_id, command.rma_id)
    settlement_payouts.check_figures(order, payout, command.amount_minor, command.currency)
    said = {"reference": command.reference, "reason": command.reason}
    if rma is None:
        outcomes.record(order, payout, command.outcome, meta.occurred_at, **said)
        return
    case = Case(order, rma, meta.occurred_at)
    payouts.record_outcome(case, payout, command.outcome, **said)
    deadlines.keep(case)


@handles(RetryPayout, by="agent")
def retry_payout(command: RetryPayout, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    rma = the_return(streams, command.rma_id, order) if command.rma_id else None
    payout = settlement_payouts.find(order, command.payout_id, command.rma_id)
    shares = tuple((share.tender_id, share.amount_minor) for share in command.tenders)
    to = Destination(command.tender_id, command.as_store_credit, shares, command.approved_by)
    approvals.check(streams, order, meta, command.approved_by, payout.left_minor if command.as_store_credit else 0)
    if rma is None:
        retries.retry(order, payout, to, meta.occurred_at, holder_id=order.customer_id)
        return
    case = Case(order, rma, meta.occurred_at)
    payouts.retry(case, payout, to)
    deadlines.keep(case)


@on_return(GrantGoodwill, by="agent", while_closed=True, own_money_minor=lambda command: command.amount_minor)
def grant_goodwill(command: GrantGoodwill, case: Case) -> None:
    named = Named(command.grant_id, content_hash(command))
    payouts.grant_goodwill(case, command.amount_minor, line=command.line, reason=command.reason, named=named)


@on_return(ClaimFromCustomer, by="agent", while_closed=True, own_money_minor=lambda command: command.amount_minor)
def claim_from_customer(command: ClaimFromCustomer, case: Case) -> None:
    named = Named(command.claim_id, content_hash(command))
    claims.raise_claim(case, command.amount_minor, line=command.line, reason=command.reason, named=named)


@handles(SpendStoreCredit, by="system agent")
def spend_store_credit(command: SpendStoreCredit, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    if command.rma_id is not None:
        the_return(streams, command.rma_id, order)
    spending = Spending(command.spend_id, command.amount_minor, command.spent_on, content_hash(command))
    store_credit.spend(order, command.rma_id, command.credit_id, spending, meta.occurred_at)

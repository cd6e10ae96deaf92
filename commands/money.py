"""Money: what units get, what gateways say of payouts, goodwill, claims, and store credit spent."""

from __future__ import annotations

from uuid import UUID

from commands.fields import (
    AmountMinor,
    Currency,
    Identifier,
    LineNumber,
    OnReturn,
    OnUnits,
    PositiveAmountMinor,
    Text,
)
from commands.registry import content_hash, on_return
from domain.case import Case, payouts, resolution, store_credit
from domain.vocabularies import DecidedResolution, PayoutOutcome


class DecideResolution(OnUnits):
    """Decide what units get; without an amount, all that policy grants for them, less fees."""

    resolution: DecidedResolution
    amount_minor: AmountMinor | None = None
    inspection_id: Identifier | None = None
    reason: Text | None = None


class RecordPayoutOutcome(OnReturn):
    """Record what a gateway said of a payout."""

    payout_id: UUID
    outcome: PayoutOutcome
    reference: Text | None = None
    reason: Text | None = None
    amount_minor: AmountMinor | None = None
    currency: Currency | None = None


class RetryPayout(OnReturn):
    """Replace a failed payout by a new one."""

    payout_id: UUID
    tender_id: Identifier | None = None


class GrantGoodwill(OnReturn):
    """Give store credit beyond the entitlement."""

    amount_minor: PositiveAmountMinor
    reason: Text
    line: LineNumber | None = None


class ClaimFromCustomer(OnReturn):
    """Ask money back."""

    amount_minor: PositiveAmountMinor
    reason: Text
    line: LineNumber | None = None


class SpendStoreCredit(OnReturn):
    """Pay with store credit that a return gave; ``credit_id`` as in view ``store_credit``."""

    credit_id: UUID
    spend_id: Identifier
    amount_minor: PositiveAmountMinor
    spent_on: Identifier | None = None


@on_return(DecideResolution, by="agent")
def decide_resolution(command: DecideResolution, case: Case) -> None:
    resolution.decide(
        case,
        command.line,
        command.quantity,
        command.resolution,
        amount_minor=command.amount_minor,
        inspection_id=command.inspection_id,
        reason=command.reason,
    )


@on_return(RecordPayoutOutcome, by="gateway", while_closed=True)
def record_payout_outcome(command: RecordPayoutOutcome, case: Case) -> None:
    payout = payouts.find(case, command.payout_id)
    payouts.check_figures(case, payout, command.amount_minor, command.currency)
    payouts.record_outcome(case, payout, command.outcome, reference=command.reference, reason=command.reason)


@on_return(RetryPayout, by="agent", while_closed=True)
def retry_payout(command: RetryPayout, case: Case) -> None:
    payouts.retry(case, command.payout_id, command.tender_id)


@on_return(GrantGoodwill, by="agent", while_closed=True)
def grant_goodwill(command: GrantGoodwill, case: Case) -> None:
    if command.line is not None:
        case.rma.line(command.line)
    payouts.grant_goodwill(case, command.amount_minor, line=command.line, reason=command.reason)


@on_return(ClaimFromCustomer, by="agent", while_closed=True)
def claim_from_customer(command: ClaimFromCustomer, case: Case) -> None:
    if command.line is not None:
        case.rma.line(command.line)
    payouts.claim(case, command.amount_minor, line=command.line, reason=command.reason)


@on_return(SpendStoreCredit, by="system agent", while_closed=True)
def spend_store_credit(command: SpendStoreCredit, case: Case) -> None:
    store_credit.spend(
        case,
        command.credit_id,
        command.amount_minor,
        spend_id=command.spend_id,
        spent_on=command.spent_on,
        content_hash=content_hash(command),
    )

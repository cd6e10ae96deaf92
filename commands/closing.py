"""What is decided and paid for units, store credit, deadlines, remedies, feedback, and the end of a return."""

from __future__ import annotations

from uuid import UUID

from commands.fields import (
    AmountMinor,
    Currency,
    Identifier,
    Instant,
    LineNumber,
    PositiveAmountMinor,
    Score,
    Text,
)
from commands.goods import OnReturn, OnUnits
from commands.registry import content_hash, on_return
from domain import deadlines, payouts, remedies, resolution, store_credit
from domain.case import Case
from domain.errors import LinesOpenError, WrongStateError
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


class PassDeadline(OnReturn):
    """Let a deadline's instant come."""

    deadline_id: UUID


class ExtendDeadline(OnReturn):
    """Give more time."""

    deadline_id: UUID
    due_at: Instant
    reason: Text


class AnswerRemedy(OnReturn):
    """Take or turn down what was offered instead of the return."""

    line: LineNumber
    accepted: bool


class GiveFeedback(OnReturn):
    """Say how it went; once per return."""

    score: Score
    comment: Text | None = None


class CloseReturn(OnReturn):
    """Close a return on which nothing is open."""

    reason: Text


class ReopenReturn(OnReturn):
    """Take a closed return up again."""

    reason: Text


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


@on_return(AnswerRemedy, by="customer agent")
def answer_remedy(command: AnswerRemedy, case: Case) -> None:
    remedies.answer(case, command.line, accepted=command.accepted)


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


@on_return(PassDeadline, by="clock", while_closed=True)
def pass_deadline(command: PassDeadline, case: Case) -> None:
    deadlines.pass_by(case, command.deadline_id)


@on_return(ExtendDeadline, by="agent")
def extend_deadline(command: ExtendDeadline, case: Case) -> None:
    deadlines.extend(case, command.deadline_id, command.due_at, command.reason)


@on_return(GiveFeedback, by="customer agent", while_closed=True)
def give_feedback(command: GiveFeedback, case: Case) -> None:
    if case.rma.score is not None:
        raise WrongStateError("feedback is given once per return")
    if case.rma.authorized_at is None:
        raise WrongStateError("feedback can be given once the return is authorized", status=case.rma.status)
    case.rma.trigger_event(case.rma.FeedbackGiven, score=command.score, comment=command.comment, timestamp=case.at)


@on_return(CloseReturn, by="agent")
def close_return(command: CloseReturn, case: Case) -> None:
    if case.rma.status not in {"resolved", "denied", "expired", "withdrawn"}:
        raise LinesOpenError(f"the return is still {case.rma.status}", status=case.rma.status)
    case.rma.trigger_event(case.rma.Closed, reason=command.reason, timestamp=case.at)


@on_return(ReopenReturn, by="agent", while_closed=True)
def reopen_return(command: ReopenReturn, case: Case) -> None:
    if case.rma.closed_at is None:
        raise WrongStateError("only a closed return can be reopened", status=case.rma.status)
    case.rma.trigger_event(case.rma.Reopened, reason=command.reason, timestamp=case.at)

"""What a return is told of its payouts, and money beyond them: goodwill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final
from uuid import UUID

from domain import ledger
from domain.case import Case
from domain.case.store_credit import holder_of
from domain.identity import goodwill_id
from domain.order import Order
from domain.order.payout import Payout
from domain.rma.parts import RefundPart, RmaRun
from domain.rma.state import RmaLine
from domain.settlement import outcomes, payouts, retries
from domain.settlement.retries import Destination
from domain.units import without
from domain.values import dataclass
from domain.vocabularies import PayoutOutcome, PayoutStatus, Settlement

SETTLEMENTS: Final[dict[PayoutStatus, Settlement]] = {
    "unknown": "unknown",
    "requested": "pending",
    "failed": "failed",
    "settled": "settled",
}


def record_outcome(
    case: Case, payout: Payout, outcome: PayoutOutcome, *, reference: str | None = None, reason: str | None = None
) -> None:
    """Record what a gateway said, and where the money for the return's units stands by it."""
    outcomes.record(case.order, payout, outcome, case.at, reference=reference, reason=reason)
    move_settlement(case, payout.refund_id)


def start(case: Case, refund: UUID) -> None:
    """Set a refund just requested going: store credit is ours to give and settles at once, gateways are waited for."""
    payouts.settle_ours(case.order, refund, case.at)
    move_settlement(case, refund)


def retry(case: Case, old: Payout, to: Destination) -> None:
    """Replace a failed payout of this return by new ones; raises what ``settlement.retries.retry`` does."""
    retries.retry(case.order, old, to, case.at, holder_id=holder_of(case.rma))
    move_settlement(case, old.refund_id)


def move_settlement(case: Case, refund: UUID) -> None:
    """Let the return know where the money for a refund's units stands now."""
    parts = [part for line in case.rma.lines.values() for part in line.refunded if part.refund_id == refund]
    _move(case, [RmaRun(part.line, part.first, part.count) for part in parts], refund)


def settle_nothing(case: Case, runs: Sequence[RmaRun]) -> None:
    """Let units for which nothing is left to pay stand where their refunds do, or settled where there were none."""
    _move(case, runs, None)


def follow_refunds(case: Case, runs: Sequence[RmaRun]) -> None:
    """Let those of the units that were paid for before stand where their refunds do, whatever is decided anew."""
    refunded = {
        number: [part.run for part in case.rma.lines[number].refunded] for number in {whole.line for whole in runs}
    }
    pieces = [run for whole in runs for run in _cut(whole, case.rma.lines[whole.line].refunded)]
    _move(case, [run for run in pieces if not without([run.run], refunded[run.line])], None)


def _move(case: Case, runs: Sequence[RmaRun], refund: UUID | None) -> None:
    """Let each unit stand at the worst of all its refunds."""
    moved: dict[Settlement, list[RmaRun]] = {}
    for whole in runs:
        line = case.rma.lines[whole.line]
        for run in _cut(whole, line.refunded):
            settlement = _settlement_of(case.order, line, run)
            if any(state.settlement != settlement for _, state in case.rma.states_of([run])):
                moved.setdefault(settlement, []).append(run)
    for settlement, units in moved.items():
        case.rma.trigger_event(
            case.rma.SettlementMoved, refund_id=refund, settlement=settlement, runs=tuple(units), timestamp=case.at
        )


def _cut(whole: RmaRun, parts: Iterable[RefundPart]) -> list[RmaRun]:
    """Return units in runs that are in the same refunds from end to end."""
    edges = {edge for other in parts for edge in (other.run.first, other.run.end)}
    inside = sorted({whole.run.first, whole.run.end} | {e for e in edges if whole.run.first < e < whole.run.end})
    return [RmaRun(whole.line, first, end - first) for first, end in pairwise(inside)]


def _settlement_of(order: Order, line: RmaLine, run: RmaRun) -> Settlement:
    statuses = {
        payouts.refund_status(order.payouts[p] for p in order.refunds[part.refund_id].payouts)
        for part in line.refunded
        if part.run.first < run.run.end and run.first < part.run.end
    }
    return SETTLEMENTS[next(status for status in payouts.WORST_FIRST if status in statuses or status == "settled")]


@dataclass(frozen=True, slots=True)
class Named:
    """What a command calls the fact it tells, so that the same told again counts once: its own id, and its content."""

    name: str | None
    content_hash: str

    def is_repeat(self, order: Order, kind: str) -> bool:
        """Tell whether the order has it already; raises ``IdentifierReusedError`` where it has another one."""
        return self.name is not None and order.is_repeat(kind, self.name, self.content_hash)


def grant_goodwill(case: Case, amount_minor: int, *, line: int | None, reason: str, named: Named | None = None) -> None:
    """Give store credit beyond the entitlement, as a posting of its own; the same grant again is no second one.

    Raises:
        UnknownLineError: The return has no such line.
        IdentifierReusedError: Another grant came under this name.
    """
    if named and named.is_repeat(case.order, "grant_id"):
        return
    if line is not None:
        case.rma.line(line)
    case.order.trigger_event(
        case.order.GoodwillGranted,
        rma_id=case.rma.rma_id,
        line=line,
        amount_minor=amount_minor,
        reason=reason,
        postings=ledger.entry((ledger.GOODWILL, amount_minor), (ledger.STORE_CREDIT_LIABILITY, -amount_minor)),
        credit_id=goodwill_id(case.rma.rma_id, case.order.account(case.rma.rma_id).goodwill_count + 1),
        holder_id=holder_of(case.rma),
        currency=case.order.currency,
        grant_id=named and named.name,
        approved_by=case.approved_by,
        content_hash=named and named.content_hash,
        timestamp=case.at,
    )

"""What is still to be asked of a gateway: the payments worker's memory, folded from the log's own facts.

A question is open until the log says how the payout came out; an answer alone does not end it. While no final outcome
was ever recorded the gateway is asked to pay, under the payout's one key, however often. Once one was, it is only asked
what became of that key: where outcomes contradict each other or arrived out of order, that settles which one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal
from uuid import UUID

from domain.fact import Fact
from domain.order import Order
from domain.order.money_facts import PayoutHeard
from domain.order.payout import Payout
from domain.values import dataclass
from domain.vocabularies import FINAL_OUTCOMES, PayoutOutcome, PayoutStatus, TenderKind

ASK_AGAIN_S: Final = 1.0
ASK_AGAIN_MAX_S: Final = 900.0
CONFIRM_AFTER_S: Final = 600.0
"""How long the log may take to record an answer before the gateway is asked again."""
DOUBLINGS_MAX: Final = 10

Answered = Literal["settled", "failed", "unknown", "unreached", "not_found"]


@dataclass(frozen=True, slots=True)
class PayoutQuestion:
    """One payout to one tender, and what the gateway is to be asked about it.

    ``opened_by`` is the log position of the fact that raised the question; ``asks`` counts the answers since that left
    it open; ``final`` is the last final outcome that the log has, older news too.
    """

    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    order_id: str
    tender_id: str
    tender_kind: TenderKind
    amount_minor: int
    currency: str
    idempotency_key: str
    opened_by: int
    open: bool = True
    recorded: PayoutStatus = "requested"
    final: Literal["settled", "failed"] | None = None
    asks: int = 0
    unknown_said: bool = False
    tender_reference: str | None = None

    @property
    def may_pay(self) -> bool:
        """Tell whether asking may pay; else the gateway is only to look up what it did."""
        return self.final is None


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be said to the log of a gateway's answer; a repeat after a crash has the same ``command_id``."""

    outcome: PayoutOutcome
    command_id: str


def payouts_of(fact: Fact) -> tuple[UUID, ...]:
    """Return the payouts whose questions a fact touches."""
    match fact:
        case Order.RefundRequested() | Order.PaymentReturned():
            return tuple(payout.payout_id for payout in fact.payouts)
        case Order.PayoutRetried():
            return fact.payout_id, *(payout.payout_id for payout in fact.payouts)
        case PayoutHeard():
            return (fact.payout_id,)
    return ()


def follow(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    """Let a fact open, end or reopen questions in ``known``; payouts that are no gateway's business have none."""
    match fact:
        case Order.RefundRequested() | Order.PaymentReturned():
            _open(known, fact.payouts, order_id=order_id, currency=fact.currency, position=position)
        case Order.PayoutRetried() if fact.currency or fact.payout_id in known:
            currency = fact.currency or known[fact.payout_id].currency  # facts of the first days name none
            _open(known, fact.payouts, order_id=order_id, currency=currency, position=position)
        case PayoutHeard(superseded=True):
            _doubt(known, fact, position)
        case Order.PayoutSettled():
            _finish(known, fact.payout_id, "settled", position)
        case Order.PayoutFailed(gave_way=True):
            _give_way(known, fact.payout_id, position)
        case Order.PayoutFailed():
            _finish(known, fact.payout_id, "failed", position)
        case Order.PayoutUnclear() | Order.PayoutPending():
            _reopen(known, fact.payout_id, fact.status, position)


def _open(
    known: dict[UUID, PayoutQuestion], payouts: Iterable[Payout], *, order_id: str, currency: str, position: int
) -> None:
    for payout in payouts:
        if payout.tender_id is not None and not payout.is_ours and payout.payout_id not in known:
            known[payout.payout_id] = PayoutQuestion(
                payout_id=payout.payout_id,
                refund_id=payout.refund_id,
                rma_id=payout.rma_id,
                order_id=order_id,
                tender_id=payout.tender_id,
                tender_kind=payout.tender_kind,
                amount_minor=payout.amount_minor,
                currency=currency,
                idempotency_key=payout.idempotency_key,
                opened_by=position,
                tender_reference=payout.tender_reference,
            )


def _reopen(known: dict[UUID, PayoutQuestion], payout: UUID, recorded: PayoutStatus, position: int) -> None:
    """Ask on: the log says that nobody can tell yet."""
    if payout in known:
        known[payout] = replace(
            known[payout], open=True, recorded=recorded, opened_by=position, unknown_said=recorded == "unknown"
        )


def _give_way(known: dict[UUID, PayoutQuestion], payout: UUID, position: int) -> None:
    """Never ask for it again, as other money went back in its place; look up what became of it.

    It may have been asked for before, and its answer lost: what was paid all the same is too much.
    """
    if payout in known:
        known[payout] = replace(
            known[payout], open=True, recorded="failed", final="failed", opened_by=position, asks=0, unknown_said=False
        )


def _doubt(known: dict[UUID, PayoutQuestion], old: PayoutHeard, position: int) -> None:
    """Look up what holds where older news contradict what counts: not every clock that dates them need be right."""
    question = known.get(old.payout_id)
    if question is not None and old.outcome in FINAL_OUTCOMES and question.final not in {None, old.outcome}:
        known[old.payout_id] = replace(question, open=True, opened_by=position, final=old.outcome)  # type: ignore[arg-type]


def _finish(
    known: dict[UUID, PayoutQuestion], payout: UUID, outcome: Literal["settled", "failed"], position: int
) -> None:
    """Close a question, unless this outcome contradicts an earlier one: then what holds has to be looked up."""
    question = known.get(payout)
    if question is None:
        return
    contradicts = question.final not in {None, outcome}
    known[payout] = replace(
        question,
        open=contradicts,
        opened_by=position if contradicts else question.opened_by,
        recorded=outcome,
        final=outcome,
        asks=0,
        unknown_said=False,
    )


def statement(question: PayoutQuestion, answered: Answered) -> Statement | None:
    """Return what to tell the log of an answer; None where it learns nothing from it."""
    if answered in {"unreached", "not_found"} or answered == question.recorded:
        return None
    if answered == "unknown" and (question.unknown_said or question.final is not None):
        return None
    outcome: PayoutOutcome = answered  # type: ignore[assignment]  # the two others returned above
    return Statement(outcome, f"{question.payout_id}/{outcome}/{question.opened_by}")


def heard(question: PayoutQuestion, answered: Answered) -> PayoutQuestion:
    """Return a question after an answer; it ends here only where the log already says the same."""
    if answered == question.recorded and answered in FINAL_OUTCOMES:
        return replace(question, open=False)
    if answered == "not_found" and question.recorded in FINAL_OUTCOMES:
        return replace(question, open=False)  # another gateway's payout: what was recorded stands
    said = question.unknown_said or answered == "unknown"
    return replace(question, asks=question.asks + 1, unknown_said=said)


def ask_again_after_s(question: PayoutQuestion, answered: Answered) -> float:
    """Return how long to wait before asking again, after so many asks; seconds, doubling up to 15 minutes."""
    if answered in {"settled", "failed"}:
        return CONFIRM_AFTER_S
    return min(ASK_AGAIN_S * 2.0 ** min(question.asks, DOUBLINGS_MAX), ASK_AGAIN_MAX_S)

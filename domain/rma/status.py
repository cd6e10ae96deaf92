"""The status of a return, derived from where its units stand and stored nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.rma.parts import RunState
from domain.vocabularies import NextStep, ReturnStatus

STAGES: Final[tuple[ReturnStatus, ...]] = (
    "requested",
    "needs_review",
    "authorized",
    "in_transit",
    "received",
    "inspected",
    "resolved",
)
NEXT_STEPS: Final[dict[ReturnStatus, NextStep]] = {
    "requested": "decide",
    "needs_review": "decide",
    "authorized": "ship",
    "in_transit": "receive",
    "received": "inspect",
    "resolved": "close",
}
_DROPPED: Final[tuple[ReturnStatus, ...]] = ("denied", "expired", "withdrawn")


def is_through(state: RunState) -> bool:
    """Tell whether the money and the goods that a resolution promises have arrived where they should."""
    if state.resolution == "undecided" or state.settlement in {"due", "pending", "failed", "unknown"}:
        return False
    if state.resolution in {"exchange", "replacement", "repair", "send_back"}:
        return state.delivered_on
    return True


def stage(state: RunState) -> ReturnStatus | None:
    """Return how far a unit has come, or None where it does not count: dropped, short or another article."""
    if state.authorization in {"requested", "needs_review"}:
        return "requested" if state.authorization == "requested" else "needs_review"
    if state.authorization != "authorized" or state.logistics in {"short", "wrong_item"}:
        return None
    if state.logistics == "with_customer":
        return "authorized"
    if state.logistics in {"in_transit", "delivered"}:
        return "in_transit"
    if state.logistics == "lost":
        return "resolved" if is_through(state) else "in_transit"
    if state.logistics == "received" and state.inspection != "inspected":
        return "received"
    return "resolved" if is_through(state) else "inspected"


def status_of(states: Iterable[RunState], *, closed: bool) -> ReturnStatus:
    """Return the status of a whole return: that of its least advanced unit that counts."""
    if closed:
        return "closed"
    known = list(states)
    stages = [reached for reached in map(stage, known) if reached is not None]
    if stages:
        return min(stages, key=STAGES.index)
    authorizations = {state.authorization for state in known}
    for dropped in _DROPPED:
        if dropped in authorizations:
            return dropped
    return "resolved"  # nothing but short units or other articles: nobody owes anything


def next_step(status: ReturnStatus, states: Iterable[RunState]) -> NextStep:
    """Return what has to happen next; ``inspected`` goods wait for a decision, then for the money."""
    if status == "inspected":
        undecided = any(stage(state) == "inspected" and not _only_money_waits(state) for state in states)
        return "resolve" if undecided else "pay"
    return NEXT_STEPS.get(status, "none")


def _only_money_waits(state: RunState) -> bool:
    return state.resolution != "undecided" and state.settlement in {"due", "pending", "failed", "unknown"}

"""The status of a return, derived from where its units stand and stored nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from domain.rma.run_state import RunState
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


def stage(state: RunState) -> ReturnStatus | None:
    """Return how far a unit has come, or None where it does not count: dropped, short or another article."""
    if state.is_live and not state.is_authorized:
        return "needs_review" if state.needs_review else "requested"
    if not state.is_authorized or (state.is_missing and not _is_settled_for_another(state)):
        return None
    if state.is_with_customer:
        return "authorized"
    if state.is_on_its_way:
        return "in_transit"
    if state.is_lost:
        return "resolved" if state.is_through else "in_transit"
    if state.is_another_article:
        return "resolved" if state.is_through else "inspected"
    if state.is_here and not state.is_inspected:
        return "received"
    return "resolved" if state.is_through else "inspected"


def _is_settled_for_another(state: RunState) -> bool:
    """Tell whether a person decided what another article, in the unit's place, stands for: then it counts."""
    return state.is_another_article and not state.is_undecided


def status_of(states: Sequence[RunState], *, closed: bool) -> ReturnStatus:
    """Return the status of a whole return: that of its least advanced unit that counts."""
    if closed:
        return "closed"
    stages = [reached for reached in map(stage, states) if reached is not None]
    if stages:
        return min(stages, key=STAGES.index)
    if any(map(_is_owed_though_missing, states)):
        return "inspected"
    authorizations = {state.authorization for state in states}
    for dropped in _DROPPED:
        if dropped in authorizations:
            return dropped
    return "resolved"  # nothing but short units or other articles, and nobody owes anything


def _is_owed_though_missing(state: RunState) -> bool:
    """Tell whether money or an article is due for a unit that did not come, such as a refund at its first scan."""
    return state.is_authorized and state.is_missing and not state.is_undecided and not state.is_through


def next_step(status: ReturnStatus, states: Iterable[RunState]) -> NextStep:
    """Return what has to happen next; ``inspected`` goods wait for a decision, then for the money."""
    if status == "inspected":
        inspected = [state for state in states if stage(state) == "inspected" or _is_owed_though_missing(state)]
        return "pay" if all(map(_only_money_is_open, inspected)) else "resolve"
    return NEXT_STEPS.get(status, "none")


def _only_money_is_open(state: RunState) -> bool:
    return state.awaits_money and not state.is_undecided and not state.awaits_its_moment

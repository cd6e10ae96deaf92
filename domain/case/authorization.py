"""Whether units may come back, as policy decides it, and what follows from that at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from domain.case import Case, resolution
from domain.case.line_facts import Asking, PolicyInForce
from domain.policy.evaluate import decide
from domain.rma.parts import LineDecision, of_order

OUTCOMES: Final = ("approve", "review", "deny")


def decide_by_policy(case: Case, numbers: Iterable[int], policy: PolicyInForce, requested_at: datetime) -> None:
    """Decide lines by policy, each on its own, and carry that out; what may be avoided is offered first."""
    decided: list[LineDecision] = []
    law = policy.law(case.order, requested_at)
    asking = Asking.of(
        case.order,
        requested_at,
        gift=case.rma.gift,
        gift_unproved=case.rma.gift_unproved,
        informed_at=case.rma.informed_at,
    )
    for number in numbers:
        runs = tuple(case.rma.fitting(number, lambda state: state.is_live))
        facts = asking.facts(case.rma.line(number).asked, runs, policy, law)
        decision = decide(policy.version.document, law, facts)
        decided.append(LineDecision(number, runs, decision))
    offered = tuple(one for one in decided if _may_be_avoided(case, one))
    if offered:
        case.rma.trigger_event(case.rma.RemedyOffered, lines=offered, timestamp=case.at)
    carry_out(case, [one for one in decided if one not in offered])


def _may_be_avoided(case: Case, decided: LineDecision) -> bool:
    """Tell whether something is offered before an authorization; once for each line."""
    decision = decided.decision
    return decision.outcome == "approve" and decision.remedy is not None and not case.rma.line(decided.line).was_offered


def carry_out(case: Case, lines: Sequence[LineDecision]) -> None:
    """Record policy's decisions on lines: denied units are free again, approved ones get what is due at once."""
    rma = case.rma
    decided = {outcome: [one for one in lines if one.decision.outcome == outcome] for outcome in OUTCOMES}
    for outcome, event in (("approve", rma.Authorized), ("review", rma.ReviewAsked), ("deny", rma.Denied)):
        if decided[outcome]:
            rma.trigger_event(event, lines=tuple(decided[outcome]), timestamp=case.at)
    for denied in decided["deny"]:
        runs = of_order(rma.lines[denied.line].asked.line_id, denied.runs)
        case.order.free_units(rma.rma_id, runs, "denied", case.at)
    for authorized in decided["approve"]:
        resolution.follow_policy(case, authorized.line)

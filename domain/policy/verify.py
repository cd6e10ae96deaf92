"""Deciding again: a stored decision is proved by the same inputs giving the same bytes."""

from __future__ import annotations

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.statutes import statutes_for


def decided_again(decision: Decision, document: PolicyDocument) -> Decision:
    """Return the decision that a document and the statutes come to on a stored decision's facts."""
    facts = decision.facts
    return decide(document, statutes_for(facts.country or "", facts.ordered_at), facts)


def decide_again(decision: Decision, document: PolicyDocument) -> bool:
    """Tell whether a stored decision comes out again byte for byte under the version of its policy."""
    return decided_again(decision, document).model_dump_json() == decision.model_dump_json()

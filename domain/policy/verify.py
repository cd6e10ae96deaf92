"""Deciding again: a stored decision is proved by the same inputs giving the same bytes."""

from __future__ import annotations

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.statutes import FIRST, law_for


def decided_again(facts: Facts, document: PolicyDocument, edition: int = FIRST) -> Decision:
    """Return the decision that a document and an edition of the statutes come to on a stored decision's facts."""
    return decide(document, law_for(facts.country or "", facts.ordered_at, edition), facts)

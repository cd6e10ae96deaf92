"""A stored decision is proved by deciding again; one that was changed, or decided otherwise, is found."""

from __future__ import annotations

from typing import Any

import pytest

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.verify import decided_again
from tests.support.policy_cases import a_document, decided, facts_of, rule

DOCUMENT = a_document(rule({"fact": "category", "is": "hats"}, decide="deny", code="no_hats"))


def comes_out_again(decision: Decision, document: PolicyDocument) -> bool:
    return decided_again(decision.facts, document).model_dump_json() == decision.model_dump_json()


@pytest.mark.parametrize("country", ["US", "DE"])
def test_a_stored_decision_comes_out_again(country: str) -> None:
    """From the stored bytes alone, with the document and the statutes."""
    stored = decided(DOCUMENT, facts_of(country=country)).model_dump_json()
    assert comes_out_again(Decision.model_validate_json(stored), DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "approve"},
        {"codes": ("no_caps",)},
        {"trace": ()},
        {"flips": ()},
        {"ship_back_days": 15},
        {"facts": facts_of(category="caps")},
    ],
)
def test_a_decision_that_was_changed_is_found(change: dict[str, Any]) -> None:
    """Whatever was changed in it, or in its inputs."""
    assert not comes_out_again(decided(DOCUMENT, facts_of()).model_copy(update=change), DOCUMENT)


def test_a_decision_of_another_document_is_found() -> None:
    """The version of the policy is an input too; what comes out instead can be shown."""
    decision = decided(DOCUMENT, facts_of())
    assert not comes_out_again(decision, a_document())
    assert decided_again(decision.facts, a_document()).outcome == "approve"

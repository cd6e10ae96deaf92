"""Two policy documents compared say what changed, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

from domain.policy.document import PolicyDocument
from tests.support.decided_log import DOCUMENT
from workers.policies.changes import changes


def told(after: dict[str, Any], before: dict[str, Any] = DOCUMENT) -> list[str]:
    found = changes(PolicyDocument.model_validate(before), PolicyDocument.model_validate(after))
    return [str(change) for change in found]


def test_a_document_does_not_differ_from_itself() -> None:
    """Defaults written out, and lists in the same order, are no change."""
    assert told({**DOCUMENT, "refund_due": "inspection", "ship_back_days": 14}) == []


def test_keys_that_came_later_are_told_with_what_held_before() -> None:
    """A default that no hash holds is told like any other; questions are told by name."""
    worn = {"name": "worn", "text": "Was it worn?", "kind": "truth"}
    before = {**DOCUMENT, "questions": [worn]}
    after = {
        **DOCUMENT,
        "questions": [{**worn, "required": True, "when": {"fact": "gift", "is": True}}],
        "promotions": "recompute",
        "limits": {"agent_minor": 20_000},
        "grade_share_bps": {"C": 7_000},
        "feedback_after_days": 5,
    }

    assert told(after, before) == [
        "+ limits.agent_minor: 20000",
        "~ promotions: keep → recompute",
        "+ grade_share_bps.C: 7000",
        "~ feedback_after_days: 3 → 5",
        '+ question “worn”.when: {"fact": "gift", "is": true}',
        "~ question “worn”.required: false → true",
    ]


def test_terms_and_rules_are_told_by_path() -> None:
    """Each changed term, each rule that is new, gone or changed is one change with what it was and is."""
    after = copy.deepcopy(DOCUMENT)
    after["window"]["days"] = 60
    after["window"]["calendar"] = "GB"
    after["rules"][0]["then"]["code"] = "unusual"
    after["rules"][1] = {"name": "silver", "when": {"fact": "gift", "is": True}, "then": {"method": "keep"}}

    said = told(after)

    assert "~ window.days: 30 → 60" in said
    assert "+ window.calendar: GB" in said
    assert "~ rule “odd-reasons”.then.code: odd_reason → unusual" in said
    assert any(line.startswith("+ rule “silver”: ") for line in said)
    assert any(line.startswith("- rule “gold”: ") for line in said)
    assert len(said) == 5


def test_a_new_order_of_rules_is_a_change() -> None:
    """The first match wins, so rules that change places are told, even where none of them changed."""
    after = {**DOCUMENT, "rules": DOCUMENT["rules"][::-1]}

    assert told(after) == ["~ order of rules: odd-reasons, gold → gold, odd-reasons"]

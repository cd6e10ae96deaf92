"""A merchant's questions are asked of the lines they are for."""

from __future__ import annotations

from typing import Any

import pytest

from domain.policy.asking import questions_asked
from tests.support.policy_cases import a_document, facts_of

QUESTIONS: list[dict[str, Any]] = [
    {"name": "worn", "text": "Was it worn outside?", "kind": "truth"},
    {
        "name": "fault",
        "text": "What is wrong?",
        "kind": "choice",
        "choices": ["seam", "sole"],
        "when": {"fact": "reason", "is": "defective"},
    },
    {
        "name": "late",
        "text": "Why so late?",
        "kind": "truth",
        "when": {
            "all": [{"fact": "days_since_delivered", "at_least": 20}, {"not": {"fact": "answers.worn", "is": True}}]
        },
    },
]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, ["worn"]),
        ({"reason": "defective"}, ["worn", "fault"]),
        ({"delivered_at": None, "reason": "defective"}, ["worn", "fault"]),
        ({"requested_at": facts_of().requested_at.replace(month=4)}, ["worn", "late"]),
        ({"requested_at": facts_of().requested_at.replace(month=4), "answers": {"worn": True}}, ["worn"]),
    ],
)
def test_a_question_is_asked_where_its_condition_holds(given: dict[str, Any], asked: list[str]) -> None:
    """Without a condition always; a fact that is missing fits none."""
    document = a_document(questions=QUESTIONS)

    assert [one.name for one in questions_asked(document, facts_of(**given))] == asked

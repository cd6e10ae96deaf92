"""Which of a document's questions are asked of a line."""

from __future__ import annotations

from domain.policy.conditions import compile_condition
from domain.policy.document import PolicyDocument
from domain.policy.facts import Facts
from domain.policy.question import Question
from domain.policy.rules import comparisons_of, reader
from domain.policy.when import Condition


def questions_asked(document: PolicyDocument, facts: Facts) -> tuple[Question, ...]:
    """Return the questions that a document asks of a line with these facts, in its order."""
    return tuple(one for one in document.questions if one.when is None or _holds(one.when, document, facts))


def _holds(condition: Condition, document: PolicyDocument, facts: Facts) -> bool:
    window = document.window
    named = {one.fact for one in comparisons_of(condition) if one.fact is not None}
    values = {name: reader(name, window)(facts) for name in named}
    return compile_condition(condition, window.zone).answer(values)

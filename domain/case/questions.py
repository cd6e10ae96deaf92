"""What policy asks of every line before it is decided, and whether that was answered."""

from __future__ import annotations

from typing import Final

from domain.errors import RuleViolationError
from domain.policy.document import PolicyDocument
from domain.policy.facts import Facts
from domain.policy.question import Question
from domain.policy.rules import compiled, mentions_of
from domain.policy.when import ANSWER_PREFIX
from domain.rma.parts import Answer

PLAIN_ANSWER_MAX: Final = 64
"""The longest text that is a fact and stays plain for ever."""


class AnswerMissingError(RuleViolationError):
    """A question that the policy asks of the line has to be answered; `text` is the question as people read it."""

    code = "answer_missing"

    def __init__(self, question: Question, *, line: int) -> None:
        message = f"line {line} needs an answer to the question {question.name}: {question.text}"
        super().__init__(message, question=question.name, text=question.text, line=line)
        self.question = question


class AnswerInvalidError(RuleViolationError):
    """An answer is not of the kind that the policy's question asks for, or none of its choices."""

    code = "answer_invalid"

    def __init__(self, question: Question, *, line: int) -> None:
        message = f"the answer to the question {question.name} on line {line} must be {question.asks_for}"
        super().__init__(message, question=question.name, text=question.text, line=line)


def apart(document: PolicyDocument, answers: dict[str, Answer]) -> tuple[dict[str, Answer], dict[str, str]]:
    """Return the answers that rules may decide on, and apart from them the texts that people wrote.

    A text is a fact where it is one of a question's choices, or no question asks for it and a rule compares it with
    something; then it has at most ``PLAIN_ANSWER_MAX`` characters. Every other text is nobody's but the customer's.
    """
    kinds = {question.name: question.kind for question in document.questions}
    compared = mentions_of(rule.when for rule in document.rules)
    texts = {
        name: answer
        for name, answer in answers.items()
        if isinstance(answer, str)
        and kinds.get(name) != "choice"
        and (name in kinds or ANSWER_PREFIX + name not in compared or len(answer) > PLAIN_ANSWER_MAX)
    }
    return {name: answer for name, answer in answers.items() if name not in texts}, texts


def check(document: PolicyDocument, facts: Facts, *, texts: dict[str, str], line: int, withdrawal: bool) -> None:
    """Hold a line's answers to the questions that are asked of it, in the order of the document.

    A question may hang on facts of the line and on the answers to earlier ones. An answer that no question asks for is
    taken as it is; ``texts`` are answers that are no facts. The declaration of withdrawal that the law provides for
    waits for no answer (2011/83 art. 11a).

    Raises:
        AnswerInvalidError: An answer is not of its question's kind, or none of its choices.
        AnswerMissingError: A required question that is asked of the line was left out.
    """
    facts = facts.model_copy(update={"answers": {**facts.answers, **texts}}) if texts else facts
    for asked in compiled(document).questions:
        if asked.is_mistaken(facts):
            raise AnswerInvalidError(asked.question, line=line)
        if asked.is_missed(facts) and not withdrawal:
            raise AnswerMissingError(asked.question, line=line)

"""Questions that a merchant asks of every line before it is decided; an answer is the fact ``answers.NAME``."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.policy.values import Code, LongText, Part, Text
from domain.policy.when import ANSWER_PREFIX, When
from domain.vocabularies import QuestionKind

QUESTIONS_MAX: Final = 100
CHOICES_MAX: Final = 100

Choices = Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=CHOICES_MAX)]


class Question(Part):
    """One question: ``choices`` are the texts to choose from; a ``text`` is what people write, and no fact of a rule.

    ``when`` says of which lines it is asked (none: all).
    A ``required`` one that is asked has to be answered, else the request is refused.
    """

    name: Code
    text: LongText
    kind: QuestionKind
    choices: Choices | None = None
    required: bool = False
    when: When | None = None

    @model_validator(mode="after")
    def _has_choices_to_choose_from(self) -> Self:
        if (self.choices is not None) != (self.kind == "choice"):
            raise PydanticCustomError("choices", "choices belong to a question of kind choice and only to it")
        if self.choices is not None and len(set(self.choices)) < len(self.choices):
            raise PydanticCustomError("choices", "a choice is there twice")
        return self

    @property
    def fact(self) -> str:
        """The name of the fact that the answer is."""
        return ANSWER_PREFIX + self.name

    @property
    def asks_for(self) -> str:
        """What an answer is, in words."""
        if self.choices is not None:
            return f"one of {', '.join(self.choices)}"
        return {"truth": "true or false", "number": "a number"}.get(self.kind, "a text")

    def is_answered_by(self, answer: object) -> bool:
        """Tell whether an answer is of the question's kind, and one of its choices."""
        if self.choices is not None:
            return answer in self.choices
        if self.kind == "text":
            return isinstance(answer, str)
        is_truth = isinstance(answer, bool)
        return is_truth if self.kind == "truth" else isinstance(answer, int | float) and not is_truth

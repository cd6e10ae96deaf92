"""What policy asks of a line before it decides, as questions of a form, and what was typed as answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from commands.fields import ANSWER_NUMBER_MAX
from workers.desk.quoting import PlayedStreams
from workers.desk.returnable import Narrowed, returnable

FURTHER_QUESTIONS_MAX: Final = 5
"""How often answers are looked at for the questions that they lead to."""
TRUTHS: Final[Mapping[str, bool]] = {"yes": True, "no": False}

Question = Mapping[str, Any]
"""``name``, ``text``, ``kind`` (truth, number, choice), ``choices``, ``required``."""
Answers = dict[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class LineAsked:
    """A line of a request that is asked about; ``answers`` are texts as they were typed, by the question's name."""

    line_id: str
    quantity: int
    reason: str
    answers: Mapping[str, str]


def options_of(order_id: str, streams: PlayedStreams, now: datetime, line: LineAsked) -> list[dict[str, Any]]:
    """Return what would come of each wish; an answer may lead to further questions."""
    answers: Answers = {}
    options: list[dict[str, Any]] = []
    for _ in range(FURTHER_QUESTIONS_MAX):
        reason: Any = line.reason
        wanted = Narrowed(line.line_id, line.quantity, reason, answers=answers)
        told = returnable(order_id, streams, now, wanted)
        options = told["lines"][0]["options"] if told and told["lines"] else []
        known = answers_to(questions_of(options), line.answers)
        if known == answers:
            break
        answers = known
    return options


def questions_of(options: list[dict[str, Any]]) -> list[Question]:
    """Return the questions that belong to any of these options, each once."""
    asked = {question["name"]: question for option in options for question in option.get("questions", [])}
    return list(asked.values())


def answers_to(questions: list[Question], typed: Mapping[str, str]) -> Answers:
    """Return the answers to questions, by name, as far as what was typed can be one."""
    told = {question["name"]: _answered(question, typed.get(question["name"], "")) for question in questions}
    return {name: answer for name, answer in told.items() if answer is not None}


def _answered(question: Question, typed: str) -> bool | int | float | str | None:
    match question["kind"]:
        case "truth":
            return TRUTHS.get(typed)
        case "choice":
            return typed if typed in question["choices"] else None
    with suppress(ValueError):
        number = float(typed.replace(",", "."))
        return number if abs(number) < ANSWER_NUMBER_MAX else None
    return None

"""What policy asks before it decides on a request that an agent types: the questions of his form, and the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workers.http.door import Door
from workers.http.pages.questions import LineAsked, Question, options_of, questions_of


def questions_about(
    door: Door, order_id: str, lines: Iterable[Mapping[str, Any]], texts: Mapping[str, str]
) -> dict[str, list[Question]]:
    """Return what policy asks of the lines of a request, by their ids; ``texts`` are what the form holds."""
    found: dict[str, list[Question]] = {}
    with door.logs.streams() as streams:
        for line in lines:
            if isinstance(quantity := line.get("quantity"), int) and line.get("reason"):
                asked = LineAsked(line["line_id"], quantity, line["reason"], answers_in(texts, line["line_id"]))
                questions = questions_of(options_of(order_id, streams, door.clock(), asked))
                found |= {asked.line_id: questions} if questions else {}
    return found


def names_of(questions: Mapping[str, list[Question]]) -> str:
    """Return which questions a form shows: once there are others, they are shown before anything else."""
    return " ".join(answer_field(line_id, one["name"]) for line_id, asked in questions.items() for one in asked)


def answer_field(line_id: str, question: str) -> str:
    """Return the form's name of the answer to a question about a line."""
    return f"answer:{line_id}:{question}"


def answers_in(texts: Mapping[str, str], line_id: str) -> dict[str, str]:
    """Return the answers about a line as they were typed, by the question's name."""
    within = answer_field(line_id, "")
    return {name.removeprefix(within): text for name, text in texts.items() if name.startswith(within)}

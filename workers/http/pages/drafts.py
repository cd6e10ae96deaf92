"""A request as it is being filled in: everything typed is in the form, page by page, until it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from commands.fields import TEXT_MAX
from workers.http.pages.naming import REASONS, WISHES
from workers.http.pages.questions import Question, answers_to
from workers.http.pages.visits import Form

CHOSEN_MAX: Final = 50
"""Lines in one request: a preview plays each."""


@dataclass(slots=True)
class DraftLine:
    """Units of one line that are to come back; ``answers`` are texts as they were typed."""

    line_id: str
    quantity: int
    reason: str
    wish: str
    comment: str
    answers: dict[str, str]


@dataclass(slots=True)
class Draft:
    """What was filled in so far; ``faults`` names what has to be put right, by field."""

    id: UUID
    lines: list[DraftLine]
    photos: list[UUID]
    faults: dict[str, str] = field(default_factory=dict)

    def kept(self, questions: Mapping[str, list[Question]] | None = None) -> list[tuple[str, str]]:
        """Return everything as fields of a form: what the next page carries on."""
        told = [("id", str(self.id))]
        for line in self.lines:
            told += [(f"quantity:{line.line_id}", str(line.quantity)), (f"reason:{line.line_id}", line.reason)]
            if questions is None:
                told += [(f"wish:{line.line_id}", line.wish), (f"comment:{line.line_id}", line.comment)]
                told += [(f"answer:{line.line_id}:{name}", text) for name, text in line.answers.items()]
        return told + [("photo", str(photo)) for photo in self.photos]

    def request(self, order_id: str, questions: Mapping[str, list[Question]], evidence: Any = ()) -> dict[str, Any]:
        """Return the body of the command; ``questions`` are those asked, by line."""
        return {
            "rma_id": str(self.id),
            "order_id": order_id,
            "lines": [_line(line, questions.get(line.line_id, [])) for line in self.lines],
            **({"evidence": list(evidence)} if evidence else {}),
        }


def draft_in(form: Form, order: Mapping[str, Any]) -> Draft:
    """Return what a form says of an order's lines; what cannot be is left out or named as a fault."""
    draft = Draft(_uuid(form.get("id")) or uuid4(), [], [])
    for line_id, line in order["lines"].items():
        quantity = _quantity(form.get(f"quantity:{line_id}"), line["free"])
        if not quantity or len(draft.lines) >= CHOSEN_MAX:
            continue
        reason, wish = form.get(f"reason:{line_id}"), form.get(f"wish:{line_id}")
        prefix = f"answer:{line_id}:"
        answers = {name.removeprefix(prefix): text.strip() for name, text in form.texts if name.startswith(prefix)}
        if reason not in REASONS:
            draft.faults[f"reason:{line_id}"] = "reason"
        comment = form.get(f"comment:{line_id}")[:TEXT_MAX]
        draft.lines.append(DraftLine(line_id, quantity, reason, wish if wish in WISHES else "refund", comment, answers))
    if not draft.lines:
        draft.faults["lines"] = "lines"
    draft.photos = [photo for photo in map(_uuid, form.all("photo")) if photo is not None]
    return draft


def _line(line: DraftLine, questions: list[Question]) -> dict[str, Any]:
    answers = answers_to(questions, line.answers)
    return {
        "line_id": line.line_id,
        "quantity": line.quantity,
        "reason": line.reason,
        "wish": line.wish,
        **({"comment": line.comment} if line.comment else {}),
        **({"answers": answers} if answers else {}),
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _quantity(text: str, free: int) -> int:
    return min(int(text), free) if text.isascii() and text.isdecimal() and len(text) < 10 else 0

"""What of an order may still come back, and on which terms: each possibility is played through, and never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, get_args
from uuid import uuid4

import orjson

from commands import dispatch
from commands.requests import RequestReturn
from commands.streams import find_order
from domain.case.questions import AnswerMissingError
from domain.errors import RuleViolationError, UnusableInputError
from domain.order import Order
from domain.policy.decision import Decision
from domain.policy.question import QUESTIONS_MAX, Question
from domain.rma import Rma
from domain.units import total
from domain.vocabularies import Reason, Wish
from workers.desk.previewing import terms_told
from workers.desk.quoting import REQUEST_TYPE, Ask, PlayedStreams, played, quoted

PLAYS_MAX: Final = 200
"""Lines times reasons that are played for one question: each takes some milliseconds."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
FIRST_WISH: Final[Wish] = "refund"


Answer = bool | int | float | str


class TooManyOptionsError(UnusableInputError):
    """So much was asked at once that it would take too long: name a line, or a reason."""

    code = "too_many_options"

    def __init__(self, options: int) -> None:
        super().__init__(
            f"{options} lines and reasons, of which {PLAYS_MAX} can be told at once: name line_id or reason"
        )


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which possibilities are wanted; None: all. ``quantity`` is of each line; None: all of its free units."""

    line_id: str | None = None
    quantity: int | None = None
    reason: Reason | None = None
    wish: Wish | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)


def returnable(order_id: str, streams: PlayedStreams, at: datetime, wanted: Narrowed) -> dict[str, Any] | None:
    """Return what the customer of an order may give back now, as JSON values; None where there is no such order.

    Each option is what policy would say to a request of the units for that reason and wish, and what would come back if
    the goods came as ``quoting`` assumes. A wish that policy does not offer is told only where it is asked for, or
    where nothing is offered. A question that has to be answered makes an option ``refused``, `answer_missing`, with all
    ``questions`` that are asked, as far as that can be told before they are answered. ``until`` is when the goods have
    to be sent, ``window_ends_at`` when the window ends.

    Raises:
        TooManyOptionsError: More than ``PLAYS_MAX`` lines and reasons are wanted.
    """
    order = find_order(streams, order_id)
    if order is None:
        return None
    free = {
        line_id: (total(order.all_free(line_id)), account.fact.title)
        for line_id, account in order.lines.items()
        if wanted.line_id in {None, line_id}
    }
    reasons = REASONS if wanted.reason is None else (wanted.reason,)
    if len(free) * len(reasons) > PLAYS_MAX:
        raise TooManyOptionsError(len(free) * len(reasons))
    shop, currency = _Shop(order, streams, at, wanted.answers), order.currency
    lines = []
    for line_id, (units, title) in free.items():
        played_out = (shop.options(line_id, wanted.quantity or units, reason, wanted.wish) for reason in reasons)
        options = [option for some in played_out for option in some] if units else []
        lines.append({"line_id": line_id, "free": units, "title": title, "options": options})
    return {"order_id": order_id, "currency": currency, "lines": lines}


class _Shop:
    """Asks what would come of requests for one order's lines."""

    def __init__(self, order: Order, streams: PlayedStreams, at: datetime, answers: Mapping[str, Answer]) -> None:
        self._order_id, self._customer = order.order_id, f"customer:{order.customer_id}"
        self._streams, self._at, self._answers = streams, at, answers

    def options(self, line_id: str, quantity: int, reason: Reason, wish: Wish | None) -> Iterator[dict[str, Any]]:
        """Yield what would come of one wish, or of each that is offered for the reason."""
        option, offers = self._option(line_id, quantity, reason, wish or FIRST_WISH)
        if wish is not None or not offers or FIRST_WISH in offers:
            yield option
        if wish is None:
            for other in offers:
                if other != FIRST_WISH:
                    yield self._option(line_id, quantity, reason, other)[0]

    def _option(
        self, line_id: str, quantity: int, reason: Reason, wish: Wish
    ) -> tuple[dict[str, Any], tuple[Wish, ...]]:
        line = {"line_id": line_id, "quantity": quantity, "reason": reason, "wish": wish}
        about, answers, is_missing = {"reason": reason, "wish": wish}, dict(self._answers), False
        for _ in range(QUESTIONS_MAX + 1):
            try:
                told, offers = self._play({**line, "answers": answers} if answers else line)
            except AnswerMissingError as missing:
                answers[missing.question.name], is_missing = _some_answer(missing.question), True
            except RuleViolationError as refused:
                return about | {"outcome": "refused", "codes": [refused.code]}, ()
            else:
                if is_missing:
                    told = {"outcome": "refused", "codes": [AnswerMissingError.code], "questions": told["questions"]}
                return about | told, offers
        raise AssertionError("a question is asked again though it was answered")

    def _play(self, line: dict[str, Any]) -> tuple[dict[str, Any], tuple[Wish, ...]]:
        body = orjson.dumps({"rma_id": str(uuid4()), "order_id": self._order_id, "lines": [line]})
        command = dispatch.parse(REQUEST_TYPE, body)
        assert isinstance(command, RequestReturn)  # noqa: S101 - the model of that type
        try:
            order, rma = played(command, Ask(body, self._at, self._customer), self._streams)
            terms = rma.lines[1].terms
            assert terms is not None  # noqa: S101 - policy has decided every line
            return self._told(order, rma, terms), terms.offers
        finally:
            self._streams.refuse()

    def _told(self, order: Order, rma: Rma, terms: Decision) -> dict[str, Any]:
        [line] = quoted(order, rma)["lines"]
        return terms_told(rma, line, terms, self._streams)


def _some_answer(question: Question) -> Answer:
    """Return an answer with which a request can be played on, to see what else is asked; nothing is told of it."""
    if question.choices is not None:
        return question.choices[0]
    return False if question.kind == "truth" else 0


def sold_lines(order_id: str, streams: PlayedStreams) -> dict[str, Any] | None:
    """Return an order's lines by id, as JSON values: their titles, categories, and how many units are free to return.

    None: there is no such order.
    """
    order = find_order(streams, order_id)
    if order is None:
        return None
    return {
        "order_id": order_id,
        "customer_id": order.customer_id,
        "currency": order.currency,
        "lines": {
            line_id: {
                "title": account.fact.title or account.fact.sku,
                "sku": account.fact.sku,
                "category": account.fact.category,
                "kind": account.fact.kind,
                "quantity": account.fact.quantity,
                "free": total(order.all_free(line_id)),
            }
            for line_id, account in order.lines.items()
        },
    }

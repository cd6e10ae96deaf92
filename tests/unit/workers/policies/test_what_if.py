"""What a draft would have changed of a return: each key that a customer meets shows, whatever its worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from domain.policy.document import PolicyDocument
from domain.rma import Rma
from tests.support.recorded_facts import recorded
from tests.support.stories import POLICY, open_shop, request
from workers.policies.history import DECIDED, DecidedReturn, DecisionEvent
from workers.policies.what_if import Compared, Draft, compare, row_of

EXCHANGE: dict[str, Any] = {**POLICY, "offers": ["refund", "exchange"], "method": "label"}
WORN: dict[str, Any] = {"name": "worn", "text": "Was it worn?", "kind": "truth", "required": True}


def asked_under(policy: dict[str, Any]) -> DecidedReturn:
    """Return a return of three shoes and a sock, 10.00 and 2.50, that the policy decided."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 1, "wish": "exchange"})
    events = recorded(shop.history)
    [asked] = [event for event in events if event.kind is Rma.Requested]
    decided = [DecisionEvent(event.position, event.body) for event in events if event.kind in DECIDED]
    return DecidedReturn(asked.stream, orjson.loads(asked.body), decided)


def changed(more: dict[str, Any]) -> list[Compared]:
    draft = Draft(PolicyDocument.model_validate({**EXCHANGE, **more}))
    return [line for line in compare(asked_under(EXCHANGE), draft) if line.is_changed]


@pytest.mark.parametrize(
    ("more", "lines", "seen"),
    [
        ({}, 0, lambda _: True),
        ({"promotions": "recompute"}, 2, lambda one: (one.promotions_before, one.promotions_after)),
        ({"grade_share_bps": {"C": 7_000}}, 2, lambda one: (one.grade_share_bps_before, one.grade_share_bps_after)),
        (
            {"fees": {"restocking_bps": 1_000, "on_exchange": True}},
            2,
            lambda one: (one.line, one.back_before_minor, one.back_after_minor),
        ),
        ({"limits": {"agent_minor": 1}, "feedback_after_days": 3}, 0, lambda _: True),
    ],
)
def test_a_key_that_the_customer_meets_shows(more: dict[str, Any], lines: int, seen: Callable[[Any], Any]) -> None:
    """Promotions, shares by grade, fees on exchanges; what binds agents alone changes no line."""
    found = changed(more)
    rows = [seen(row_of(asked_under(EXCHANGE), line)) for line in found]
    expected = {
        "promotions": [("keep", "recompute")] * 2,
        "grade_share_bps": [("", "C=7000")] * 2,
        "fees": [(1, 1000, 900), (2, 250, 225)],
    }
    assert len(found) == lines
    assert rows == next((expected[key] for key in expected if key in more), [])


def test_a_question_that_was_not_answered_is_named() -> None:
    """The draft would have refused the request until somebody said it."""
    draft = Draft(PolicyDocument.model_validate({**EXCHANGE, "questions": [WORN]}))
    assert [line.unanswered for line in compare(asked_under(EXCHANGE), draft)] == [("worn",), ("worn",)]

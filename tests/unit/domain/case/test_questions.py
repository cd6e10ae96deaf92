"""What a policy asks of a line has to be answered before it is decided, and as it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.errors import PolicyRuleImpossibleError
from tests.support.refusals import refused, states
from tests.support.shop import Shop
from tests.support.stories import POLICY, day, on_return, open_shop, request

WORN = {"name": "worn", "text": "Was it worn?", "kind": "truth", "required": True}
WHERE = {
    "name": "where", "text": "Where?", "kind": "choice", "choices": ["inside", "outside"], "required": True,
    "when": {"fact": "answers.worn", "is": True},
}  # fmt: skip
DAYS = {"name": "days", "text": "For how many days?", "kind": "number"}
FAULT = {
    "name": "fault", "text": "What is wrong?", "kind": "choice", "choices": ["torn", "stained"], "required": True,
    "when": {"fact": "reason", "is": "defective"},
}  # fmt: skip
KIT = {
    "name": "kit", "text": "Why not all of it?", "kind": "choice", "choices": ["lost", "kept"], "required": True,
    "when": {"fact": "bundle_complete", "is": False},
}  # fmt: skip


def asking(
    *questions: dict[str, Any], order: dict[str, Any] | None = None, rules: Sequence[dict[str, Any]] = ()
) -> Shop:
    return open_shop({**POLICY, "questions": list(questions), "rules": [*rules]}, order)


def answered(answers: dict[str, Any] | None, **line: Any) -> dict[str, Any]:
    """Return the body of a request for one unit with these answers."""
    told = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", **line}
    return on_return(lines=[{**told, "answers": answers} if answers is not None else told])


@pytest.mark.parametrize("answers", [None, {}, {"color": "red"}])
def test_a_required_question_left_out_is_refused(answers: dict[str, Any] | None) -> None:
    """By its name and text, and nothing is recorded: neither return nor units taken."""
    told = answered(answers)
    refused(asking(WORN), "answer_missing", "RequestReturn", told, at=day(3), question="worn", text="Was it worn?")


@pytest.mark.parametrize(
    ("answers", "question"),
    [
        ({"worn": "yes"}, "worn"),
        ({"worn": 1}, "worn"),
        ({"worn": True, "where": "shed"}, "where"),
        ({"worn": True, "where": True}, "where"),
        ({"worn": False, "days": "two"}, "days"),
        ({"worn": False, "days": True}, "days"),
        ({"worn": False, "where": "shed"}, "where"),
    ],
)
def test_an_answer_of_another_kind_or_choice_is_refused(answers: dict[str, Any], question: str) -> None:
    """Also where the question need not have been answered, or was not asked of the line."""
    shop = asking(WORN, WHERE, DAYS)
    refused(shop, "answer_invalid", "RequestReturn", answered(answers), at=day(3), question=question)


def test_a_question_may_hang_on_an_earlier_answer() -> None:
    """Where it is worn is asked of what was worn, and of nothing else."""
    shop = asking(WORN, WHERE)
    refused(shop, "answer_missing", "RequestReturn", answered({"worn": True}), at=day(3), question="where")

    shop.send("RequestReturn", answered({"worn": False}), at=day(3))

    assert states(shop, "authorization") == [(1, "authorized")]


def test_a_withdrawal_waits_for_no_answer() -> None:
    """What the law lets a customer declare is not held up by a form; a wrong answer is told as ever."""
    shop = asking(WORN)
    declared = {**answered(None), "withdrawal": True}
    refused(shop, "answer_invalid", "RequestReturn", {**answered({"worn": "yes"}), "withdrawal": True}, at=day(3))

    shop.send("RequestReturn", declared, at=day(3))

    assert states(shop, "authorization") == [(1, "authorized")]


def test_answers_that_no_question_asks_for_are_taken() -> None:
    """What rules may look at are facts; a text that no rule compares is the customer's alone."""
    shop = asking(WORN, DAYS)
    shop.send("RequestReturn", answered({"worn": True, "days": 1.5, "color": "red"}), at=day(3))

    terms = shop.rma().lines[1].terms
    assert terms is not None
    assert terms.facts.answers == {"worn": True, "days": 1.5}
    assert shop.rma().lines[1].asked.written == {"color": "red"}


def test_each_line_answers_for_itself() -> None:
    """A question hangs on the facts of its line; the second line is the one that lacks an answer."""
    lines = [
        {"line_id": "L1", "quantity": 1, "reason": "defective", "wish": "refund", "answers": {"fault": "torn"}},
        {"line_id": "L2", "quantity": 1, "reason": "defective", "wish": "refund"},
    ]
    refused(asking(FAULT), "answer_missing", "RequestReturn", on_return(lines=lines), at=day(3), line=2)


def test_a_question_may_ask_whether_the_kit_is_whole() -> None:
    """The units that the request asks for count, before they are taken."""
    order = {
        "lines": [
            {"line_id": "L1", "sku": "BODY", "quantity": 1, "amount_minor": 1000, "bundle_id": "K"},
            {"line_id": "L2", "sku": "LENS", "quantity": 1, "amount_minor": 500, "bundle_id": "K"},
        ]
    }
    shop = asking(KIT, order=order)
    refused(shop, "answer_missing", "RequestReturn", answered(None), at=day(3), question="kit")
    request(shop, {"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 1})

    assert states(shop, "authorization") == [(1, "authorized")]


def test_a_correction_is_held_to_the_questions_as_the_line_is_now() -> None:
    """Another reason brings another question; its answer comes with the correction, and earlier ones stay."""
    shop = asking(WORN, FAULT)
    shop.send("RequestReturn", answered({"worn": False, "color": "red"}), at=day(3))
    defective = on_return(line=1, reason="defective")
    refused(shop, "answer_missing", "CorrectRequest", defective, at=day(4), question="fault")
    told = {**defective, "answers": {"fault": "burnt"}}
    refused(shop, "answer_invalid", "CorrectRequest", told, at=day(4), question="fault")

    shop.send("CorrectRequest", {**defective, "answers": {"fault": "torn"}}, at=day(4))

    asked = shop.rma().lines[1].asked
    assert (asked.answers, asked.written) == ({"worn": False, "fault": "torn"}, {"color": "red"})
    assert asked.reason == "defective"


def test_a_correction_without_answers_leaves_them() -> None:
    """Fewer units, the same answers."""
    shop = asking(WORN)
    shop.send("RequestReturn", answered({"worn": True}, quantity=2), at=day(3))
    shop.send("CorrectRequest", on_return(line=1, quantity=1), at=day(4))

    assert shop.rma().lines[1].asked.answers == {"worn": True}


def test_a_text_is_a_fact_only_where_a_rule_compares_it() -> None:
    """Then it stays plain, if it is short enough for a word; asked for as a text it never does."""
    tell = {"name": "tell", "text": "What happened?", "kind": "text", "required": True}
    red = {"name": "red", "when": {"fact": "answers.color", "is": "red"}, "then": {"decide": "deny", "code": "no"}}
    for color, stays in (("red", True), ("r" * 65, False)):
        shop = asking(tell, rules=[red])
        refused(shop, "answer_missing", "RequestReturn", answered({"color": color}), at=day(3), question="tell")
        shop.send("RequestReturn", answered({"color": color, "tell": "red wine"}), at=day(3))

        asked = shop.rma().lines[1].asked
        assert ("color" in (asked.answers or {})) is stays
        assert asked.written == {"tell": "red wine"} | ({} if stays else {"color": color})
        assert (states(shop, "authorization") == [(1, "denied")]) is stays


def test_no_rule_decides_on_what_a_customer_writes() -> None:
    """A rule over the answer to a question of kind text is refused when the policy is published."""
    tell = {"name": "tell", "text": "What happened?", "kind": "text"}
    rule = {"name": "r", "when": {"fact": "answers.tell", "is": "x"}, "then": {"decide": "deny", "code": "no"}}
    with pytest.raises(PolicyRuleImpossibleError):
        asking(tell, rules=[rule])

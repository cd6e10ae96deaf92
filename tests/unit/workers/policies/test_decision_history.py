"""Stored decisions are read as far as they are asked for, and put together again as they were."""

from __future__ import annotations

import json
from typing import Any

import orjson

from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.statutes import NO_LAW
from tests.unit.workers.pictures.test_explanations import ORDERED
from workers.policies.history import DecisionEvent
from workers.policies.verifying import body_of

NASTY = ("plain", 'a "quoted" name', '"],"flips":[', ',"trace":[', '"decided_by":"x"', "back\\slash", "规则")


def event(names: tuple[str, ...]) -> DecisionEvent:
    """Return the event of one line for each name: a rule so called that denies, asked about an answer so given."""
    lines = []
    for number, name in enumerate(names, start=1):
        document: dict[str, Any] = {
            "window": {"days": 9},
            "rules": [
                {
                    "name": name,
                    "when": {"fact": "answers.why", "is": name},
                    "then": {"decide": "deny", "code": "no"},
                }
            ],
        }
        facts = Facts(ordered_at=ORDERED, requested_at=ORDERED, answers={"why": name})
        decision = decide(PolicyDocument.model_validate(document), NO_LAW, facts).model_dump_json()
        lines.append(f'{{"line":{number},"runs":[{{"first":{number},"count":1}}],"decision":{decision}}}')
    return DecisionEvent(1, f'{{"lines":[{",".join(lines)}]}}'.encode())


def test_who_decided_is_found_whatever_it_is_called() -> None:
    """The decider of each line is the one that its trace names."""
    stored = event(NASTY)

    assert [stored.decided_by(line) for line in stored.lines] == [f"rule:{name}" for name in NASTY]


def test_the_body_is_put_together_again() -> None:
    """Lines and the stored decisions of an event make its body, byte for byte."""
    stored = event(NASTY)
    decisions = [
        json.dumps(line["decision"], ensure_ascii=False, separators=(",", ":"))
        for line in orjson.loads(stored.body)["lines"]
    ]

    assert body_of(stored.lines, [decision.encode() for decision in decisions]) == stored.body

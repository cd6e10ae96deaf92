"""Stored decisions are read without their traces, and nothing else of them is lost."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from tests.unit.workers.pictures.test_explanations import ORDERED
from workers.policies.history import DecisionEvent, without_traces
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
        decision = decide(PolicyDocument.model_validate(document), (), facts).model_dump_json()
        lines.append(f'{{"line":{number},"runs":[{{"first":{number},"count":1}}],"decision":{decision}}}')
    return DecisionEvent(1, "rma.Rma.Denied.v1", f'{{"lines":[{",".join(lines)}]}}'.encode())


def test_only_traces_are_cut_out() -> None:
    """Whatever names and answers hold, the rest of each decision is what was stored."""
    stored = event(NASTY)

    cut = orjson.loads(without_traces(stored.body))
    whole = orjson.loads(stored.body)

    for line in whole["lines"]:
        assert line["decision"].pop("trace")
    assert cut == whole
    assert len(without_traces(stored.body)) < len(stored.body)


def test_who_decided_is_found_without_reading_the_trace() -> None:
    """The decider of each line is the one that its trace ends with, whatever it is called."""
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


@pytest.mark.parametrize("body", [b'{"lines":[]}', b'{"lines":[],"trace":[', b""])
def test_what_has_no_trace_is_left_alone(body: bytes) -> None:
    """A body in which nothing is to be cut comes back as it is."""
    assert without_traces(body) == body

"""`rma answer`: what became of a command, long after its answer has left the topic."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from infra.log.answers import BY_ID
from tests.support.pipeline import Pipeline, Polled, command, delivery, environment, order
from workers.cli.app import app
from workers.cli.exit_codes import DONE, SAID_NO

STRUCTURED = {
    "specversion": "1.0",
    "id": "bad-too",
    "source": "/till",
    "type": "rma.RegisterOrder.v1",
    "time": "2026-03-01T10:00:00Z",
    "actor": "system:shop",
    "data": order(currency="euro"),
}


@pytest.fixture
def told(pipeline: Pipeline) -> Pipeline:
    """A system that has answered some commands, and set others aside."""
    pipeline.publish(
        [
            command("RegisterOrder", order(), id="good"),
            command("RegisterOrder", order("O-2"), id="good", source="/till", key=b"O-2"),
            command("RecordDelivery", delivery("O-9"), id="early"),
            command("RegisterOrder", order(currency="euro"), id="bad"),
            Polled(orjson.dumps(STRUCTURED), [("content-type", b"application/cloudevents+json")]),
        ]
    )
    pipeline.handle_all(records=5)
    pipeline.relay_all()
    return pipeline


def run(pipeline: Pipeline, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["answer", *arguments], env=environment(pipeline.settings))
    return result.exit_code, result.output


def asked(pipeline: Pipeline, *arguments: str) -> Any:
    code, said = run(pipeline, *arguments, "--json")
    assert code == DONE, said
    return json.loads(said)


def test_what_was_answered_is_told_by_id(told: Pipeline) -> None:
    """Every source that used the id, or the one that is named; a refusal is an answer like any other."""
    both, one = asked(told, "good")["answers"], asked(told, "good", "--source", "/till")["answers"]

    assert [(answer["source"], answer["status"]) for answer in both] == [("/shop", "accepted"), ("/till", "accepted")]
    assert [answer["events"][0]["stream"] for answer in one] == ["order/O-2"]
    assert [answer["code"] for answer in asked(told, "early")["answers"]] == ["unknown_order"]


def test_the_answer_is_that_of_the_topic(told: Pipeline) -> None:
    """What is told is what was published, not made anew."""
    [published] = [answer for answer in told.results() if answer["command_id"] == "early"]

    assert asked(told, "early")["answers"] == [published]


@pytest.mark.parametrize(("command_id", "source"), [("bad", "/shop"), ("bad-too", "/till")])
def test_what_was_malformed_is_told_with_its_faults(told: Pipeline, command_id: str, source: str) -> None:
    """In binary and in structured mode; another source's command of that id is not it."""
    [letter] = asked(told, command_id, "--source", source)["dead_letters"]
    code, said = run(told, command_id)

    assert [fault["path"] for fault in letter["reason"]["faults"]] == ["$.currency"]
    assert (code, letter["id"] in said) == (DONE, True)
    assert run(told, command_id, "--source", "/elsewhere")[0] == SAID_NO


def test_what_nobody_knows_is_said_in_one_line(told: Pipeline) -> None:
    """The line says what that may mean, and the exit code that it is not known."""
    code, said = run(told, "never-sent")

    assert code == SAID_NO
    assert said.startswith("no command never-sent was ever answered")
    assert len(said.splitlines()) == 1


def test_the_id_alone_is_found_by_the_key(told: Pipeline) -> None:
    """A log with millions of answers is not read through for one of them."""
    plan = told.log.connection.execute(f"EXPLAIN {BY_ID}", ("good", 100)).fetchall()

    assert "Index Cond: (command_id = 'good'" in "\n".join(line for (line,) in plan)

"""What counts as a difference between two commits, and of which class it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infra.kafka.command_client import OutgoingCommand
from tests.same_events import Event, Told, differences

AT = datetime(2026, 3, 1, tzinfo=UTC)
SEALED = "sealed:v1:6f1d5d3e-3c7b-5b52-9a5f-0d2b1c0b7a11:AAAA"


def command(number: int, key: str = "O-1") -> OutgoingCommand:
    return OutgoingCommand("GiveFeedback", f"c-{number}", "/chaos/1", key, AT, "agent:A", {})


def event(body: Any, kind: str = "rma.Rma.FeedbackGiven.v1", version: int = 1) -> Event:
    return Event("rma/1", version, kind, AT, "agent:A", "O-1", body)


def told(*of_each: list[Event], answers: tuple[str, ...] = ()) -> Told:
    said = answers or ("accepted",) * len(of_each)
    ids = [f"c-{number}" for number in range(len(of_each))]
    return Told(dict(zip(ids, said, strict=True)), dict(zip(ids, of_each, strict=True)))


def kinds(commands: list[OutgoingCommand], before: Told, now: Told) -> list[str]:
    return [one.kind for one in differences(commands, before, now)]


def test_what_is_alike_is_no_difference() -> None:
    """The same answers, and events with the same bodies, whatever the order of their names."""
    before, now = told([event({"score": 1, "by": "C"})]), told([event({"by": "C", "score": 1})])

    assert kinds([command(0)], before, now) == []


def test_a_body_differs_by_path() -> None:
    """New, gone, changed and sealed fields each have their class; a new one that says nothing has another."""
    before = told([event({"score": 1, "note": "late", "lines": [{"sku": "A"}], "old": 2})])
    now = told([event({"score": 2, "note": SEALED, "lines": [{"sku": "A", "tax": 3}], "more": []})])

    assert kinds([command(0)], before, now) == [
        "body rma.Rma.FeedbackGiven.v1: lines[].tax new",
        "body: a field that came since says nothing",
        "body rma.Rma.FeedbackGiven.v1: note sealed",
        "body rma.Rma.FeedbackGiven.v1: old gone",
        "body rma.Rma.FeedbackGiven.v1: score changed",
    ]


def test_behind_another_answer_an_order_is_not_compared_on() -> None:
    """What comes behind it in the same order follows from it; another order is compared on."""
    commands = [command(0), command(1), command(2, key="O-2"), command(3)]
    before = told([], [event({"score": 1})], [event({})], [], answers=("refused x", *["accepted"] * 3))
    now = told([event({})], [], [event({}), event({}, "rma.Rma.Closed.v1", 2)], [])

    assert kinds(commands, before, now) == [
        "answer GiveFeedback: refused x, now accepted",
        "behind another answer in its order",
        "events GiveFeedback: also rma.Rma.Closed.v1",
    ]


def test_an_answer_differs_by_its_code() -> None:
    """Whoever was refused for another reason was answered something else."""
    before, now = told([], answers=("refused wrong_state",)), told([], answers=("malformed malformed",))

    assert kinds([command(0)], before, now) == ["answer GiveFeedback: refused wrong_state, now malformed malformed"]


def test_events_in_another_order_are_told_and_compared() -> None:
    """Each with its like; a fact that came since is no other order."""
    one, two = event({"a": 1}), event({}, "rma.Rma.Closed.v1", 2)
    more = event({}, "rma.Rma.Noted.v1", 3)

    assert kinds([command(0)], told([one, two]), told([two, event({"a": 2})])) == [
        "body rma.Rma.FeedbackGiven.v1: a changed",
        "order of events in a stream GiveFeedback",
    ]
    other = event({})._replace(stream="order/1")
    assert kinds([command(0)], told([one, other]), told([other, one])) == [
        "order of events between streams GiveFeedback"
    ]
    assert kinds([command(0)], told([one, two]), told([more, one, two])) == [
        "events GiveFeedback: also rma.Rma.Noted.v1"
    ]


def test_a_field_that_differs_does_not_set_an_order_apart() -> None:
    """Two bodies of one order that differ are two differences, each of its own class."""
    before, now = told([event({})], [event({})]), told([event({"a": 1})], [event({"b": 1})])

    assert [kind.split(": ")[1] for kind in kinds([command(0), command(1)], before, now)] == ["a new", "b new"]

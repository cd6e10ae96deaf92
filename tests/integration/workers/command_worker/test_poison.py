"""Records that cannot be handled: each is tried a few times, then parked alone, and the worker goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
import structlog
from kafka.structs import TopicPartition

from commands.registry import REGISTRATIONS
from infra.envelope import command_record
from infra.log.event_log import ConcurrencyError
from infra.log.in_hand import PIECES
from tests.support.command_worker import dead_letters, events, outcome
from tests.support.doomed import batch as doomed_batch
from tests.support.pipeline import Pipeline, Polled, command, delivery, environment, order
from workers.command_worker import worker as command_worker
from workers.command_worker.worker import POISON_ATTEMPTS_MAX, CommandFailedError, CommandWorker

NEVER = re.compile("(?!)")
KILLED: Final = -9
DEATHS_MAX: Final = 5
"""One of a whole batch, one of a piece of it, and as many alone as park a record."""

Plant = Callable[[str, BaseException], list[str]]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Leave tracebacks undrawn: those of a console show every local, which takes seconds each."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Let the handler of a command raise; return the ids that it was asked to handle, as they come."""

    def in_handler(name: str, defect: BaseException) -> list[str]:
        asked: list[str] = []

        def broken(_body: Any, meta: Any, *_: Any) -> None:
            asked.append(meta.command_id)
            raise defect

        type_name = f"rma.{name}.v1"
        monkeypatch.setitem(REGISTRATIONS, type_name, replace(REGISTRATIONS[type_name], handler=broken))
        return asked

    return in_handler


def failures(pipeline: Pipeline) -> list[tuple[int, int]]:
    """Return of which offsets how many failures are known."""
    return [
        (offset, attempts)
        for offset, attempts in pipeline.log.connection.execute(
            "SELECT record_offset, attempts FROM rma_log.poison ORDER BY record_offset"
        )
    ]


@pytest.mark.parametrize("defect", [ZeroDivisionError("planted"), MemoryError(), RecursionError(), AssertionError()])
def test_a_record_that_fails_is_parked_and_the_worker_goes_on(
    pipeline: Pipeline, worker: CommandWorker, plant: Plant, defect: Exception
) -> None:
    """One call is enough: the record is tried alone a few times, set aside unanswered, and all others are decided."""
    asked = plant("RecordDelivery", defect)
    batch = [
        command("RegisterOrder", order("O-1"), id="before"),
        command("RecordDelivery", delivery(), id="poison"),
        command("RegisterOrder", order("O-2"), id="after"),
    ]

    worker.record(batch)

    assert asked == ["poison"] * (1 + POISON_ATTEMPTS_MAX)
    assert [event.stream for event in events(pipeline)] == ["order/O-1", "order/O-2"]
    [letter] = dead_letters(pipeline)
    assert letter.value == batch[1].value
    assert b"parked" in dict(letter.headers)["rma_dead_reason"]
    assert pipeline.log.find_outcomes([("/shop", "poison")]) == {}


def test_later_commands_of_its_key_are_decided_without_it(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """The rule of decision 16: what is set aside is as if it had not come; redriven, it is decided as it comes then."""
    with monkeypatch.context() as defective:
        original = REGISTRATIONS["rma.RecordDelivery.v1"]
        asked = plant("RecordDelivery", ZeroDivisionError())
        parked = command("RecordDelivery", delivery(quantity=3, delivery_id="D-1"), id="parked")
        worker.record([command("RegisterOrder", order("O-1"), id="order"), parked])
        defective.setitem(REGISTRATIONS, "rma.RecordDelivery.v1", original)
        later = command("RecordDelivery", delivery(quantity=2, delivery_id="D-2"), id="later")
        worker.record([later])
        assert asked

        assert outcome(pipeline, "later")["status"] == "accepted"
        worker.record([replace(parked, offset=later.offset + 1)])

    assert outcome(pipeline, "parked")["code"] == "quantity_exceeded"


def test_many_records_that_fail_stop_nobody(pipeline: Pipeline, worker: CommandWorker, plant: Plant) -> None:
    """A source that has found a defect and sends nothing else costs time, and no one else an answer."""
    plant("RecordDelivery", ZeroDivisionError())
    batch = [command("RecordDelivery", delivery(), id=f"poison-{number}") for number in range(20)]

    worker.record([*batch, command("RegisterOrder", order("O-2"), id="after")])

    assert len(dead_letters(pipeline)) == len(batch)
    assert outcome(pipeline, "after")["status"] == "accepted"


def test_a_value_that_the_database_refuses_spoils_one_record_only(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the append fails for one record's sake, the batch is taken apart and the others are recorded."""
    monkeypatch.setattr(command_record, "CONTROL_CHARACTERS", NEVER)  # the planted hole in the checks
    batch = [
        command("RegisterOrder", order("O-1"), id="good"),
        command("RegisterOrder", order("O-2"), id="bad\x00"),
        command("RegisterOrder", order("O-3"), id="good-too"),
    ]

    worker.record(batch)

    assert [event.stream for event in events(pipeline)] == ["order/O-1", "order/O-3"]
    assert len(dead_letters(pipeline)) == 1


def test_a_record_that_cannot_even_be_parked_ends_the_worker(
    pipeline: Pipeline, worker: CommandWorker, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts are bounded whatever goes wrong: nothing is written, and nothing goes round for ever."""
    plant("RegisterOrder", ZeroDivisionError())

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command_worker, "dead_letter", broken)
    with pytest.raises(CommandFailedError):
        worker.record([command("RegisterOrder", order(), id="c-1")])

    assert (events(pipeline), dead_letters(pipeline)) == ([], [])


def test_what_no_record_is_to_blame_for_parks_none(
    pipeline: Pipeline, worker: CommandWorker, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Races lost, and services away, are waited out: they are counted against nobody."""
    monkeypatch.setattr(command_worker, "RACES_MAX", 0)
    plant("RegisterOrder", ConcurrencyError("planted"))

    with pytest.raises(ConcurrencyError):
        worker.record([command("RegisterOrder", order(), id="c-1")])

    assert failures(pipeline) == []


@pytest.mark.parametrize("attribute", ["timestamp", "value", "key", "headers"])
def test_another_record_at_the_same_place_is_not_judged_by_the_first(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch, plant: Plant, attribute: str
) -> None:
    """A topic that is made anew gives its places out again; the first record itself stays parked."""
    first = command("RegisterOrder", order("O-1"), id="first")
    with monkeypatch.context() as defective:
        original = REGISTRATIONS["rma.RegisterOrder.v1"]
        plant("RegisterOrder", ZeroDivisionError())
        worker.record([first])
        defective.setitem(REGISTRATIONS, "rma.RegisterOrder.v1", original)
        second = command("RegisterOrder", order("O-2"), id="second", key=b"O-2")
        changed: dict[str, Any] = {attribute: 7 if attribute == "timestamp" else getattr(second, attribute)}
        other = replace(first, **changed)

        worker.record([first])
        assert len(dead_letters(pipeline)) == 2
        worker.record([other])

    assert len(dead_letters(pipeline)) == 2
    assert len(events(pipeline)) == 1


def test_a_record_that_kills_the_process_is_parked(pipeline: Pipeline) -> None:
    """Nobody can count what kills him: the next worker finds what was in hand, and takes it apart."""
    records, killer = 60, 30
    arguments = ("-m", "tests.support.doomed", str(records), str(killer))
    own = {**os.environ, **environment(pipeline.settings)}
    ended: list[int] = []
    while not ended or (ended[-1] == KILLED and len(ended) <= DEATHS_MAX):
        ended.append(subprocess.run([sys.executable, *arguments], env=own, check=False).returncode)  # noqa: S603 - our own

    assert set(ended[:-1]) == {KILLED}
    assert ended[-1] == 0
    [letter] = dead_letters(pipeline)
    assert letter.value == doomed_batch(records)[killer].value
    assert {event.stream for event in events(pipeline)} == {f"order/O-{n}" for n in range(records) if n != killer}


def test_a_record_that_was_in_hand_by_chance_counts_for_nothing_once_it_is_handled(pipeline: Pipeline) -> None:
    """A worker may be killed by anyone at any time: what the next one handles well was not to blame."""
    polled: list[Polled] = [command("RegisterOrder", order("O-1"), id="c-1")]
    place = TopicPartition(polled[0].topic, 0)
    others = pipeline.worker()
    for _ in range(2 * POISON_ATTEMPTS_MAX):
        others._in_hand.take_over(place, polled)
        assert pipeline.worker().handle({place: polled}) == {place: polled[0].offset + 1}
        assert failures(pipeline) == []

    assert dead_letters(pipeline) == []
    assert len(events(pipeline)) == 1


def test_a_worker_that_tries_again_blames_nobody(pipeline: Pipeline) -> None:
    """A batch that the same worker has in hand once more, as after an outage, is handled as a whole."""
    polled = doomed_batch(PIECES * 2)
    place = TopicPartition(polled[0].topic, 0)
    handling = pipeline.worker()

    assert [handling.handle({place: polled}) for _ in range(3)] == [{place: len(polled)}] * 3

    assert failures(pipeline) == []

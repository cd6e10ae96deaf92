"""Two workers decide the same command from the same version of a stream: one comes second, whatever command it is."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from threading import Barrier, Thread
from typing import Final

import pytest

from commands.registry import REGISTRATIONS
from infra.log.event_log import Append, EventLog
from infra.records import StoredEvent
from infra.sealing.bodies import marked_body
from tests.support.conservation import check
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways.case import AT, SOLD, Answer, Body
from tests.support.pipeline import Pipeline, Polled, answer, command
from tests.support.shop import Shop
from tests.support.stories import day
from workers.command_worker.worker import CommandWorker
from workers.runtime.every_event import make_codec

RACERS: Final = (1, 2)
ONE_AT_A_TIME: Final = frozenset({"EraseCustomer"})
"""Who erases holds the customer's key until it is recorded: whoever comes second waits for it, and finds it gone."""

MEETING_MAX_S: Final = 60.0
NOW: Final = day(90)
EVENTS_MAX: Final = 1_000


class MeetingLog(EventLog):
    """A log whose first append waits until all racers have decided."""

    def __init__(self, dsn: str, meeting: Barrier) -> None:
        super().__init__(dsn)
        self._meeting = meeting
        self.appends = 0

    def append(self, batch: Append) -> None:
        self.appends += 1
        if self.appends == 1:
            self._meeting.wait(MEETING_MAX_S)
        super().append(batch)


def worker_on(pipeline: Pipeline, log: EventLog) -> CommandWorker:
    return pipeline.worker(log, clock=lambda: NOW)


def told(name: str, body: Body, command_id: str, at: datetime) -> Polled:
    return command(name, body, id=command_id, actor=actor_of(name), time=at.isoformat())


def race(pipeline: Pipeline, name: str) -> int:
    """Let all racers say it at once; return how often anything was appended."""
    meeting, appends = Barrier(1 if name in ONE_AT_A_TIME else len(RACERS)), []

    def say(number: int) -> None:
        with closing(MeetingLog(pipeline.dsn, meeting)) as log:
            worker_on(pipeline, log).record([told(name, CASES[name].said(number), f"race-{number}", CASES[name].at)])
            appends.append(log.appends)

    threads = [Thread(target=say, args=(number,)) for number in RACERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(appends)


def heard(log: EventLog, number: int) -> Answer:
    command_id = ("/shop", f"race-{number}")
    given = answer(log.find_outcomes([command_id])[command_id].result)
    if given["status"] == "refused":
        return str(given["code"])
    return "accepted" if given["events"] else "nothing"


def replayed(events: Iterable[StoredEvent]) -> Shop:
    """Return a shop in which all happened that a log tells, each event after its predecessor."""
    shop, codec = Shop(), make_codec()
    for event in events:
        body = marked_body(event.type, event.body) if event.sealed_key_id else event.body
        fact = codec.decode(event.type, event.stream, event.version, event.occurred_at, body)
        shop.history.append(fact)
        aggregate = fact.mutate(shop.aggregates.get(event.stream))
        assert aggregate is not None
        shop.aggregates[event.stream] = aggregate
    return shop


def test_every_command_of_the_contract_races() -> None:
    """A command that is added needs a case of what two hear who say it at once."""
    assert {name.split(".")[1] for name in REGISTRATIONS} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_of_two_that_decide_from_the_same_version_one_comes_second(pipeline: Pipeline, name: str) -> None:
    """Both decide before either appends: one is turned away, and hears what is left; all is conserved."""
    case = CASES[name]
    with closing(EventLog(pipeline.dsn)) as log:
        steps = [*SOLD, *case.before]
        worker_on(pipeline, log).record(
            [told(step, body, f"before-{number}", AT) for number, (step, body) in enumerate(steps)]
        )
        before = log.read(0, EVENTS_MAX)

        appends = race(pipeline, name)

        decided_anew = name not in ONE_AT_A_TIME  # whoever came second found the stream grown
        assert appends == len(RACERS) + decided_anew
        assert sorted(heard(log, number) for number in RACERS) == sorted(["accepted", case.second])
        events = log.read(0, EVENTS_MAX)
        assert events[: len(before)] == before
        shop = replayed(events)
    check(shop)

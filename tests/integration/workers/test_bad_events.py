"""What cannot be read is never passed over: whoever meets it stops there, and says where to read on what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from os import environ
from threading import Event, Timer
from typing import Any, Final

import psycopg
import pytest
import structlog
from kafka.structs import TopicPartition

from infra.envelope.codec import UnreadableEventError
from infra.log.event_log import EventLog
from infra.log.poison import failures
from infra.records import StoredEvent
from infra.schema_version import LogIsNewerError
from projections.projection import Projection
from projections.read_models import PROJECTIONS
from tests.examples.story import whole_story
from tests.support import old_versions
from tests.support.command_line import invoke
from tests.support.command_worker import outcome, wanted
from tests.support.every_worker import with_work_for_all
from tests.support.pipeline import Pipeline, Polled, command, delivery, environment, order
from tests.support.recorded_facts import CODEC
from workers.credit_notes.table import CreditNoteTable
from workers.deadlines.table import DeadlineTable
from workers.labels.table import LabelTable
from workers.notices.table import NoticeTable
from workers.payments.questions import PaymentQuestions
from workers.policies.history import decided_returns
from workers.projector.projector import Projector, prepare
from workers.registry import WORKERS, Worker
from workers.webhooks.table import WebhookTable

PARTITION: Final = TopicPartition("rma.events", 0)
STARTED_S: Final = 20.0
"""A worker that works for so long has started."""

LOOKED_AT: Final[Mapping[str, str]] = {
    "tracking": "rma.Rma.Requested.v1",
    "refund_ledger": "rma.Order.RefundRequested.v1",
    "return_reasons": "rma.Rma.Inspected.v1",
    "payments": "rma.Order.PayoutSettled.v1",
    "deadlines": "rma.Rma.DeadlinesMoved.v1",
    "credit_notes": "rma.Order.RefundRequested.v1",
    "labels": "rma.Rma.Authorized.v1",
    "webhooks": "rma.Rma.Authorized.v1",
    "notices": "rma.Rma.Received.v1",
}
"""Of each reader of the topic a type that it has to look at."""
TYPES_ALONE: Final = frozenset({"labels", "webhooks"})
"""Those who look into no body: they choose by the type, and read the rest from the log."""

READERS: Final[Mapping[str, Projection]] = {
    **PROJECTIONS,
    "payments": PaymentQuestions(),
    "deadlines": DeadlineTable(),
    "credit_notes": CreditNoteTable(),
    "labels": LabelTable(),
    "webhooks": WebhookTable(),
    "notices": NoticeTable(datetime(2000, 1, 1, tzinfo=UTC)),
}


def from_a_newer_version(event: StoredEvent) -> StoredEvent:
    return event._replace(type=event.type.replace(".v1", ".v9"))


def damaged(event: StoredEvent) -> StoredEvent:
    return event._replace(body=b'{"half":')


def alarms(logs: list[Any], what: str) -> list[Any]:
    """Return the alarms of a kind; each names its section of the runbook."""
    found = [line for line in logs if line["event"] == what]
    assert {(line["log_level"], line["runbook"]) for line in found} <= {("error", f"docs/runbook.md#{what}")}
    return found


BAD: Final = [
    *((name, from_a_newer_version) for name in READERS),
    *((name, damaged) for name in READERS if name not in TYPES_ALONE),
]


@pytest.mark.parametrize(("name", "made_bad"), BAD)
def test_a_reader_of_the_topic_stops_at_it(log: EventLog, postgres_dsn: str, name: str, made_bad: Any) -> None:
    """Up to the bad event all is folded; its partition stops there, and stands there after the next start, too."""
    old_versions.log_story(log, whole_story(), is_old=lambda *_: False)
    events = log.read(0, 10_000)
    at = next(place for place, event in enumerate(events) if event.type == LOOKED_AT[name])
    events[at] = made_bad(events[at])
    batch = {PARTITION: old_versions.published(events, PARTITION.topic)}
    prepare(postgres_dsn, READERS[name])

    with closing(Projector(postgres_dsn, READERS[name], CODEC)) as projector:
        with structlog.testing.capture_logs() as logs:
            next_offsets = projector.handle(batch)
        resumes_at = projector.resume_offset(PARTITION)

    assert (next_offsets, resumes_at) == ({}, at)
    [alarm] = alarms(logs, "event_unreadable")
    assert (alarm["projection"], alarm["partition"], alarm["offset"]) == (name, 0, at)


@pytest.fixture
def half_known(pipeline: Pipeline) -> Pipeline:
    """A log of which this version can read the policies, and nothing else."""
    old_versions.log_story(pipeline.log, whole_story(), is_old=lambda _, event: not event.stream.startswith("policy/"))
    return pipeline


def placed(record: Polled, partition: int, offset: int) -> Polled:
    return replace(record, topic="rma.commands", partition=partition, offset=offset)


def test_a_command_about_it_is_held_and_the_other_partitions_go_on(half_known: Pipeline) -> None:
    """Its partition stops at the command, which is neither answered nor parked; once it can be read, it is answered."""
    before, about_it, behind, elsewhere = (
        placed(command("RegisterOrder", order("O-7"), id="before"), 0, 10),
        placed(command("RecordDelivery", delivery("O-1", delivery_id="D-9"), id="about-it"), 0, 11),
        placed(command("RegisterOrder", order("O-8"), id="behind"), 0, 12),
        placed(command("RegisterOrder", order("O-9"), id="elsewhere"), 1, 20),
    )
    stopped, going = TopicPartition("rma.commands", 0), TopicPartition("rma.commands", 1)

    for _ in range(4):  # more often than a record may make the worker fail
        with structlog.testing.capture_logs() as logs:
            offsets = half_known.worker().handle({stopped: [before, about_it, behind], going: [elsewhere]})
        assert offsets == {going: 21}
        [alarm] = alarms(logs, "event_unreadable")
        assert (alarm["partition"], alarm["offset"]) == (0, 11)
        assert "order/O-1" in alarm["error"]
    answered = {key for _, key in half_known.log.find_outcomes([("/shop", key) for key in ("about-it", "behind")])}
    assert answered == set()
    assert outcome(half_known, "elsewhere")["status"] == "accepted"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.runtime.every_event.UPCASTS", old_versions.planted_upcasts())
        known = Pipeline(half_known.settings)
        assert known.worker().handle({stopped: [before, about_it, behind]}) == {stopped: 13}
        known.close()
    assert outcome(half_known, "about-it")["code"] == "quantity_exceeded"
    assert outcome(half_known, "behind")["status"] == "accepted"


def test_a_command_that_leads_to_it_is_held_too(pipeline: Pipeline) -> None:
    """A stream that only the decision needs, such as the policy of a return's order, is as good a reason to stop."""
    old_versions.log_story(pipeline.log, whole_story(), is_old=lambda _, event: event.stream.startswith("policy/"))
    asked = placed(wanted(1, id="asked"), 0, 10)

    for _ in range(4):
        with structlog.testing.capture_logs() as logs:
            assert pipeline.worker().handle({TopicPartition("rma.commands", 0): [asked]}) == {}
        assert [alarm["offset"] for alarm in alarms(logs, "event_unreadable")] == [10]
    assert pipeline.log.find_outcomes([("/shop", "asked")]) == {}


def test_a_worker_that_ended_with_it_in_hand_counts_nothing_once_another_stops_at_it(pipeline: Pipeline) -> None:
    """Anybody may kill a worker while the partition stands: the next finds the command in hand, and lives."""
    old_versions.log_story(pipeline.log, whole_story(), is_old=lambda _, event: event.stream.startswith("policy/"))
    asked, place = placed(wanted(1, id="asked"), 0, 10), TopicPartition("rma.commands", 0)

    for _ in range(4):
        pipeline.worker()._in_hand.take_over(place, [asked])
        assert pipeline.worker().handle({place: [asked]}) == {}
        assert failures(pipeline.log.connection) == []
    assert pipeline.log.find_outcomes([("/shop", "asked")]) == {}


def test_questions_to_all_decisions_stop_at_it(half_known: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that is not known might be a decision: nothing is said of all of them, and the command says why."""
    for name, value in environment(half_known.settings).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(UnreadableEventError, match=r"\.v0"):
        list(decided_returns(half_known.log, half_known.codec))
    ran = invoke("policy", "verify")

    assert ran.exit_code == 1
    assert ".v0" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def newer(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A system that a newer version has migrated."""
    with psycopg.connect(pipeline.dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO public.rma_migrations (name, sha256) VALUES ('9999_later.sql', '')")
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    return pipeline


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_no_worker_starts_on_a_newer_log(newer: Pipeline, worker: Worker) -> None:
    """What a newer version may have written is not worked on, whatever this one would make of it."""
    settings = with_work_for_all(newer.settings)
    stop = Event()
    patience = Timer(STARTED_S, stop.set)
    patience.start()

    with pytest.raises(LogIsNewerError, match="the database is at migration 9999_later, this version knows up to 00"):
        worker.run(settings, stop)

    patience.cancel()


def test_a_worker_says_in_its_log_that_it_is_too_old(newer: Pipeline) -> None:
    """One line for whoever watches, one for whoever reads, and an exit code."""
    ran = subprocess.run(
        [sys.executable, "-m", "workers.cli.app", "work", "relay"],
        env={**environ, "RMA_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    alarm, sentence = ran.stderr.splitlines()
    assert json.loads(alarm)["runbook"] == "docs/runbook.md#log_is_newer"
    assert sentence.startswith("the database is at migration 9999_later")
    assert ran.returncode == 1


@pytest.mark.parametrize("arguments", [("init",), ("work", "all"), ("rebuild", "tracking"), ("policy", "verify")])
def test_the_command_line_leaves_a_newer_log_alone(newer: Pipeline, arguments: tuple[str, ...]) -> None:
    """Nothing is created, started, rebuilt or judged by a version that does not know all there is."""
    ran = invoke(*arguments)

    assert ran.exit_code == 1
    assert "the database is at migration 9999_later" in ran.stderr

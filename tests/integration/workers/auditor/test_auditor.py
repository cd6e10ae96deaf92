"""The auditor signs what log and topic agree on, goes on where it stood, and stops at the first difference."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import structlog
from prometheus_client import generate_latest

from infra.envelope.cloudevents import event_headers
from infra.kafka.publisher import publisher_of
from infra.log.auditing import event_at
from infra.metrics import WorkerMetrics
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note, SigningKey
from infra.records import StoredEvent
from tests.support import old_system
from tests.support.audited import audited, auditing, key_of, sign_all, verified
from tests.support.decided_log import decide_some
from tests.support.pipeline import Pipeline, command, order, wait_for
from workers.audit.resuming import resume
from workers.auditor import published
from workers.auditor.faults import FaultFoundError
from workers.auditor.signing import KeyReplacedError, sign
from workers.auditor.worker import Auditor
from workers.operating.initialising import initialise
from workers.operating.status import read_status


def signed(pipeline: Pipeline) -> list[Checkpoint]:
    """Return what was signed."""
    rows = store.checkpoints(pipeline.log.connection)
    return [Checkpoint.parse(Note.parse(row.note).text) for row in rows]


def tamper(pipeline: Pipeline, statement: str, *parameters: object) -> None:
    """Change what is recorded, as only a superuser can."""
    with closing(psycopg.connect(pipeline.dsn)) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(statement.encode(), parameters)


def publish(pipeline: Pipeline, event: StoredEvent) -> None:
    """Put an event onto the topic, as a relay would."""
    with closing(publisher_of(pipeline.settings)) as publisher:
        publisher.deliver(pipeline.topics.events, [(event.partition_key.encode(), event.body, event_headers(event))])


def event(pipeline: Pipeline, position: int) -> StoredEvent:
    found = event_at(pipeline.log.connection, position)
    assert found is not None
    return found


def test_what_is_published_is_signed_and_verifies(pipeline: Pipeline) -> None:
    """Every event and every answer, in the view and on the topic; each part of it alone, and from a position on."""
    audited(pipeline)
    rows, last = list(store.checkpoints(pipeline.log.connection)), signed(pipeline)[-1]
    report = verified(pipeline.settings)

    assert report.fault is None
    assert (last.tree_size, last.number) == (report.events, len(rows))
    assert (report.records, report.checkpoints, report.outcomes) == (last.tree_size, len(rows), last.outcomes)
    [key] = key_of(pipeline.settings)
    assert Note.parse(rows[-1].note).signers([key.verifier]) == [key.verifier]
    notes = [(note.key, note.note) for note in published.notes(pipeline.bootstrap, pipeline.topics.checkpoints)]
    assert notes == [(str(row.tree_size), row.note) for row in rows]

    before = next(row.tree_size for row in reversed(rows) if row.tree_size < last.tree_size)
    later = verified(pipeline.settings, from_position=before + 1)
    assert (later.fault, later.events) == (None, last.tree_size - before)
    for part in ("log", "topic", "checkpoints"):
        alone = {name: name == part for name in ("log", "topic", "checkpoints")}
        assert verified(pipeline.settings, **alone).fault is None


def test_it_goes_on_where_it_stood(pipeline: Pipeline) -> None:
    """Also where a checkpoint came between two events of one command; numbers have no gaps."""
    for orders in (2, 4, 6):
        decide_some(pipeline, orders)
        pipeline.relay_all()
        with auditing(pipeline.settings, sign_every_s=1e9, sign_every_events=7):
            wait_for(lambda: event_count(pipeline) - signed_size(pipeline) < 7, "the last seven to be signed")
    assert {one.tree_size % 7 for one in signed(pipeline)} == {0}
    sign_all(pipeline.settings)

    found = signed(pipeline)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert verified(pipeline.settings).as_dict()["fault"] is None


def signed_size(pipeline: Pipeline) -> int:
    found = store.newest(pipeline.log.connection)
    return found.tree_size if found else 0


def event_count(pipeline: Pipeline) -> int:
    [(count,)] = pipeline.log.connection.execute("SELECT count(*) FROM rma_log.events").fetchall()
    return int(count)


def test_what_the_relay_repeats_is_no_difference(pipeline: Pipeline) -> None:
    """It publishes at least once: exact repeats are passed over, however old they are."""
    audited(pipeline, parts=1)
    tamper(pipeline, "UPDATE rma_log.relays SET position = 0")
    pipeline.relay_all()
    decide_some(pipeline, 8)
    pipeline.relay_all()
    sign_all(pipeline.settings)

    report = verified(pipeline.settings)
    assert report.fault is None
    assert report.records > report.events == signed(pipeline)[-1].tree_size


def test_a_difference_stops_the_signing_until_a_person_lets_it_go_on(pipeline: Pipeline) -> None:
    """An alarm, a figure, a line of the status; commands are decided all the while; resumed only where all verifies."""
    audited(pipeline, parts=1)
    before = signed(pipeline)
    decide_some(pipeline, 8)
    pipeline.relay_all()
    changed = event(pipeline, before[-1].tree_size + 3)
    change = "UPDATE rma_log.events SET actor = %s WHERE position = %s"
    tamper(pipeline, change, "agent:nobody", changed.position)
    with structlog.testing.capture_logs() as logs, auditing(pipeline.settings, sign_every_s=0) as metrics:
        wait_for(lambda: store.open_stop(pipeline.log.connection), "the auditor to stop")
        wait_for(lambda: b"rma_audit_stopped 1.0" in generate_latest(metrics.registry), "the figure")
        pipeline.worker().record([command("RegisterOrder", order("O-99"))])
        pipeline.relay_all()
        assert signed(pipeline) == before or signed(pipeline)[-1].tree_size < changed.position
        with pytest.raises(FaultFoundError, match=f"event_changed at position {changed.position}"):
            resume(pipeline.settings, "agent:ann")
        tamper(pipeline, change, changed.actor, changed.position)
        assert resume(pipeline.settings, "agent:ann")
        wait_for(lambda: signed(pipeline)[-1].tree_size == event_count(pipeline), "it to sign again")

    [alarm] = [line for line in logs if line["event"] == "audit_difference"]
    assert (alarm["difference"], alarm["where"]) == ("event_changed", {"position": changed.position})
    assert alarm["runbook"] == "docs/runbook.md#audit_difference"
    assert verified(pipeline.settings).fault is None
    assert not resume(pipeline.settings, "agent:ann")


@pytest.mark.parametrize("kind", ["stranger", "changed"])
def test_a_difference_on_the_topic_stops_it(pipeline: Pipeline, kind: str) -> None:
    """A record that the log does not have, or has otherwise; ``rma status`` says since when and why."""
    initialise(pipeline.settings)
    audited(pipeline, parts=1)
    last = event(pipeline, event_count(pipeline))
    bad = last._replace(position=last.position + 9) if kind == "stranger" else last._replace(actor="agent:nobody")
    publish(pipeline, bad)
    with auditing(pipeline.settings):
        wait_for(lambda: store.open_stop(pipeline.log.connection), "the auditor to stop")

    status = read_status(pipeline.settings).audit
    assert status is not None
    assert status.fault is not None
    assert status.fault["what"] == "topic_differs"
    fault = verified(pipeline.settings).fault
    assert fault is not None
    assert (fault.what, set(fault.where)) == ("topic_differs", {"partition", "offset"})


def test_what_was_signed_and_not_published_is_published_by_the_next(pipeline: Pipeline) -> None:
    """A process that ended between the two leaves nothing out."""
    audited(pipeline, parts=1)
    last = signed(pipeline)[-1]
    [key] = key_of(pipeline.settings)
    row = sign(replace(last, number=last.number + 1), [key])
    with pipeline.log.connection.transaction():
        store.save(pipeline.log.connection, row, [], key.verifier)
    decide_some(pipeline, 8)
    pipeline.relay_all()
    sign_all(pipeline.settings)

    assert verified(pipeline.settings).fault is None
    notes = [note.note for note in published.notes(pipeline.bootstrap, pipeline.topics.checkpoints)]
    assert notes.count(row.note) == 1


def test_a_key_is_replaced_in_the_sight_of_all(pipeline: Pipeline) -> None:
    """Another key alone signs nothing; above the old one it signs with it once, then alone. All verifies with it."""
    audited(pipeline, parts=1)
    [old] = key_of(pipeline.settings)
    new = SigningKey.generate(old.name)
    file = pipeline.settings.audit_key_file
    assert isinstance(file, Path)
    file.write_text(new.to_text())
    with pytest.raises(KeyReplacedError):
        Auditor(pipeline.settings, [new], Event(), WorkerMetrics("auditor")).run()
    file.write_text(f"{new.to_text()}\n{old.to_text()}\n")
    for orders in (8, 10):
        decide_some(pipeline, orders)
        pipeline.relay_all()
        sign_all(pipeline.settings)
    file.write_text(new.to_text())

    signers = [len(Note.parse(row.note).signatures) for row in store.checkpoints(pipeline.log.connection)]
    first_of_new = signers.index(2)
    assert signers == [1] * first_of_new + [2] + [1] * (len(signers) - first_of_new - 1)
    assert verified(pipeline.settings).fault is None
    periods = store.key_periods(pipeline.log.connection)
    assert [period.verifier_key for period in periods] == [str(old.verifier), str(new.verifier)]
    assert periods[0].checkpoints == first_of_new


def test_a_log_of_version_0_1_0_is_signed_and_verifies(settings: Any) -> None:
    """Its answers get an order and a chain of their own; nothing of it is a difference."""
    old_system.restore(settings)
    initialise(settings)
    sign_all(settings)

    report = verified(settings)
    assert report.as_dict()["fault"] is None
    assert report.events > 0
    assert report.outcomes > 0
    assert json.loads(json.dumps(report.as_dict()))["ok"]

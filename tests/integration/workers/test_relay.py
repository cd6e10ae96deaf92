"""No event is lost, skipped or out of order on its way to Kafka, whatever becomes of the relays."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread, Timer
from typing import Any, Final

import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import MessageSizeTooLargeError

from infra import sessions
from infra.envelope.hash_chain import FIRST_PREV_HASH, chained_hash
from infra.kafka import lane_producer
from infra.kafka.clients import make_admin
from infra.kafka.lane_producer import LaneProducer
from infra.log.event_log import Append, EventLog
from infra.log.lane import LanePosition
from infra.metrics import WorkerMetrics
from infra.records import CommandStamp, Decided, NewEvent, Verdict
from tests.support.pipeline import Pipeline, answer, command, environment, order, wait_for
from workers import relay
from workers.relay import Batch, Relay, RelayDeposedError
from workers.runtime import patience

GIVES_UP_WITHIN_S: Final = 30.0

AT = datetime(2026, 3, 1, tzinfo=UTC)
STREAMS = 20
KILLS = 4


def fill(pipeline: Pipeline, *, rounds: int = 1, body: bytes = b'{"n":1}', log: EventLog | None = None) -> int:
    """Append one event to each of the streams, so many times over; return how many."""
    log = log or pipeline.log
    last = "SELECT coalesce(max(version), 0) FROM rma_log.events WHERE stream = 'order/S-0'"
    [(version,)] = log.connection.execute(last).fetchall()
    for turn in range(version + 1, version + rounds + 1):
        entries = [
            Decided(
                stamp=CommandStamp("/shop", f"c-{number}-{turn}", "rma.Test.v1", "system:shop", "corr"),
                key=f"S-{number}".encode(),
                fingerprint=bytes(32),
                verdict=Verdict("accepted"),
                events=[NewEvent(f"order/S-{number}", turn, "rma.Test.Done.v1", AT, f"S-{number}", body)],
            )
            for number in range(STREAMS)
        ]
        log.append(Append(entries, pipeline.topics.results))
    return rounds * STREAMS


def position(pipeline: Pipeline) -> int:
    [(at,)] = pipeline.log.connection.execute("SELECT position FROM rma_log.relays").fetchall()
    return int(at)


def positions(records: Iterable[Any]) -> list[int]:
    return [int(dict(record.headers)["ce_position"]) for record in records]


def assert_first_occurrences_in_order(records: Iterable[Any]) -> None:
    """In each partition events appear first in log order, and whatever is repeated is repeated exactly."""
    by_partition: dict[int, list[Any]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    for of_partition in by_partition.values():
        known: dict[int, Any] = {}
        for position, record in zip(positions(of_partition), of_partition, strict=True):
            content = (record.key, record.value, record.headers)
            assert known.setdefault(position, content) == content
        assert list(known) == sorted(known)


def test_events_and_answers_go_out_as_the_contract_says(pipeline: Pipeline) -> None:
    """Events carry every attribute as a header and the stored bytes as body; answers carry the command's key."""
    pipeline.publish([command("RegisterOrder", order(), id="c-1", correlationid="corr")])
    pipeline.handle_all(records=1)
    pipeline.relay_all()

    [event] = pipeline.read_topic(pipeline.topics.events)
    [stored] = pipeline.log.read(0, 10)
    headers = {name: value.decode() for name, value in event.headers}
    assert (event.key, event.value) == (b"O-1", stored.body)
    assert headers == {
        "ce_id": str(stored.event_id),
        "ce_source": "/rma",
        "ce_specversion": "1.0",
        "ce_type": "rma.Order.Registered.v1",
        "ce_time": "2026-03-01T09:00:00Z",
        "ce_subject": "order/O-1",
        "ce_actor": "system:shop",
        "ce_correlationid": "corr",
        "ce_causationid": "c-1",
        "ce_streamversion": "1",
        "ce_position": "1",
        "ce_recordedat": headers["ce_recordedat"],
        "ce_commandid": "c-1",
        "ce_commandsource": "/shop",
        "ce_prevhash": "00" * 32,
        "content-type": "application/json",
    }
    [result] = pipeline.read_topic(pipeline.topics.results)
    about = dict(result.headers)
    assert result.key == b"O-1"
    assert answer(result.value)["status"] == "accepted"
    assert (about["ce_type"], about["content-type"]) == (b"rma.CommandResult.v1", b"application/json")
    assert (about["ce_causationid"], about["ce_correlationid"]) == (b"c-1", b"corr")


def test_everything_goes_out_once_and_in_order(pipeline: Pipeline) -> None:
    """Undisturbed, each event is published exactly once, in its key's partition, and the outbox is emptied."""
    total = fill(pipeline, rounds=5)
    pipeline.relay_all()

    records = pipeline.read_topic(pipeline.topics.events)
    assert sorted(positions(records)) == list(range(1, total + 1))
    assert_first_occurrences_in_order(records)
    assert all(pipeline.placement.of(record.key) == record.partition for record in records)
    assert len(pipeline.read_topic(pipeline.topics.results)) == total
    assert pipeline.log.connection.execute("SELECT count(*) FROM rma_log.outbox").fetchall() == [(0,)]


def test_a_relay_tells_how_far_it_is_behind(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lag counts events and messages that are still to go out; answers are not counted as events."""
    monkeypatch.setattr(relay, "OBSERVE_EVERY_S", -1.0)
    total = fill(pipeline, rounds=3)
    metrics = WorkerMetrics("relay")
    leading = Relay(
        EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event(), metrics, batch_records_max=total - 5
    )
    at = leading._begin()
    assert at is not None

    def figure(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"worker": "relay"} | labels)

    def lag(source: str) -> float | None:
        return figure("rma_lag_records", topic=source, partition="0")

    with closing(leading._log):
        at = leading._publish_next(at)
        before = lag("rma_log.events"), lag("rma_log.outbox")
        leading._publish_next(at)
        after = lag("rma_log.events"), lag("rma_log.outbox")
    leading._drop_producer()

    assert before == (total, total)
    assert after[0] == 5
    assert figure("rma_handled_total") == total
    assert figure("rma_messages_published_total") == total


def test_an_auditor_can_verify_the_chain_from_kafka_alone(pipeline: Pipeline) -> None:
    """Published headers, keys and bodies are all that the chain of hashes is made of; one changed byte breaks it."""
    fill(pipeline, rounds=2)
    pipeline.relay_all()
    records = sorted(pipeline.read_topic(pipeline.topics.events), key=lambda record: positions([record]))

    def verify(tampered: int | None = None) -> bool:
        expected = FIRST_PREV_HASH
        for number, record in enumerate(records):
            attributes = {name[3:]: value.decode() for name, value in record.headers if name.startswith("ce_")}
            if bytes.fromhex(attributes.pop("prevhash")) != expected:
                return False
            body = record.value + b" " if number == tampered else record.value
            expected = chained_hash(expected, sorted(attributes.items()), record.key.decode(), body)
        return True

    assert verify()
    assert not verify(tampered=3)
    first = records[0]
    lines = sorted(f"{name[3:]}={value.decode()}\n" for name, value in first.headers if name.startswith("ce_"))
    by_hand = "".join(line for line in lines if not line.startswith("prevhash=")) + f"key={first.key.decode()}\n\n"
    digest = hashlib.sha256(bytes(32) + by_hand.encode() + first.value).hexdigest()
    assert dict(records[1].headers)["ce_prevhash"].decode() == digest


def small_batches(kind: type[Relay], pipeline: Pipeline) -> Relay:
    return kind(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event(), batch_records_max=25)


def test_a_crash_before_the_position_moves_repeats_and_loses_nothing(pipeline: Pipeline) -> None:
    """A relay that dies after publishing and before noting it is followed by exact repeats, never by a hole."""
    total = fill(pipeline, rounds=3)

    class Crashing(Relay):
        """Dies at its second batch, between acknowledgement and position."""

        batches = 0

        def _advance(self, *args: Any) -> Any:
            self.batches += 1
            if self.batches == 2:
                raise ZeroDivisionError
            return super()._advance(*args)

    with pytest.raises(ZeroDivisionError):
        small_batches(Crashing, pipeline).run()
    pipeline.relay_all()

    records = pipeline.read_topic(pipeline.topics.events)
    assert set(positions(records)) == set(range(1, total + 1))
    assert len(records) == total + 25
    assert_first_occurrences_in_order(records)


def test_a_position_moved_too_early_would_lose_events(pipeline: Pipeline) -> None:
    """The planted break: with the position noted before the acknowledgement, the same crash leaves a hole."""
    total = fill(pipeline, rounds=3)

    class Hasty(Relay):
        """Notes the position first, and dies before the second batch is out."""

        batches = 0

        def _publish(self, batch: Batch) -> None:
            self.batches += 1
            at = self._log.connection.execute("SELECT epoch, position, outbox_seq FROM rma_log.relays").fetchall()[0]
            self._advance(LanePosition(*at), replace(batch, outbox_seq=at[2]))
            if self.batches == 2:
                raise ZeroDivisionError
            super()._publish(batch)

    with pytest.raises(ZeroDivisionError):
        small_batches(Hasty, pipeline).run()
    pipeline.relay_all()

    assert set(positions(pipeline.read_topic(pipeline.topics.events))) < set(range(1, total + 1))


def test_kill_minus_nine_loses_nothing(pipeline: Pipeline) -> None:
    """Relays killed in the middle of their work, again and again, leave every event published, first ones in order."""
    total = 0
    for _ in range(KILLS):
        total += fill(pipeline, rounds=10)
        killed = subprocess.Popen(
            [sys.executable, "-m", "workers.cli.app", "work", "relay"],
            env={**os.environ, **environment(pipeline.settings)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started_at = position(pipeline)
        wait_for(lambda at=started_at: position(pipeline) > at, "the relay to publish")  # type: ignore[misc]
        total += fill(pipeline, rounds=10)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    pipeline.relay_all()

    records = pipeline.read_topic(pipeline.topics.events)
    assert set(positions(records)) == set(range(1, total + 1))
    assert_first_occurrences_in_order(records)


def test_a_batch_that_takes_long_does_not_cost_the_lead(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly Kafka takes a large batch, the relay goes on leading, and publishes each event once."""
    monkeypatch.setattr(sessions, "LEAD_SILENCE_MAX_MS", 2_000)
    monkeypatch.setattr(lane_producer, "BATCH_BYTES", 1)
    send_one_each = LaneProducer._send_one_each

    def slowly(producer: LaneProducer, batches: Any) -> None:
        time.sleep(0.3)
        send_one_each(producer, batches)

    monkeypatch.setattr(LaneProducer, "_send_one_each", slowly)
    total = fill(pipeline)

    pipeline.relay_all()

    assert sorted(positions(pipeline.read_topic(pipeline.topics.events))) == list(range(1, total + 1))
    assert pipeline.log.connection.execute("SELECT epoch FROM rma_log.relays").fetchall() == [(1,)]


def test_a_deposed_relay_cannot_move_the_position(pipeline: Pipeline) -> None:
    """A relay whose epoch is over publishes at most what it had, and stops; the position stays where it was."""
    fill(pipeline)
    deposed = Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event())
    at = deposed._begin()
    assert at is not None
    pipeline.log.connection.execute("UPDATE rma_log.relays SET epoch = epoch + 1")

    with pytest.raises(RelayDeposedError), closing(deposed._log):
        deposed._publish_next(at)
    deposed._drop_producer()

    assert position(pipeline) == 0


def test_a_zombie_relay_does_no_harm(pipeline: Pipeline) -> None:
    """A relay that lost its session publishes once more of what it read, and notices; first ones stay in order."""
    total = fill(pipeline, rounds=2)
    zombie = Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, Event(), batch_records_max=30)
    at = zombie._begin()
    assert at is not None
    held = replace(zombie._read(at), messages=[])
    pipeline.log.connection.execute("SELECT pg_terminate_backend(%s)", (zombie._log.connection.info.backend_pid,))

    pipeline.relay_all()
    zombie._publish(held)
    with pytest.raises(psycopg.OperationalError):
        zombie._advance(at, held)
    with closing(zombie._log), pytest.raises(RelayDeposedError):
        zombie._advance(at, held)
    zombie._drop_producer()

    records = pipeline.read_topic(pipeline.topics.events)
    assert len(records) == total + 30
    assert_first_occurrences_in_order(records)
    assert position(pipeline) == total


def test_only_one_relay_leads_and_the_other_takes_over(pipeline: Pipeline) -> None:
    """A second relay stands by while the first leads, and leads once the first is gone."""
    epochs = "SELECT epoch FROM rma_log.relays"
    first, second = Event(), Event()
    threads = [
        Thread(target=Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, stop).run)
        for stop in (first, second)
    ]
    threads[0].start()
    wait_for(lambda: pipeline.log.connection.execute(epochs).fetchall() == [(1,)], "the first relay to lead")
    threads[1].start()
    fill(pipeline)
    wait_for(pipeline.all_relayed, "the first relay to publish")
    led_by_first = pipeline.log.connection.execute(epochs).fetchall()
    first.set()
    threads[0].join()
    wait_for(lambda: pipeline.log.connection.execute(epochs).fetchall() == [(2,)], "the second relay to lead")
    fill(pipeline)
    wait_for(pipeline.all_relayed, "the second relay to publish")
    second.set()
    threads[1].join()

    assert led_by_first == [(1,)]
    assert len(pipeline.read_topic(pipeline.topics.events)) == 2 * STREAMS


def test_a_relay_that_stands_by_is_ready_again_after_an_outage(pipeline: Pipeline) -> None:
    """Its session ends while another leads: it waits for PostgreSQL, and once it stands by again it waits no more."""
    stop, metrics = Event(), WorkerMetrics("relay")
    pipeline.log.connection.execute("SELECT pg_advisory_lock(%s)", (relay.RELAY_LOCK,))
    log = EventLog(pipeline.dsn)
    standby = Thread(target=Relay(log, pipeline.bootstrap, pipeline.topics, stop, metrics).run)
    standby.start()
    wait_for(lambda: log._open, "the second relay to have a session")
    pid = log.connection.info.backend_pid
    pipeline.log.connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
    wait_for(lambda: metrics.waits_for, "the relay to notice")

    wait_for(lambda: not metrics.waits_for, "the relay to stand by again")

    stop.set()
    standby.join()
    assert log._open is not None
    assert log._open.closed


def test_a_delivery_error_stops_the_lane(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the broker refuses a record, nothing after it goes out, the position stays, and later all is published."""
    fill(pipeline)
    pipeline.relay_all()
    limit(pipeline, "2000")
    fill(pipeline, body=b'{"n":"' + os.urandom(4_000).hex().encode() + b'"}')
    total = 2 * STREAMS + fill(pipeline)
    monkeypatch.setattr(patience, "RETRIES_MAX", 1)

    stop = Event()
    patience_ends = Timer(GIVES_UP_WITHIN_S, stop.set)
    patience_ends.start()
    with pytest.raises(MessageSizeTooLargeError):
        Relay(EventLog(pipeline.dsn), pipeline.bootstrap, pipeline.topics, stop).run()
    patience_ends.cancel()
    stopped_at = position(pipeline)
    published = positions(pipeline.read_topic(pipeline.topics.events))
    limit(pipeline, "8388608")
    pipeline.relay_all()

    assert stopped_at == STREAMS
    assert max(published) <= STREAMS
    assert sorted(positions(pipeline.read_topic(pipeline.topics.events))) == list(range(1, total + 1))


def limit(pipeline: Pipeline, record_bytes_max: str) -> None:
    """Set the largest record that the events topic takes."""
    with closing(make_admin(pipeline.bootstrap)) as admin:
        configs = {"max.message.bytes": record_bytes_max}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, pipeline.topics.events, configs=configs)])

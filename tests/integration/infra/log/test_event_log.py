"""The log: no gaps in positions, no races in streams, one answer per command, and a chain that shows tampering."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event, Thread

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra import sessions
from infra.columns import texts
from infra.envelope.hash_chain import FIRST_PREV_HASH, event_hash
from infra.log import event_log
from infra.log.event_log import LOAD, Append, ConcurrencyError, EventLog, StreamGapError
from infra.records import CommandStamp, Decided, NewEvent, Verdict
from infra.sessions import connect
from tests.support.pipeline import wait_for
from tests.support.proxy import Proxy

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
RESULTS = "rma.command-results"
EVENTS_PLANTED = 50_000
SHORT_MS = 1_000
LARGE_BODY = b'"' + b"x" * 1_000_000 + b'"'


def event(stream: str, version: int, body: bytes = b"{}") -> NewEvent:
    return NewEvent(stream, version, "rma.Order.Delivered.v1", AT, stream, body)


def entry(command_id: str, *events: NewEvent, caused_by: str | None = None) -> Decided:
    stamp = CommandStamp("/shop", command_id, "rma.RecordDelivery.v1", "system:shop", "corr", caused_by)
    return Decided(stamp, key=b"O-1", fingerprint=bytes(32), verdict=Verdict("accepted"), events=list(events))


def append(log: EventLog, *entries: Decided) -> None:
    log.append(Append(entries, RESULTS))


def count(log: EventLog, table: str) -> int:
    [(rows,)] = log.connection.execute(f"SELECT count(*) FROM rma_log.{table}").fetchall()
    return int(rows)


def test_positions_have_no_gaps_after_lost_races(log: EventLog) -> None:
    """A rolled-back append leaves no hole: the next event takes the position that was not used."""
    append(log, entry("c-1", event("order/1", 1)))
    with pytest.raises(ConcurrencyError):
        append(log, entry("c-2", event("order/2", 1), event("order/1", 1)))
    append(log, entry("c-3", event("order/3", 1)))

    assert [(e.position, e.stream) for e in log.read(0, 100)] == [(1, "order/1"), (2, "order/3")]


def test_a_tailing_reader_misses_nothing(log: EventLog, postgres_dsn: str) -> None:
    """With many writers at once, a reader that goes by position alone sees every event, in order, once."""
    writers, appends = 6, 30
    done = Event()

    def write(writer: int) -> None:
        own = EventLog(postgres_dsn)
        for version in range(1, appends + 1):
            append(own, entry(f"{writer}-{version}", event(f"order/{writer}", version)))
        own.close()

    threads = [Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while not done.is_set() or log.read(seen[-1], 1):
        if not any(thread.is_alive() for thread in threads):
            done.set()
        seen += [e.position for e in log.read(seen[-1] if seen else 0, 7)]

    assert seen == list(range(1, writers * appends + 1))


def append_while_another_is_under_way(log: EventLog, dsn: str) -> list[Exception]:
    """Let two appends to different streams overlap; return what the second one raised."""
    raised: list[Exception] = []
    other = EventLog(dsn)
    its_pid = other.connection.info.backend_pid

    def second() -> None:
        try:
            append(other, entry("c-2", event("order/2", 1)))
        except psycopg.Error as error:
            raised.append(error)

    thread = Thread(target=second)
    with log.connection.transaction():
        append(log, entry("c-1", event("order/1", 1)))
        thread.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        with connect(dsn) as watcher:
            wait_for(
                lambda: watcher.execute(waiting, (its_pid,)).fetchall() == [(1,)],
                "the second append to wait",
            )
    thread.join()
    other.close()
    return raised


def test_an_append_waits_for_the_one_before_it(log: EventLog, postgres_dsn: str) -> None:
    """Appends at the same time take positions one after the other, and neither is lost."""
    assert append_while_another_is_under_way(log, postgres_dsn) == []
    assert [(e.position, e.stream) for e in log.read(0, 10)] == [(1, "order/1"), (2, "order/2")]


def test_without_the_lock_positions_collide(log: EventLog, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted break: without its lock the second append takes the first one's places, and fails."""
    monkeypatch.setattr(event_log, "LOCK", "SELECT 1")

    [raised] = append_while_another_is_under_way(log, postgres_dsn)

    assert isinstance(raised, psycopg.errors.UniqueViolation)
    assert raised.diag.constraint_name in {"events_position", "outbox_pkey"}  # whichever is written first


def test_a_loser_writes_nothing(log: EventLog) -> None:
    """A stream that grew in the meantime undoes the whole batch: events, answers and messages."""
    append(log, entry("c-1", event("order/1", 1)))
    before = [count(log, table) for table in ("events", "outcomes", "outbox")]

    with pytest.raises(ConcurrencyError):
        append(log, entry("c-2", event("order/2", 1)), entry("c-3", event("order/1", 1)))

    assert [count(log, table) for table in ("events", "outcomes", "outbox")] == before


def test_a_command_is_answered_once(log: EventLog) -> None:
    """Two answers to one command id are a race, even where no stream is touched."""
    append(log, entry("c-1"))
    with pytest.raises(ConcurrencyError):
        append(log, entry("c-1"))
    assert list(log.find_outcomes([("/shop", "c-1"), ("/shop", "c-9")])) == [("/shop", "c-1")]


def test_each_event_names_what_led_to_it(log: EventLog) -> None:
    """First the event that the command answers, else the command; then each event the one told before it."""
    asked = entry("c-1", event("rma/1", 1), event("order/1", 1), event("rma/1", 2))
    answered = entry("c-2", event("order/1", 2), event("rma/1", 3), caused_by="an event's id")

    append(log, asked, answered)

    told = log.read(0, 100)
    ids = [str(one.event_id) for one in told]
    assert [one.causation_id for one in told] == ["c-1", ids[0], ids[1], "an event's id", ids[3]]
    assert {one.correlation_id for one in told} == {"corr"}
    assert {one.command_id for one in told} == {"c-1", "c-2"}


def test_a_hole_in_a_stream_is_refused(log: EventLog) -> None:
    """An event without its predecessor comes from a wrong state, and is never written."""
    append(log, entry("c-1", event("order/1", 1)))
    with pytest.raises(StreamGapError, match="order/1"):
        append(log, entry("c-2", event("order/1", 3)))
    assert count(log, "events") == 1


@pytest.mark.parametrize(
    "statement",
    ["UPDATE rma_log.events SET actor = 'x'", "DELETE FROM rma_log.events", "TRUNCATE rma_log.events"],
)
def test_recorded_events_never_change(log: EventLog, statement: str) -> None:
    """What was recorded can neither be edited nor removed."""
    append(log, entry("c-1", event("order/1", 1)))
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        log.connection.execute(statement)


def test_many_streams_load_with_one_query(log: EventLog) -> None:
    """Each stream comes from its own version on, in order; unknown ones are absent."""
    append(log, entry("c-1", *(event(f"order/{number}", version) for number in (1, 2) for version in (1, 2, 3))))

    loaded = log.load({"order/1": 0, "order/2": 2, "order/3": 0})

    assert {stream: [e.version for e in events] for stream, events in loaded.items()} == {
        "order/1": [1, 2, 3],
        "order/2": [3],
    }


def test_loading_never_scans_the_log(log: EventLog) -> None:
    """On a table that was never analysed the planner must not read all events for a batch."""
    log.connection.execute("ALTER TABLE rma_log.events SET (autovacuum_enabled = false)")
    log.connection.execute(
        "INSERT INTO rma_log.events SELECT n, 'order/' || n / 5, n %% 5 + 1, gen_random_uuid(), 't', now(), now(), 'a',"
        " 'c', 's', 'c', 'c', 'k', decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), NULL, '{}'"
        " FROM generate_series(1, %s) AS n",
        (EVENTS_PLANTED,),
    )
    streams = [f"order/{number}" for number in range(0, 2_500, 5)]

    plan = log.connection.execute(f"EXPLAIN {LOAD}", (texts(streams), texts(["0"] * len(streams)))).fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "Seq Scan" not in text
    assert "events_stream_version" in text


def test_the_chain_of_hashes_holds_and_shows_tampering(log: EventLog) -> None:
    """Every event names its predecessor's hash; a changed body or actor no longer fits."""
    append(log, entry("c-1", event("order/1", 1, b'{"a":1}')), entry("c-2", event("order/1", 2, b'{"a":2}')))
    append(log, entry("c-3", event("order/1", 3, b'{"a":3}')))
    events = log.read(0, 10)

    assert [e.prev_hash for e in events] == [FIRST_PREV_HASH, *(e.hash for e in events[:-1])]
    assert [event_hash(e) for e in events] == [e.hash for e in events]
    assert event_hash(events[1]._replace(body=b'{"a":9}')) != events[1].hash
    assert event_hash(events[1]._replace(actor="agent:Mallory")) != events[1].hash


def test_a_log_survives_its_connection(log: EventLog, postgres_dsn: str) -> None:
    """A connection that the server ended is replaced at the next use."""
    append(log, entry("c-1", event("order/1", 1)))
    with psycopg.connect(postgres_dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (log.connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        log.read(0, 1)
    assert len(log.read(0, 1)) == 1


def test_whoever_stands_still_inside_an_insert_holds_nobody_up_for_long(
    postgres_dsn: str, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the rows are on their way and the rest never comes, under the log's lock: it is another's soon."""
    monkeypatch.setattr(sessions, "SILENCE_MAX_MS", SHORT_MS)
    monkeypatch.setattr(sessions, "LOCK_TIMEOUT_MS", SHORT_MS)
    large = [event("order/1", version, LARGE_BODY) for version in range(1, 9)]
    server = conninfo_to_dict(postgres_dsn)
    half = len(large) * len(LARGE_BODY) // 2
    with Proxy.to(str(server["host"]), int(str(server["port"])), stands_still_after_bytes=half) as way:
        frozen = EventLog(make_conninfo(postgres_dsn, host="127.0.0.1", port=way.port))
        raised: list[Exception] = []

        def write() -> None:
            try:
                append(frozen, entry("c-1", *large))
            except psycopg.Error as ended:
                raised.append(ended)

        thread = Thread(target=write)
        thread.start()
        assert way.stands_still.wait(10)
        began, other = time.monotonic(), EventLog(postgres_dsn)
        wait_for(lambda: appended(other), "another to append")
        took_s = time.monotonic() - began
        other.close()
    thread.join(10)
    frozen.close()

    assert took_s <= sessions.TAKEOVER_MAX_S
    assert raised, "the session that stood still lives on"
    assert [stored.stream for stored in log.read(0, 100)] == ["order/2"]


def appended(log: EventLog) -> bool:
    """Tell whether an event could be appended; that the lock could not be had in time is what workers try again for."""
    try:
        append(log, entry("c-2", event("order/2", 1)))
    except psycopg.errors.LockNotAvailable:
        return False
    return True

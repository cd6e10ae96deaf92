"""The local stack on this machine: it starts, restarts, cleans up after a crash, and touches nobody else's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil
import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import UnknownTopicOrPartitionError

from infra.addresses import addresses
from infra.probes import kafka_answers, postgres_answers
from infra.services import FILE_NAME, Addresses, StackNotRunningError, recorded_stack, running_addresses
from infra.settings import Settings
from infra.stack import kafka, postgres
from infra.stack.errors import StackStartError
from infra.stack.local import down, remove_abandoned, up
from infra.stack.ports import Ports, free_ports
from infra.stack.processes import is_alive, running

CLONE: Final = Path(__file__).parents[4]
WAIT_S: Final = 60.0
OVERSIZED_BYTES: Final = 2 * 1024 * 1024


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of this test's own; its stack is stopped and deleted after it."""
    parent = CLONE / ".rma"
    parent.mkdir(exist_ok=True)
    name = f'stäck, it\'s "my" $HOME {uuid4().hex[:8]}-'  # neither Java nor PostgreSQL may stumble over a name
    yield parent / f"{name}{_ended_process_id()}"
    remove_abandoned(parent, name)


def _ended_process_id() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def _processes(folder: Path) -> list[psutil.Process]:
    return [*running(str(kafka.properties_file(folder))), *running(str(postgres.cluster_folder(folder)))]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()
    _wait_until(lambda: not any(is_alive(process) for process in processes))


def _wait_until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.05)


def _publish(bootstrap: str, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, max_request_size=2 * OVERSIZED_BYTES)
    try:
        producer.send(topic, value, partition=0).get(timeout=WAIT_S)
    finally:
        producer.close()


def _first_value(bootstrap: str, topic: str) -> bytes:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            for record in consumer.poll(timeout_ms=500).get(partition, []):
                return bytes(record.value)
        raise AssertionError(f"nothing came from {topic}")
    finally:
        consumer.close()


def _create_topic(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        admin.close()


def test_an_oversized_record_arrives_so_that_it_can_be_answered(addresses: Addresses, topic_prefix: str) -> None:
    """A record far above the limit of a command passes the broker: refusing it is our own part."""
    topic = f"{topic_prefix}large"
    _create_topic(addresses.kafka_bootstrap, topic)

    _publish(addresses.kafka_bootstrap, topic, b"x" * OVERSIZED_BYTES)

    assert len(_first_value(addresses.kafka_bootstrap, topic)) == OVERSIZED_BYTES


def test_each_test_has_a_database_of_its_own(postgres_dsn: str, addresses: Addresses) -> None:
    """What one test writes no other test sees, and PostgreSQL keeps what it promised to keep."""
    with psycopg.connect(postgres_dsn) as mine, psycopg.connect(addresses.postgres_dsn.get_secret_value()) as shared:
        mine.execute("CREATE TABLE here (n int)")
        assert shared.execute("SELECT to_regclass('here')").fetchone() == (None,)
        assert mine.execute("SHOW fsync").fetchone() == ("on",)


def test_data_outlives_a_restart_and_starting_twice_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` is idempotent, `down` keeps the data, and the next `up` finds it at the same address, in any locale."""
    monkeypatch.setenv("LC_ALL", "C")
    first = up(folder)
    assert up(folder) == first
    with psycopg.connect(first.postgres_dsn.get_secret_value()) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    _create_topic(first.kafka_bootstrap, "kept")
    _publish(first.kafka_bootstrap, "kept", b"42")

    down(folder)
    down(folder)
    assert _processes(folder) == []
    assert [path.name for path in folder.parent.glob("stäck*")] == [folder.name]
    second = up(folder)

    assert second == first
    with psycopg.connect(second.postgres_dsn.get_secret_value()) as session:
        assert session.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert _first_value(second.kafka_bootstrap, "kept") == b"42"


def test_a_stack_answers_at_the_ports_asked_for(folder: Path) -> None:
    """Ports can be chosen; a stack that runs already is not said to answer at others."""
    asked = Ports(*free_ports(2))

    started = up(folder, asked)

    assert started.kafka_bootstrap == f"127.0.0.1:{asked.kafka}"
    assert f"127.0.0.1:{asked.postgres}/" in started.postgres_dsn.get_secret_value()
    with pytest.raises(StackStartError, match=rf"postgres runs already, at port {asked.postgres} .* run: rma down"):
        up(folder, Ports(postgres=free_ports(1)[0]))


def test_a_start_that_fails_is_said_in_one_line(folder: Path) -> None:
    """The program's own complaint, and where the rest of it stands; nothing is left running."""
    cluster = postgres.cluster_folder(folder)
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9.6")
    (cluster.parent / "password").write_text("any")

    with pytest.raises(StackStartError) as refused:
        up(folder)

    assert "\n" not in str(refused.value)
    assert "could not access the server configuration file" in str(refused.value)
    assert str(folder / "postgres" / "postgres.log") in str(refused.value)
    assert _processes(folder) == []


def test_a_start_after_a_crash_cleans_up(folder: Path) -> None:
    """One service killed with -9 leaves no half stack: the next start stops the rest and starts both."""
    up(folder)
    survivors = running(str(postgres.cluster_folder(folder)))
    _kill(running(str(kafka.properties_file(folder))))
    with pytest.raises(StackNotRunningError, match="rma up"):
        addresses(Settings(data_dir=folder))

    again = up(folder)

    assert not any(is_alive(process) for process in survivors)
    assert len(_processes(folder)) == 2
    assert postgres_answers(again.postgres_dsn.get_secret_value())
    assert kafka_answers(again.kafka_bootstrap)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_start_that_is_cut_off_leaves_nothing_for_long(folder: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM in the middle of a start stop what it started; after kill -9 the next `down` does."""
    # a shell's background job hands down a SIGINT that is ignored; a person's terminal does not
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from pathlib import Path; from infra.stack.local import up; up(Path({str(folder)!r}))"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=CLONE)  # noqa: S603  # our own code
    _wait_until(lambda: _processes(folder))

    child.send_signal(number)
    assert child.wait(WAIT_S) != 0
    if number == signal.SIGKILL:
        down(folder)

    assert _processes(folder) == []
    assert recorded_stack(folder) is None


def test_a_foreign_process_with_a_recorded_id_is_left_alone(folder: Path) -> None:
    """A state file that names somebody else's process neither counts as running nor gets that process killed."""
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as foreign:
        kafka_marker, postgres_marker = str(kafka.properties_file(folder)), str(postgres.cluster_folder(folder))
        recorded = {"kafka": [foreign.pid, kafka_marker], "postgres": [foreign.pid, postgres_marker]}
        nowhere = {"postgres_dsn": "postgresql://nowhere", "kafka_bootstrap": "nowhere:1"}
        (folder / FILE_NAME).write_text(json.dumps({"addresses": nowhere, "processes": recorded}))

        assert running_addresses(folder) is None
        down(folder)

        assert foreign.poll() is None
        foreign.kill()


def test_topics_are_never_made_by_accident(addresses: Addresses, topic_prefix: str) -> None:
    """A misspelt topic is an error, not a new topic with the wrong number of partitions."""
    admin = KafkaAdminClient(bootstrap_servers=addresses.kafka_bootstrap)
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.delete_topics([f"{topic_prefix}misspelt"])
    finally:
        admin.close()


def test_an_abandoned_stack_is_found_by_the_id_in_its_name(folder: Path) -> None:
    """A test run that was killed leaves a folder named after it; the next run deletes it, and none that lives."""
    folder.mkdir(parents=True)
    alive = folder.with_name(f"{folder.name.rpartition('-')[0]}-{os.getpid()}")
    alive.mkdir()

    remove_abandoned(folder.parent, f"{folder.name.rpartition('-')[0]}-")

    assert not folder.exists()
    assert alive.exists()
    alive.rmdir()

"""Log and topic that do not tell one history are noticed, whichever was lost, and nobody works until they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest
from kafka.structs import TopicPartition
from psycopg import Connection

from infra.addresses import postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.command_client import conversation
from infra.kafka.topics import create_topics
from infra.log.prefix import OtherPrefixError
from infra.log.system import remember_anew
from infra.settings import Settings
from projections.read_models import projection_named
from tests.integration.workers.runtime.test_starting import ends
from tests.support.pipeline import Pipeline, command, order, wait_for
from tests.support.worker_processes import WorkerProcess
from workers.cli.exit_codes import SAID_NO
from workers.operating.dead_letters import DeadLetters
from workers.operating.doctor import checks
from workers.operating.initialising import initialise
from workers.operating.rebuilding import rebuild
from workers.operating.status import read_status
from workers.projector.projector import PositionWentBackError, Projector, prepare
from workers.runtime.one_history import (
    KAFKA,
    HistoryError,
    KafkaReplacedError,
    KafkaTopicGoneError,
    TopicAheadError,
    TopicBehindError,
    TopicDiffersError,
)
from workers.runtime.starting import require_initialised

ORDERS: Final = 8
KEPT: Final = 5
READY_TIMEOUT_MS: Final = 30_000


@pytest.fixture
def system(pipeline: Pipeline) -> Pipeline:
    """A system that published some orders."""
    initialise(pipeline.settings)
    pipeline.publish([command("RegisterOrder", order(f"O-{n}"), key=f"O-{n}".encode()) for n in range(ORDERS)])
    pipeline.handle_all(records=ORDERS)
    pipeline.relay_all()
    return pipeline


@pytest.fixture
def superuser(system: Pipeline) -> Iterator[Connection]:
    """A session that no trigger stops."""
    with closing(psycopg.connect(system.dsn, autocommit=True)) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def forget_last_events(superuser: Connection) -> None:
    """Let the database be as it was some orders ago, the relay's position and all."""
    superuser.execute("DELETE FROM rma_log.events WHERE position > %s", (KEPT,))
    superuser.execute("DELETE FROM rma_log.outcomes WHERE seq > %s", (KEPT,))
    superuser.execute("UPDATE rma_log.relays SET position = %s", (KEPT,))


def make_anew(system: Pipeline, *topics: str) -> None:
    """Delete topics and make them again, empty."""
    with closing(make_admin(system.bootstrap)) as admin:
        admin.delete_topics(list(topics))
        wait_for(lambda: not set(topics) & set(admin.list_topics()), "topics to go")
        made = create_topics(admin, system.topics, partitions=system.settings.partitions)
        admin.wait_for_topics(made, timeout_ms=READY_TIMEOUT_MS)


def refused(settings: Settings, error: type[HistoryError], remedy: str) -> None:
    """Every look says the same, and names what mends it."""
    with pytest.raises(error, match=remedy):
        require_initialised(settings)
    with pytest.raises(error):
        initialise(settings)
    assert remedy in (read_status(settings).torn or "")
    [told] = [check for check in checks(settings) if check.name == "log and topic"]
    assert (told.ok, remedy in told.found) == (False, True)


def test_a_whole_system_is_none_of_it(system: Pipeline) -> None:
    """Log and topic fit: nothing is said, and what was made ready once may be so again."""
    initialise(system.settings)

    require_initialised(system.settings)
    assert read_status(system.settings).torn is None


def test_a_backup_beside_the_same_kafka_is_noticed(system: Pipeline, superuser: Connection) -> None:
    """The topic holds events that the log has lost."""
    forget_last_events(superuser)

    refused(system.settings, TopicAheadError, "rma restore --from-topic")


@pytest.mark.parametrize("name", ["commands", "relay", "tracking", "deadlines"])
def test_each_worker_refuses_a_backup(system: Pipeline, superuser: Connection, tmp_path: Path, name: str) -> None:
    """It ends with the sentence that says what to do."""
    forget_last_events(superuser)

    code, said = ends(name, system.settings, tmp_path)

    assert code == SAID_NO
    assert f"holds events up to position {ORDERS}, and the log ends at {KEPT}" in said


def test_a_topic_made_anew_is_noticed(system: Pipeline) -> None:
    """It has another id."""
    make_anew(system, system.topics.events)

    refused(system.settings, KafkaReplacedError, "rma relay --republish")


def test_a_kafka_without_topics_is_no_new_system(system: Pipeline) -> None:
    """No topics are made for a log that was published elsewhere."""
    with closing(make_admin(system.bootstrap)) as admin:
        admin.delete_topics([system.topics.events])
        wait_for(lambda: system.topics.events not in admin.list_topics(), "the topic to go")

        for look in (require_initialised, initialise, read_status):
            with pytest.raises(KafkaTopicGoneError):
                look(system.settings)
        assert system.topics.events not in admin.list_topics()


def test_a_topic_put_back_from_before_is_noticed(system: Pipeline, superuser: Connection) -> None:
    """It has the ids that are remembered, and lacks what was published."""
    make_anew(system, system.topics.events)
    superuser.execute("DELETE FROM rma_log.system WHERE name = %s", (KAFKA,))

    refused(system.settings, TopicBehindError, "rma relay --republish")


def test_another_logs_topic_is_noticed(system: Pipeline, superuser: Connection) -> None:
    """Both are as long, and the last event is another one."""
    superuser.execute("UPDATE rma_log.events SET event_id = gen_random_uuid()")

    refused(system.settings, TopicDiffersError, "rma audit verify")


def test_a_database_from_before_remembers_its_kafka_when_it_is_initialised(
    system: Pipeline, superuser: Connection
) -> None:
    """It works on until then."""
    superuser.execute("DELETE FROM rma_log.system WHERE name = %s", (KAFKA,))

    require_initialised(system.settings)
    initialise(system.settings)

    make_anew(system, system.topics.events)
    with pytest.raises(KafkaReplacedError):
        require_initialised(system.settings)


def test_a_worker_that_outlives_a_restore_looks_again(system: Pipeline, superuser: Connection, tmp_path: Path) -> None:
    """Its session ended with the old database; before it writes to the new one it compares."""
    worker = WorkerProcess("relay", "relay", system.settings, tmp_path)
    worker.start()
    wait_for(lambda: worker.log.exists() and "relay_leads" in worker.log.read_text(), "the relay to lead")
    forget_last_events(superuser)
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    wait_for(lambda: not worker.runs, "the relay to end")

    assert worker.process.exitcode == SAID_NO
    assert "rma restore --from-topic" in worker.log.read_text()


def test_a_projector_that_outlives_a_restore_starts_anew(system: Pipeline, superuser: Connection) -> None:
    """What it folded is gone: it must read that again, and not go on behind it."""
    tracking = projection_named("tracking")
    prepare(system.dsn, tracking)
    records = system.read_topic(system.topics.events)
    with closing(Projector(system.dsn, tracking, system.codec)) as projector:
        for record in records:
            projector.handle({TopicPartition(record.topic, record.partition): [record]})
        superuser.execute("UPDATE rma_read_meta.positions SET next_offset = 0")

        with pytest.raises(PositionWentBackError):
            projector.handle({TopicPartition(records[-1].topic, records[-1].partition): [records[-1]]})


def test_another_prefix_is_refused_by_commands_too(system: Pipeline) -> None:
    """A command that looks at another system's topics would tell, or do, what is not this one's."""
    other = system.settings.model_copy(update={"topic_prefix": "other."})
    for ask in (
        read_status,
        DeadLetters,
        lambda settings: rebuild(settings, "tracking", lambda _done, _all: None),
        lambda settings: conversation(settings).__enter__(),
    ):
        with pytest.raises(OtherPrefixError):
            ask(other)


def test_what_is_remembered_anew_holds(system: Pipeline) -> None:
    """One value a name."""
    with closing(psycopg.connect(postgres_address(system.settings), autocommit=True)) as connection:
        remember_anew(connection, KAFKA, "cluster x topic y")

    with pytest.raises(KafkaReplacedError):
        require_initialised(system.settings)

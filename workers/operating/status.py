"""`rma status`: how far each worker has come, and how far behind it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import psycopg
from kafka import KafkaConsumer, TopicPartition
from psycopg import Connection
from psycopg.rows import dict_row

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topic_reader import partitions_of, topic_id_of
from infra.kafka.topics import TopicNames
from infra.kafka_address import connecting_to
from infra.log.dead_letters import DeadTopic
from infra.log.lane import LANE, Standing, messages_waiting, standing
from infra.log.prefix import require_prefix
from infra.log.queries import last_position, may_read
from infra.proofs.store import may_read_proofs, newest, open_stop
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.operating.dead_letters import waiting_letters
from workers.operating.law_in_use import LawInUse, read_law
from workers.operating.running import processes
from workers.registry import WORKERS, Worker
from workers.runtime.one_history import (
    HistoryError,
    KafkaTopicGoneError,
    require_one_history,
    require_same_kafka,
)
from workers.runtime.parts import COMMANDS, group_of
from workers.webhooks.lanes import WebhookCounts
from workers.webhooks.lanes import counts as webhook_counts

CONNECT_TIMEOUT_S: Final = 5
KAFKA_TIMEOUT_MS: Final = 5_000
POSITIONS_MAX: Final = 10_000

POSITIONS: Final = """
    SELECT projection, version, partition, next_offset, log_position, updated_at
    FROM rma_read.positions ORDER BY projection, version, partition LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one worker has come; ``behind`` counts what it has yet to handle, ``unit`` says what is counted.

    None: this user may not read it.
    """

    worker: str
    processes: int
    """How many run at this moment."""
    at: int | None
    behind: int | None
    unit: str
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """How far the log is signed, and what stopped the signing."""

    signed_events: int
    signed_at: datetime | None
    stopped_at: datetime | None
    fault: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """How far everything has come at one moment. None: this user may not read it, for it has no right on the log."""

    log_position: int | None
    workers: Sequence[Progress]
    outbox_waiting: int | None
    dead_letters: int | None
    positions: Sequence[dict[str, Any]]
    outdated: Sequence[str]
    """Read models whose views still show an older version: those go on with a rebuild."""
    audit: AuditStatus | None = None
    any_source: bool = False
    """Whether any source may act as anyone, by the settings here: RMA_SOURCES_FILE is not set."""
    torn: str | None = None
    """Why log and topic do not tell one history, and what mends it: no worker works. None: they do."""
    law: LawInUse | None = None
    webhooks: WebhookCounts | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the parts by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a topic begins and ends, by partition."""

    first: dict[int, int]
    next: dict[int, int]


def read_status(settings: Settings) -> SystemStatus:
    """Ask PostgreSQL and Kafka how far everything has come.

    Raises:
        OtherPrefixError: The database belongs to topics with another prefix.
        ServiceUnreachableError, psycopg.OperationalError, kafka.errors.KafkaError: One of them is away.
    """
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    with (
        psycopg.connect(
            postgres_address(settings), connect_timeout=CONNECT_TIMEOUT_S, row_factory=dict_row
        ) as connection,
        closing(_consumer(where.kafka_bootstrap, settings.named(group_of(COMMANDS)))) as consumer,
    ):
        log = _read_log(connection)
        torn = None if log.tail is None else _torn(connection, where.kafka_bootstrap, topics)
        positions = connection.execute(POSITIONS, (POSITIONS_MAX,)).fetchall()
        events, dead = _ends(consumer, topics.events), _ends(consumer, topics.dead)
        letters = DeadTopic(topics.dead, topic_id_of(consumer, topics.dead))
        seen = _Seen(settings, log, positions, events, processes(settings, connection))
        return SystemStatus(
            log_position=log.tail,
            workers=[one for worker in WORKERS for one in seen.progress(worker, consumer, topics.commands)],
            outbox_waiting=log.outbox_waiting,
            dead_letters=None if log.tail is None else waiting_letters(connection, letters, dead.first, dead.next),
            positions=positions,
            outdated=outdated_in(positions),
            audit=log.audit,
            any_source=settings.sources_file is None,
            torn=torn,
            law=None if log.tail is None else read_law(settings),
            webhooks=webhook_counts(connection),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was asked once, for the progress of all workers."""

    settings: Settings
    log: _Log
    positions: Sequence[dict[str, Any]]
    events: _Ends
    running: dict[str, int]

    def progress(self, worker: Worker, consumer: KafkaConsumer, commands: str) -> list[Progress]:
        """Return how far a worker has come, a row for each of its parts; none where it has nothing to do."""
        run, is_wanted = self.running[worker.name], worker.wanted(self.settings)
        match worker.reads:
            case "commands":
                return [_command_progress(worker, run, consumer, commands)]
            case "log":
                return _relay_progress(worker, run, self.log)
            case "requests":
                return [Progress(worker.name, run, 0, 0, "requests", None)] if run or is_wanted else []
            case "log_and_topic":
                return _audit_progress(worker, run, self.log, is_wanted=is_wanted)
            case "events":
                return _event_progress(worker, run, self.positions, self.events, is_wanted=is_wanted)


def _torn(connection: Connection[Any], bootstrap: str, topics: TopicNames) -> str | None:
    """Say what no worker would start with; of topics that are gone nothing else can be said."""
    require_prefix(connection, topics.prefix)
    try:
        with closing(make_admin(bootstrap)) as admin:
            require_same_kafka(connection, admin, topics)
            if topics.events in admin.list_topics():
                require_one_history(connection, bootstrap, topics)
    except KafkaTopicGoneError:
        raise
    except HistoryError as torn:
        return str(torn)
    return None


@dataclass(frozen=True, slots=True)
class _Log:
    """Where the log ends, what waits beside it, and where the relays stand; None: this user may not read it."""

    tail: int | None
    outbox_waiting: int | None
    relays: Sequence[Standing] | None
    audit: AuditStatus | None


def _read_log(connection: Connection[dict[str, Any]]) -> _Log:
    """Read what this user may: who only looks has no right on the log."""
    if not may_read(connection):
        return _Log(None, None, None, None)
    return _Log(last_position(connection), messages_waiting(connection), standing(connection), _read_audit(connection))


def _read_audit(connection: Connection[dict[str, Any]]) -> AuditStatus | None:
    if not may_read_proofs(connection):
        return None
    signed, stopped = newest(connection), open_stop(connection)
    return AuditStatus(
        signed.tree_size if signed else 0,
        signed.signed_at if signed else None,
        stopped.stopped_at if stopped else None,
        orjson.loads(stopped.fault) if stopped else None,
    )


def outdated_in(positions: Sequence[dict[str, Any]]) -> list[str]:
    """Return the read models of which another version than ours was live before; a rebuild lets ours take its place."""
    in_use = {name: projection.version for name, projection in PROJECTIONS.items()}
    others = {row["projection"] for row in positions if row["version"] != in_use.get(row["projection"], row["version"])}
    return sorted(others)


def _consumer(bootstrap: str, group: str) -> KafkaConsumer:
    """Connect only to ask: the group is named to read what it committed, and is not joined."""
    return KafkaConsumer(
        **connecting_to(bootstrap),
        group_id=group,
        enable_auto_commit=False,
        bootstrap_timeout_ms=KAFKA_TIMEOUT_MS,
        request_timeout_ms=KAFKA_TIMEOUT_MS,
    )


def _ends(consumer: KafkaConsumer, topic: str) -> _Ends:
    partitions = partitions_of(consumer, topic)
    first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    return _Ends(
        {partition.partition: offset for partition, offset in first.items()},
        {partition.partition: offset for partition, offset in last.items()},
    )


def _command_progress(worker: Worker, run: int, consumer: KafkaConsumer, topic: str) -> Progress:
    at, behind, ends = 0, 0, _ends(consumer, topic)
    for partition, end in ends.next.items():
        committed = consumer.committed(TopicPartition(topic, partition))
        begun = committed if committed is not None else ends.first[partition]
        at += begun
        behind += max(0, end - begun)
    return Progress(worker.name, run, at, behind, "commands", None)


def _relay_progress(worker: Worker, run: int, log: _Log) -> list[Progress]:
    if log.tail is None or log.relays is None:
        return [Progress(worker.name, run, None, None, "events", None)]
    return [
        Progress(
            worker.name if relay.lane == LANE else f"{worker.name} {relay.lane}",
            run,
            relay.position,
            max(0, log.tail - relay.position),
            "events",
            relay.updated_at,
        )
        for relay in log.relays
    ]


def _audit_progress(worker: Worker, run: int, log: _Log, *, is_wanted: bool) -> list[Progress]:
    if log.audit is None or log.tail is None:
        return [Progress(worker.name, run, None, None, "events", None)] if is_wanted or run else []
    signed = log.audit.signed_events
    if not (is_wanted or run or signed):
        return []
    return [Progress(worker.name, run, signed, max(0, log.tail - signed), "events", log.audit.signed_at)]


def _positions_of(worker: Worker, positions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return where a reader of events stands in each partition; a read model's only in the version in use."""
    mine = [row for row in positions if row["projection"] == worker.name]
    return mine if worker.of is None else [row for row in mine if row["version"] == PROJECTIONS[worker.of].version]


def _event_progress(
    worker: Worker, run: int, positions: Sequence[dict[str, Any]], ends: _Ends, *, is_wanted: bool
) -> list[Progress]:
    """Return how far a reader of events is: behind is what the topic holds beyond its offsets."""
    mine = _positions_of(worker, positions)
    if not (mine or run or is_wanted):
        return []
    offsets = {row["partition"]: row["next_offset"] for row in mine}
    behind = sum(max(0, end - offsets.get(partition, ends.first[partition])) for partition, end in ends.next.items())
    at = max((row["log_position"] for row in mine), default=0)
    moved_at = max((row["updated_at"] for row in mine), default=None)
    return [Progress(worker.name, run, at, behind, "events", moved_at)]

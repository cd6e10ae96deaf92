"""The topics, and what they promise."""

from __future__ import annotations

from typing import Final

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from domain.values import dataclass

DAY_MS: Final = 24 * 60 * 60 * 1000
FOR_EVER: Final = -1
SEGMENT_MS: Final = 60 * 60 * 1000
"""After so long a segment is closed, of a topic that forgets: only closed ones are dropped when their time is over."""
CLOSING_EARLY: Final = {"segment.ms": str(SEGMENT_MS)}
USABLE_TIMEOUT_MS: Final = 60_000
"""How long the brokers may take to know of a topic that they have created, and to give each partition a leader."""
RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
PARTITIONS: Final = 6
"""Fixed for a topic's life: other partitions for the same keys would break their order."""


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The five topics; ``prefix`` keeps several systems on one cluster apart."""

    prefix: str = ""

    @property
    def commands(self) -> str:
        return f"{self.prefix}rma.commands"

    @property
    def events(self) -> str:
        return f"{self.prefix}rma.events"

    @property
    def results(self) -> str:
        return f"{self.prefix}rma.command-results"

    @property
    def dead(self) -> str:
        return f"{self.prefix}rma.commands.dead"

    @property
    def checkpoints(self) -> str:
        """What the auditor signed, in its order: one partition, whatever the others have."""
        return f"{self.prefix}rma.checkpoints"

    @property
    def own(self) -> tuple[str, str, str]:
        """Those that nobody but the relay fills."""
        return self.events, self.results, self.dead

    @property
    def all(self) -> tuple[str, str, str, str, str]:
        return self.commands, *self.own, self.checkpoints

    @property
    def retention_ms(self) -> dict[str, int]:
        """How long each topic keeps a record, in milliseconds."""
        return {
            self.commands: 7 * DAY_MS,
            self.events: FOR_EVER,
            self.results: 7 * DAY_MS,
            self.dead: 30 * DAY_MS,
            self.checkpoints: FOR_EVER,
        }


def create_topics(
    admin: KafkaAdminClient,
    names: TopicNames,
    *,
    partitions: int = PARTITIONS,
    replication_factor: int = 1,
    min_insync_replicas: int = 1,
) -> list[str]:
    """Create the topics that are missing, wait until they can be used, and return their names; safe to repeat.

    Kafka says that a topic is created before its brokers know of it: a worker that starts at once would wait for it.

    Args:
        admin: Connected to the cluster.
        names: What the topics are called.
        partitions: For each of them but that of checkpoints, for ever.
        replication_factor: How many brokers keep each partition.
        min_insync_replicas: How many of them must have a record before it counts as written.

    Raises:
        kafka.errors.KafkaError: The cluster is away or refuses, or gives a topic no leader.
    """
    known = set(admin.list_topics())
    created = []
    for name, retention_ms in names.retention_ms.items():
        if name in known:
            continue
        try:
            number = 1 if name == names.checkpoints else partitions
            admin.create_topics(
                [NewTopic(name, number, replication_factor, topic_configs=_configs(retention_ms, min_insync_replicas))]
            )
        except TopicAlreadyExistsError:
            continue  # somebody else was faster
        created.append(name)
    admin.wait_for_topics(set(names.all) - known, timeout_ms=USABLE_TIMEOUT_MS)
    return created


def _configs(retention_ms: int, min_insync_replicas: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_ms),
        "retention.bytes": str(FOR_EVER),
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "min.insync.replicas": str(min_insync_replicas),
        "message.timestamp.type": "CreateTime",
    } | ({} if retention_ms == FOR_EVER else CLOSING_EARLY)


def close_segments_early(admin: KafkaAdminClient, names: TopicNames) -> None:
    """Let the topics that forget close their segments after ``SEGMENT_MS``, old ones, too; safe to repeat.

    One that somebody else makes this moment, and the brokers do not all know yet, has it from the start.

    Raises:
        kafka.errors.KafkaError: The cluster is away or refuses.
    """
    forgetting = [name for name, retention_ms in names.retention_ms.items() if retention_ms != FOR_EVER]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(CLOSING_EARLY)) for name in forgetting]
    admin.alter_configs(resources, raise_on_unknown=False, incremental=True)

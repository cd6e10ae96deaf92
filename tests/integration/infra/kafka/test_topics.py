"""What Kafka itself was told of our topics: events stay for ever, and what is to be forgotten really goes."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from infra.kafka.topics import FOR_EVER, SEGMENT_MS, TopicNames
from infra.settings import Settings
from workers.operating.initialising import initialise

ASKED: Final = ("retention.ms", "retention.bytes", "segment.ms")


def told(admin: KafkaAdminClient, name: str) -> tuple[str | None, ...]:
    """Return what the broker was told of a topic, of the settings that are asked; None: nothing."""
    [found] = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])["topic"].values()
    return tuple(found[setting]["value"] if setting in found else None for setting in ASKED)


def test_events_stay_and_the_rest_is_forgotten(settings: Settings) -> None:
    """Each topic keeps what its page says; one that forgets closes a segment an hour, as only closed ones are dropped.

    A topic that an earlier version made learns it, too.
    """
    names = TopicNames(settings.topic_prefix)
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
        kept = {"retention.ms": str(names.retention_ms[names.commands]), "retention.bytes": str(FOR_EVER)}
        admin.create_topics([NewTopic(names.commands, settings.partitions, 1, topic_configs=kept)])
        initialise(settings)
        found = {name: told(admin, name) for name in names.retention_ms}

    assert found == {
        name: (str(kept_ms), str(FOR_EVER), None if kept_ms == FOR_EVER else str(SEGMENT_MS))
        for name, kept_ms in names.retention_ms.items()
    }
    assert names.retention_ms[names.events] == FOR_EVER

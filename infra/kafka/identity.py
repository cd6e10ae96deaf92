"""Which topic it is: a cluster that was replaced, or a topic that was made anew, has the same name and other ids."""

from __future__ import annotations

from kafka.admin import KafkaAdminClient


def identity_of(admin: KafkaAdminClient, topic: str) -> str | None:
    """Return the ids of a topic and its cluster, as one text; None where there is no such topic.

    Raises:
        kafka.errors.KafkaError: The cluster is away.
    """
    if topic not in admin.list_topics():
        return None
    [described] = admin.describe_topics([topic])
    return f"cluster {admin.describe_cluster()['cluster_id']} topic {described['topic_id']}"

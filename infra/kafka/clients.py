"""Kafka clients, set up as the promises need them: nothing is committed or created behind our back."""

from __future__ import annotations

from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from infra.kafka import connecting, record_reading
from infra.kafka.topics import RECORD_BYTES_MAX
from infra.kafka_address import connecting_to
from infra.settings import Compression

REQUEST_TIMEOUT_MS: Final = 15_000
RECONNECT_MAX_MS: Final = 2_000
"""Longest pause between two attempts to connect. The client's own grows to half a minute: a broker that was away for
ten seconds would be found a minute after it is back."""
BOOTSTRAP_TIMEOUT_MS: Final = 10_000
DELIVERY_TIMEOUT_MS: Final = 30_000
SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 2_000
POLL_INTERVAL_MAX_MS: Final = 300_000
FETCH_WAIT_MAX_MS: Final = 1_000
"""How long the broker holds a question for records while there are none: an idle worker asks no oftener."""
BATCH_BYTES: Final = 256 * 1024
REQUEST_BYTES_MAX: Final = RECORD_BYTES_MAX

connecting.install()
record_reading.install()


class GroupConsumer(KafkaConsumer):  # type: ignore[misc]  # the client has no types
    """A group's consumer that never loses a join, and leaves its group when it ends in order.

    kafka-python 3.0.12 forgets a join that it began because metadata had changed, if a poll's time runs out before the
    join completes: it is then no longer "needed", its result is never taken up, and the consumer gets no partition for
    ever. Asking for it again before each poll makes the next poll take it up.

    Before each poll the client asks in its other thread whether it knows the group's coordinator, which is a third of
    what an empty poll costs. Here it looks first.

    The client takes a static member that ends for one that will be back, and leaves its partitions unread until the
    session has timed out. One that is killed is meant to be back; one that closes leaves.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        find_it = self._coordinator.ensure_coordinator_ready
        self._coordinator.ensure_coordinator_ready = lambda timeout_ms=None: (
            not self._coordinator.coordinator_unknown() or find_it(timeout_ms=timeout_ms)
        )

    def about_to_rejoin(self) -> bool:
        """Tell whether the next poll shares out the group's partitions anew."""
        return bool(self._coordinator.need_rejoin())

    def poll(self, *args: Any, **settings: Any) -> Any:
        """Return the next records by partition; a join that the client lost is asked for again."""
        if self._coordinator.rejoining and not self._coordinator.need_rejoin():
            self._coordinator.request_rejoin()
        return super().poll(*args, **settings)

    def close(self, *args: Any, **settings: Any) -> None:
        self._coordinator.is_dynamic_member = lambda: True
        super().close(*args, **settings)


def make_admin(bootstrap: str) -> KafkaAdminClient:
    """Connect for administration; raises ``kafka.errors.KafkaError`` where Kafka is away."""
    return KafkaAdminClient(
        **connecting_to(bootstrap),
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
    )


def make_consumer(
    bootstrap: str, group: str, *, instance: str | None, batch_records_max: int, **settings: Any
) -> GroupConsumer:
    """Join a group that only moves on when told to: manual commit, from the earliest record, cooperative rebalancing.

    Args:
        bootstrap: Host and port pairs, separated by commas.
        group: The consumer group's name.
        instance: Name of this member that outlives restarts (static membership), or None.
        batch_records_max: Most records of one poll.
        settings: Anything else kafka-python's consumer knows.
    """
    return GroupConsumer(
        **connecting_to(bootstrap),
        group_id=group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        partition_assignment_strategy=[CooperativeStickyAssignor],
        max_poll_records=batch_records_max,
        max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
        fetch_max_wait_ms=FETCH_WAIT_MAX_MS,
        **settings,
    )


def make_producer(bootstrap: str, compression: Compression) -> KafkaProducer:
    """Make an idempotent producer: every replica acknowledges, order within a partition holds through retries."""
    return KafkaProducer(
        **connecting_to(bootstrap),
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        compression_type=None if compression == "none" else compression,
        batch_size=BATCH_BYTES,
        linger_ms=5,
        max_request_size=REQUEST_BYTES_MAX,
        delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        max_block_ms=REQUEST_TIMEOUT_MS,
        metrics_enabled=False,
    )

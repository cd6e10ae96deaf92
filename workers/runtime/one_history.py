"""Log and topic tell one history: that neither was lost, or put back from a backup, or is another system's.

Each event on the topic bears its position and the hash of all before it, so the topic's last events say which log they
were published from, and how far it went. Beside that the database remembers the ids of Kafka's cluster and topic.
Whoever finds that the two do not fit does not work, and says which command mends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError
from psycopg import Connection

from domain.errors import RmaError
from infra.addresses import addresses
from infra.kafka.identity import identity_of
from infra.kafka.last_records import last_records
from infra.kafka.record import Record
from infra.kafka.topic_reader import TopicMissingError, TopicReader
from infra.kafka.topics import TopicNames
from infra.log.lane import standing
from infra.log.queries import ids_at, last_position, may_read_events
from infra.log.system import remember_anew, remembered
from infra.settings import Settings

KAFKA: Final = "kafka"
"""Under what a system remembers the ids of the topic that its log was published to."""

LOOKS_MAX: Final = 5
LOOK_AGAIN_S: Final = 0.5
LOOK_BACK: Final = 20_000
"""As many records as a relay sends at once: so many may one repeat that stood still meanwhile, behind all others."""

RESTORE: Final = "rma restore --from-topic"
REPUBLISH: Final = "rma relay --republish"


class HistoryError(RmaError):
    """Log and topic do not tell one history; nobody works until they do."""

    code = "two_histories"


class KafkaReplacedError(HistoryError):
    """The topic of events is not the one that the log was published to."""

    code = "kafka_replaced"

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"{topic} is not the topic that this log was published to: Kafka was replaced, or the topic was made anew. "
            f"Bring the old one back, or publish the log once more: {REPUBLISH}"
        )


class KafkaTopicGoneError(KafkaReplacedError):
    """There is no topic of events where the log was published to one."""


class TopicBehindError(HistoryError):
    """The topic lacks events that were published."""

    code = "topic_behind"

    def __init__(self, topic: str, *, last: int, published: int) -> None:
        super().__init__(
            f"{topic} ends at position {last}, and the log was published up to {published}: the topic lost events. "
            f"Publish the log once more: {REPUBLISH}"
        )


class TopicAheadError(HistoryError):
    """The log lacks events that were published: it was put back from a backup, or is another one."""

    code = "topic_ahead"

    def __init__(self, topic: str, *, last: int, log_end: int) -> None:
        super().__init__(
            f"{topic} holds events up to position {last}, and the log ends at {log_end}: the database was put back "
            f"from a backup. Bring its last events back: {RESTORE}"
        )


class TopicDiffersError(HistoryError):
    """The topic holds another event at a position than the log."""

    code = "topic_differs"

    def __init__(self, topic: str, position: int) -> None:
        super().__init__(
            f"{topic} holds another event at position {position} than the log: two logs were published to it. "
            "See where they part: rma audit verify"
        )


def require_same_kafka(connection: Connection[Any], admin: KafkaAdminClient, topics: TopicNames) -> None:
    """Raise ``KafkaReplacedError`` where the topic is not the one remembered; no topic is none that fits."""
    known = remembered(connection, KAFKA)
    found = identity_of(admin, topics.events) if known is not None else None
    if known != found:
        raise KafkaReplacedError(topics.events) if found else KafkaTopicGoneError(topics.events)


def require_one_history(connection: Connection[Any], bootstrap: str, topics: TopicNames) -> None:
    """Raise where the topic of events is ahead of the log or behind it, or tells another one.

    A user who may not read events cannot compare, and need not: what such a process does stands on the topic alone.

    Raises:
        HistoryError: The two do not fit.
        kafka.errors.KafkaError: Kafka is away.
    """
    if not may_read_events(connection):
        return
    published = max((lane.position for lane in standing(connection)), default=0)
    last = _last_told(bootstrap, topics.events, published)
    log_end = last_position(connection)
    reached = max(last, default=0)
    if reached > log_end:
        raise TopicAheadError(topics.events, last=reached, log_end=log_end)
    if reached < published:
        raise TopicBehindError(topics.events, last=reached, published=published)
    ours = ids_at(connection, last)
    for position, event_id in sorted(last.items()):
        if position not in ours or str(ours[position].event_id) != event_id:
            raise TopicDiffersError(topics.events, position)


def _last_told(bootstrap: str, topic: str, published: int) -> dict[int, str]:
    """Return the ids of the topic's last events by position, of one partition at least up to what was published.

    Where they do not go so far, more is read of the topic, and again after a while: a repeat may lie behind all others,
    and a broker that has just started tells its ends late.
    """
    try:
        with closing(TopicReader(bootstrap, topic)) as reader:
            last = _ids(last_records(reader, 1))
            for _ in range(LOOKS_MAX):
                if max(last, default=0) >= published:
                    break
                last |= _ids(last_records(reader, LOOK_BACK))
                time.sleep(LOOK_AGAIN_S)
            return last
    except TopicMissingError as missing:
        raise UnknownTopicOrPartitionError(str(missing)) from missing  # one that has just started knows it soon


def history_check(settings: Settings) -> Callable[[Connection], None]:
    """Return what asks again with each new session at PostgreSQL: the old one may have ended by a restore."""
    topics = TopicNames(settings.topic_prefix)
    return lambda connection: require_one_history(connection, addresses(settings).kafka_bootstrap, topics)


def settle_kafka(connection: Connection[Any], admin: KafkaAdminClient, topics: TopicNames) -> None:
    """Remember the ids of the topic that the log is published to from now on."""
    found = identity_of(admin, topics.events)
    assert found is not None  # noqa: S101 - whoever settles has made the topic
    remember_anew(connection, KAFKA, found)


def _ids(records: Iterable[Record]) -> dict[int, str]:
    """Return the ids of the events that records hold, by position; what is no event of ours is another's concern."""
    found = {}
    for record in records:
        headers = dict(record.headers)
        position, event_id = headers.get("ce_position"), headers.get("ce_id")
        if position is not None and position.isdigit() and event_id is not None:
            found[int(position)] = event_id.decode(errors="replace")
    return found

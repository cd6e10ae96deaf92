"""What a new system begins with: the newest law, and a plain policy, so that an order which names none can come back.

It is decided here, by the command worker's own code: left on the topic it might be polled after the first request.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.policy.statutes import NEWEST
from infra.addresses import postgres_address
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.log.poison import PoisonRecords
from infra.log.system import holds_events
from infra.settings import Settings
from workers.command_worker.sealing import Sealing
from workers.command_worker.worker import CommandWorker
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec

POLICY_ID: Final = "standard"
SOURCE: Final = "/rma/init"
DOCUMENT: Final[dict[str, Any]] = {"window": {"days": 30}}
EFFECTIVE_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any version that a merchant will publish: each has to take effect after those before it."""


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A command as a record that never was on the topic."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes | None]] = HEADERS
    partition: int = 0
    offset: int = -1
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """What a new system begins with; None: it has begun already, or is to begin without."""

    policy: str | None = None
    statutes: int | None = None


def begin(settings: Settings, *, with_policy: bool) -> Begun:
    """Publish the newest edition of the law, and the plain policy, where nothing was recorded yet.

    A system that has begun keeps what it has. The edition holds for requests from now on: what is imported from before
    stays under the first. ``initialise`` has run before.
    """
    topics = TopicNames(settings.topic_prefix)
    with closing(EventLog(postgres_address(settings))) as log:
        if holds_events(log.connection):
            return Begun()
        worker = CommandWorker(log, make_codec(), topics, PoisonRecords(log), sealing=Sealing(None))
        commands = [_statutes(), *([_policy()] if with_policy else [])]
        worker.record([_Unsent(topics.commands, (one.key or "").encode(), one.to_bytes()) for one in commands])
    return Begun(POLICY_ID if with_policy else None, NEWEST)


def _statutes() -> OutgoingCommand:
    body = {"edition": NEWEST, "effective_from": utc_now()}
    return OutgoingCommand("PublishStatutes", f"statutes-{NEWEST}", SOURCE, "statutes", utc_now(), "system:init", body)


def _policy() -> OutgoingCommand:
    body = {"policy_id": POLICY_ID, "effective_from": EFFECTIVE_FROM, "document": DOCUMENT}
    return OutgoingCommand("PublishPolicy", POLICY_ID, SOURCE, POLICY_ID, utc_now(), "system:init", body)

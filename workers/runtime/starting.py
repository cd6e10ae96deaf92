"""What has to be there before a worker starts: schema, topics, and a log and a topic that tell one history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event

import psycopg
from psycopg import Connection

from domain.errors import RmaError
from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames
from infra.log.prefix import require_prefix
from infra.logs import alarm
from infra.metrics import WorkerMetrics
from infra.migrate import pending_migrations
from infra.roles import require_role, role_of
from infra.schema_version import LogIsNewerError
from infra.sessions import connect
from infra.settings import Settings
from workers.runtime.one_history import require_one_history, require_same_kafka
from workers.runtime.parts import observed
from workers.runtime.patience import patiently
from workers.runtime.watchdog import ended_if_it_hangs


class NotInitialisedError(RmaError):
    """The database or Kafka lacks what every worker needs."""

    code = "not_initialised"
    remedy = "run: rma init"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, {self.remedy}")
        self.what = what


@contextmanager
def started(settings: Settings, worker: str, stop: Event) -> Iterator[WorkerMetrics]:
    """Yield a worker's figures, which are served if a port is set, once all that it needs is there.

    Until then, and while the block runs, the worker says that it lives; one that hangs is ended. Where ``stop`` is set
    first, the block runs all the same, and finds it set.

    Raises:
        Exception: Whatever ``require_initialised`` raises, a newer version's log with an alarm; services that are away
            are waited for.
    """
    with observed(settings, worker) as metrics, ended_if_it_hangs(metrics):
        try:
            patiently(lambda: _require_all(settings, worker), stop, metrics)
        except LogIsNewerError as newer:
            alarm("log_is_newer", error=str(newer))
            raise
        yield metrics


def _require_all(settings: Settings, worker: str) -> None:
    require_initialised(settings)
    if settings.postgres_roles:
        with closing(connect(postgres_address(settings))) as connection:
            require_role(connection, role_of(worker))


def require_initialised(settings: Settings) -> None:
    """Raise where a worker could not work.

    Raises:
        LogIsNewerError: A newer version has migrated the database.
        NotInitialisedError: The schema is missing or not up to date, or a topic is missing.
        OtherPrefixError: The database belongs to topics with another prefix.
        HistoryError: Log and topic do not tell one history: one of the two was lost, or is another's.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    with closing(connect(postgres_address(settings))) as connection:
        _require_schema(connection)
        require_prefix(connection, settings.topic_prefix)
        topics = TopicNames(settings.topic_prefix)
        with closing(make_admin(addresses(settings).kafka_bootstrap)) as admin:
            missing = set(topics.all) - set(admin.list_topics())
            require_same_kafka(connection, admin, topics)
        if missing:
            raise NotInitialisedError(f"topic {', '.join(sorted(missing))} does not exist")
        require_one_history(connection, addresses(settings).kafka_bootstrap, topics)


def _require_schema(connection: Connection) -> None:
    try:
        pending = pending_migrations(connection)
    except psycopg.errors.UndefinedTable as none:
        raise NotInitialisedError("the database has no schema of this platform") from none
    if pending:
        raise NotInitialisedError(f"the database lacks {', '.join(pending)}")

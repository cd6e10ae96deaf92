"""Which workers run, wherever they do: by what PostgreSQL and Kafka see of them, not by what they wrote down.

A worker that reads in a group is a member of it at Kafka for as long as it polls. The others keep a session at
PostgreSQL, which says whose it is. Either goes when its process ends; one that was killed counts for as long as
Kafka waits for it to come back.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError
from psycopg import Connection
from psycopg.rows import tuple_row

from infra.addresses import addresses
from infra.kafka.clients import make_admin
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from workers.registry import WORKERS, Worker
from workers.runtime.parts import group_of, projector_name
from workers.runtime.session_names import prefix_of

COORDINATOR_RETRIES_MAX: Final = 20
COORDINATOR_PAUSE_S: Final = 0.25
SESSIONS: Final = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'rma %'
"""


def processes(settings: Settings, connection: Connection[Any]) -> dict[str, int]:
    """Return how many processes of each worker run now, by its name.

    Raises:
        ServiceUnreachableError, psycopg.Error, kafka.errors.KafkaError: A service is away.
    """
    sessions = [name for (name,) in connection.cursor(row_factory=tuple_row).execute(SESSIONS).fetchall()]
    groups = {worker.name: settings.named(group) for worker in WORKERS if (group := _group(worker))}
    with closing(make_admin(addresses(settings).kafka_bootstrap)) as admin:
        described = _described(admin, list(groups.values()))
    return {
        worker.name: len(described[groups[worker.name]]["members"])
        if worker.name in groups
        else sum(name.startswith(prefix_of(worker.name)) for name in sessions)
        for worker in WORKERS
    }


def _described(admin: KafkaAdminClient, groups: list[str]) -> dict[str, Any]:
    """Return what Kafka says of groups; where nobody ever joined one, it first has to make room to remember them."""
    for _ in range(COORDINATOR_RETRIES_MAX):
        try:
            return dict(admin.describe_groups(groups))
        except CoordinatorNotAvailableError:
            time.sleep(COORDINATOR_PAUSE_S)
    return dict(admin.describe_groups(groups))


def _group(worker: Worker) -> str | None:
    """Return the group at Kafka that shares out a worker's records, or None where each process reads all of them."""
    if worker.reads == "commands":
        return group_of(worker.name)
    return group_of(projector_name(PROJECTIONS[worker.of])) if worker.of else None

"""`rma init`: the schemas and topics that every worker finds when it starts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Final

from kafka.admin import KafkaAdminClient
from psycopg import Connection

from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.partitioner import Partitioner, settle_partitioner
from infra.kafka.topics import TopicNames, close_segments_early, create_topics
from infra.log.prefix import settle_prefix
from infra.log.queries import bodies_of_customers
from infra.log.system import holds_events
from infra.migrate import migrate
from infra.proofs.key_file import make_key
from infra.proofs.store import newest
from infra.sealing.master_keys import make_master_key
from infra.sealing.vault import ERASED, destroy_keys, destroyed_by, opened_register, vault_address
from infra.sessions import connect
from infra.settings import Settings
from projections.projection import Projection
from projections.read_models import PROJECTIONS
from workers.credit_notes.table import CreditNoteTable
from workers.deadlines.table import DeadlineTable
from workers.labels.table import LabelTable
from workers.operating.roles import make_roles
from workers.payments.questions import PaymentQuestions
from workers.projector.projector import prepare
from workers.runtime.one_history import require_one_history, require_same_kafka, settle_kafka
from workers.webhooks.table import WebhookTable

TOPICS_READY_TIMEOUT_MS: Final = 30_000
INBOXES: Final[tuple[Projection, ...]] = (
    DeadlineTable(),
    CreditNoteTable(),
    PaymentQuestions(),
    LabelTable(),
    WebhookTable(),
)
"""What workers that act on events remember."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was missing of a system and is there now, and the function that its keys are partitioned by."""

    migrations: list[str]
    topics: list[str]
    partitioner: Partitioner
    audit_key: bool
    """Whether a signing key was made."""
    vault_key: bool
    """Whether a master key of the vault was made."""
    roles: list[str]
    """The workers' roles that were made."""


def initialise(settings: Settings) -> Initialised:
    """Create what is missing of schemas and topics, and settle what a system must keep.

    Where roles are asked for, each worker's is made, and has the rights that it needs and no other.
    Where nothing was signed yet, and the file that is to hold the signing key is not there, it is made, too. So is the
    master key of the vault, where nothing was ever sealed.

    Raises:
        OtherPrefixError: The database belongs to topics with another prefix.
        HistoryError: Log and topic do not tell one history; nothing is published.
        ServiceUnreachableError, psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    where, conninfo, names = addresses(settings), postgres_address(settings), TopicNames(settings.topic_prefix)
    migrations = migrate(conninfo)
    with closing(connect(conninfo)) as connection:
        settle_prefix(connection, settings.topic_prefix)
    for projection in (*PROJECTIONS.values(), *INBOXES):
        prepare(conninfo, projection)
    with closing(make_admin(where.kafka_bootstrap)) as admin, closing(connect(conninfo)) as connection:
        if holds_events(connection):
            require_same_kafka(connection, admin, names)
        partitioner = settle_partitioner(conninfo, admin, names.own)
        topics = _make_topics(settings, admin, names)
        require_one_history(connection, where.kafka_bootstrap, names)
        settle_kafka(connection, admin, names)
        roles = _make_roles(conninfo) if settings.postgres_roles else []
        is_new = newest(connection) is None
        _destroy_again(settings, connection)
    audit_key = is_new and _make_audit_key(settings)
    return Initialised(migrations, topics, partitioner, audit_key, _make_vault_key(settings), roles)


def _make_audit_key(settings: Settings) -> bool:
    file = settings.audit_key_file
    return file is not None and make_key(file, settings.audit_origin)


def _destroy_again(settings: Settings, connection: Connection) -> None:
    """Destroy keys of the vault that the log says are destroyed: a backup may have brought them back."""
    with closing(opened_register(settings)) as vault:
        destroy_keys(vault, destroyed_by((ERASED, body) for body in bodies_of_customers(connection, ERASED)))


def _make_vault_key(settings: Settings) -> bool:
    file = settings.vault_key_file
    if file is None or settings.vault_key is not None:
        return False
    with closing(connect(vault_address(settings))) as connection:
        [(is_new,)] = connection.execute("SELECT NOT EXISTS (SELECT FROM rma_vault.masters)").fetchall()
    return bool(is_new) and make_master_key(file)


def _make_topics(settings: Settings, admin: KafkaAdminClient, names: TopicNames) -> list[str]:
    """Make the topics that there are not, and wait until they are known everywhere; return their names."""
    topics = create_topics(
        admin,
        names,
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
    )
    admin.wait_for_topics(topics, timeout_ms=TOPICS_READY_TIMEOUT_MS)
    close_segments_early(admin, names)
    return topics


def _make_roles(conninfo: str) -> list[str]:
    """Make the roles, once all tables are there that a worker would make if it could; return those made."""
    with closing(connect(conninfo)) as connection:
        if find_spec("fastapi"):
            for name in ("http.tables", "notices.table"):  # nothing else here needs what these do
                resolve_name(f"workers.{name}:prepare")(connection)
        return make_roles(connection)

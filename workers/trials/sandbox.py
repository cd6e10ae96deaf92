"""A database and topics of one's own on services that others use too, and who works there; removed in the end."""

from __future__ import annotations

import secrets
import signal
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import Event, Thread
from types import FrameType
from typing import ClassVar, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from domain.errors import RmaError
from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames
from infra.sealing.sealed_text import KEY_BYTES
from infra.settings import Settings
from workers.operating.initialising import initialise
from workers.registry import worker_named

STOP_TIMEOUT_S: Final = 30.0


class SandboxRefusedError(RmaError):
    """No database can be made for a trial, which would otherwise leave its traces in the system in use."""

    code: ClassVar[str] = "sandbox_refused"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"a trial makes a database of its own, and PostgreSQL says: {why}; let the login of RMA_POSTGRES_DSN do so "
            "(ALTER ROLE … CREATEDB), or play scenarios in the system itself: rma scenario run --here"
        )


@contextmanager
def sandbox(settings: Settings, purpose: str, make: Callable[[Settings], object] = initialise) -> Iterator[Settings]:
    """Make a database and topics, yield settings that lead there, and remove both when the block ends.

    Args:
        settings: Lead to the services.
        purpose: Part of the names; letters and underscores.
        make: Makes schemas and topics.
    Raises:
        SandboxRefusedError: Who this is at PostgreSQL may not create databases.
        ServiceUnreachableError, psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    where, conninfo = addresses(settings), postgres_address(settings)
    name = f"rma_{purpose}_{secrets.token_hex(4)}"
    own = settings.model_copy(
        update={
            "postgres_dsn": SecretStr(make_conninfo(conninfo, dbname=name)),
            "kafka_bootstrap": where.kafka_bootstrap,
            "topic_prefix": f"{name}.",
            "instance": None,
            "metrics_port": 0,
            "vault_key": SecretStr(b64encode(secrets.token_bytes(KEY_BYTES)).decode()),
            "vault_dsn": None,
        }
    )
    try:
        _run(conninfo, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege as refused:
        raise SandboxRefusedError(str(refused.diag.message_primary)) from refused
    with ExitStack() as made:
        made.callback(_run, conninfo, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        made.callback(_remove_from_kafka, where.kafka_bootstrap, own.topic_prefix)
        make(own)
        yield own


@contextmanager
def at_work(settings: Settings, names: Iterable[str]) -> Iterator[None]:
    """Run workers in threads while the block lasts; raise what ended one of them before."""
    stop, ended = Event(), list[BaseException]()

    def work(name: str) -> None:
        try:
            worker_named(name).run(settings, stop)
        except BaseException as failure:
            ended.append(failure)

    threads = [Thread(target=work, args=(name,), name=name) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(STOP_TIMEOUT_S)
    if ended:
        raise ended[0]
    if left := [thread.name for thread in threads if thread.is_alive()]:
        raise TimeoutError(f"not stopped within {STOP_TIMEOUT_S:.0f} s: {', '.join(left)}")


def _remove_from_kafka(bootstrap: str, prefix: str) -> None:
    """Delete the topics under a prefix, and what Kafka remembers of who read them."""
    topics = TopicNames(prefix)
    with closing(make_admin(bootstrap)) as admin:
        admin.delete_topics(sorted({*topics.all}.intersection(admin.list_topics())))  # other revisions make fewer
        groups = [group["group_id"] for group in admin.list_groups() if group["group_id"].startswith(prefix)]
        if groups:
            admin.delete_groups(groups)


def _run(dsn: str, statement: sql.Composed) -> None:
    """Run a statement that no transaction may hold, over a connection of its own: the block may last for long."""
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(statement)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what was made for it is removed."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)

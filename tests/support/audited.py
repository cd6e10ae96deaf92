"""A log with its topic, and an auditor that compares and signs until it has nothing left to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from psycopg import Connection

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.proofs.key_file import make_key, read_keys
from infra.proofs.signed_note import SigningKey
from infra.proofs.store import newest, open_stop
from infra.sessions import connect
from infra.settings import Settings
from tests.support.decided_log import decide_some
from tests.support.in_thread import beside
from tests.support.pipeline import Pipeline, wait_for
from workers.audit.verifying import Report, Wanted, verify
from workers.auditor.worker import Auditor


def key_of(settings: Settings) -> list[SigningKey]:
    """Return the keys of a system, one made if there is none."""
    assert settings.audit_key_file is not None
    make_key(settings.audit_key_file, settings.audit_origin)
    return read_keys(settings)


@contextmanager
def auditing(settings: Settings, **how: Any) -> Iterator[WorkerMetrics]:
    """Run an auditor in a thread, and yield its figures; what it raises is raised here."""
    keys, metrics = key_of(settings), WorkerMetrics("auditor")
    with beside(lambda stop: Auditor(settings, keys, stop, metrics, **how).run()):
        yield metrics


def sign_all(settings: Settings, **how: Any) -> None:
    """Let an auditor sign everything that is published, or stop at a difference."""
    with closing(connect(postgres_address(settings))) as connection, auditing(settings, **{"sign_every_s": 0.0, **how}):
        wait_for(lambda: is_signed(connection) or open_stop(connection), "the auditor to sign, or to stop")


def is_signed(connection: Connection) -> bool:
    """Tell whether the newest checkpoint covers every event and every answer."""
    [(events, outcomes)] = connection.execute(
        "SELECT (SELECT count(*) FROM rma_log.events), (SELECT count(*) FROM rma_log.outcomes)"
    ).fetchall()
    signed = newest(connection)
    return signed is not None and (signed.tree_size == events) and f"outcomes {outcomes} " in signed.note


def audited(pipeline: Pipeline, *, orders: int = 5, parts: int = 3) -> None:
    """Fill a log in so many parts, publish each and have it signed."""
    for part in range(parts):
        decide_some(pipeline, orders * (part + 1))
        pipeline.relay_all()
        sign_all(pipeline.settings)


def verified(settings: Settings, **wanted: Any) -> Report:
    """Verify with the keys of the system."""
    return verify(settings, [key.verifier for key in key_of(settings)], Wanted(**wanted))

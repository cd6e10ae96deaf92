"""`rma audit resume`: a person lets the auditor sign again, where nothing is wrong any more."""

from __future__ import annotations

from contextlib import closing

from infra.addresses import postgres_address
from infra.proofs import store
from infra.proofs.key_file import read_keys
from infra.sessions import connect
from infra.settings import Settings
from workers.audit.verifying import Wanted, verify
from workers.auditor.faults import FaultFoundError


def resume(settings: Settings, person: str) -> bool:
    """Let the auditor go on from the newest checkpoint; tell whether it had stopped at all.

    Raises:
        FaultFoundError: Something is still not as it was.
        AuditKeyMissingError: This is not the machine that signs.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    keys = [key.verifier for key in read_keys(settings)]
    with closing(connect(postgres_address(settings))) as connection:
        if store.open_stop(connection) is None:
            return False
    report = verify(settings, keys, Wanted())
    if report.fault is not None:
        raise FaultFoundError(report.fault)
    with closing(connect(postgres_address(settings))) as connection, connection.transaction():
        if report.next_offsets:
            store.save_offsets(connection, report.next_offsets)
        store.resume_signing(connection, person)
    return True

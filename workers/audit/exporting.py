"""`rma audit export`: what an outside auditor takes home, to be checked without this system."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypedDict

from psycopg import Connection

from domain.errors import RmaError, UnusableInputError
from domain.policy.document import canonical_json
from infra.addresses import postgres_address
from infra.log.auditing import event_at, events_after
from infra.log.event_log import EventLog
from infra.log.queries import first_recorded_from, last_position, unread_streams
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note
from infra.records import StoredEvent, rfc3339
from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
from infra.settings import Settings
from projections.refund_ledger.fold import RefundLedger
from projections.refund_ledger.period import JOURNAL_COLUMNS, Positions, read_journal
from workers.audit.proofs import NotSignedYetError, published_event
from workers.audit.verifying import SNAPSHOT
from workers.policies.published import read_policies
from workers.runtime.every_event import make_codec

PAGE_EVENTS: Final = 5_000
VERIFIER: Final = Path(__file__).parent / "verify.py"
WriteRows = Callable[[Path, Sequence[str], Iterable[Mapping[str, Any]]], int]
"""Writes rows under columns as CSV, and returns how many there were."""


class FolderTakenError(UnusableInputError):
    """The folder that is to hold the bundle holds something else."""

    code = "folder_taken"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is there already and not empty: name another folder")


class NothingRecordedError(RmaError):
    """No event was recorded in this time."""

    code = "nothing_recorded"

    def __init__(self, since: datetime, until: datetime) -> None:
        super().__init__(f"nothing was recorded from {rfc3339(since)} to {rfc3339(until)}")


class LedgerBehindError(RmaError):
    """The ledger has not read all events that the bundle is to hold."""

    code = "ledger_behind"

    def __init__(self, streams: int) -> None:
        super().__init__(f"the ledger has still to read events of {streams} streams; see rma status")


class PolicyFile(TypedDict):
    """A policy document of the bundle; ``hash`` is its SHA-256, which decisions name."""

    policy_id: str
    version: int
    hash: str
    file: str


@dataclass
class Manifest:
    """What a bundle holds: positions of the first and the last event, the checkpoint's tree, SHA-256 of each file."""

    origin: str
    since: str
    until: str
    first_position: int
    last_position: int
    tree_size: int
    policies: list[PolicyFile] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def export(settings: Settings, since: datetime, until: datetime, out: Path, write_rows: WriteRows) -> Manifest:
    """Write what was recorded from ``since`` on and before ``until`` into a new folder, and return its manifest.

    Raises:
        FolderTakenError: The folder holds something.
        NothingRecordedError, NotSignedYetError, LedgerBehindError: There is nothing to write, or not yet.
        psycopg.OperationalError: PostgreSQL is away.
    """
    if out.exists() and any(out.iterdir()):
        raise FolderTakenError(out)
    conninfo = postgres_address(settings)
    with (
        closing(connect(conninfo, statement_timeout_ms=SCHEMA_CHANGE_MAX_MS)) as connection,
        closing(EventLog(conninfo)) as log,
    ):
        for statement in SNAPSHOT:
            connection.execute(statement.encode())
        period = _period(connection, since, until)
        signed = _signed(connection, period.end - 1)
        out.mkdir(parents=True, exist_ok=True)
        (out / "policies").mkdir()
        manifest = Manifest(
            origin=Checkpoint.parse(Note.parse(signed.note).text).origin,
            since=rfc3339(since),
            until=rfc3339(until),
            first_position=period.first,
            last_position=period.end - 1,
            tree_size=signed.tree_size,
            policies=_write_policies(log, out),
        )
        _write_events(connection, period, out / "events.ndjson")
        _write_proofs(connection, period, signed, out)
        write_rows(out / "ledger.csv", JOURNAL_COLUMNS, read_journal(connection, period))
    shutil.copyfile(VERIFIER, out / "verify.py")
    manifest.files = dict(_digests(out))
    (out / "manifest.json").write_text(f"{json.dumps(asdict(manifest), indent=2)}\n", encoding="utf-8")
    return manifest


def _period(connection: Connection, since: datetime, until: datetime) -> Positions:
    """Return where in the log the time begins and ends."""
    end = first_recorded_from(connection, until) or last_position(connection) + 1
    first = first_recorded_from(connection, since)
    if first is None or first >= end:
        raise NothingRecordedError(since, until)
    if behind := unread_streams(connection, RefundLedger.name, RefundLedger.version, before=end):
        raise LedgerBehindError(behind)
    return Positions(first, end)


def _signed(connection: Connection, last: int) -> store.SignedCheckpoint:
    signed = store.newest(connection)
    if signed is None or signed.tree_size < last:
        signed_to, signed_at = (signed.tree_size, signed.signed_at) if signed else (0, None)
        raise NotSignedYetError(last, signed_to, signed_at)
    return signed


def _events(connection: Connection, period: Positions) -> Iterator[StoredEvent]:
    after = period.first - 1
    while after < period.end - 1:
        page = events_after(connection, after, min(PAGE_EVENTS, period.end - 1 - after))
        yield from page
        after = page[-1].position


def _write_events(connection: Connection, period: Positions, file: Path) -> None:
    with file.open("w", encoding="utf-8") as out:
        for event in _events(connection, period):
            out.write(f"{json.dumps(published_event(event))}\n")


def _write_proofs(connection: Connection, period: Positions, signed: store.SignedCheckpoint, out: Path) -> None:
    """Write the checkpoint, and what shows the first and the last event to be in it."""
    tree = store.tree_of(connection, signed.tree_size)
    proofs = {}
    for which, position in (("first", period.first), ("last", period.end - 1)):
        event = event_at(connection, position)
        if event is None:
            raise NothingRecordedError(signed.signed_at, signed.signed_at)
        nodes = [node.hex() for node in tree.inclusion(position - 1)]
        proofs[which] = {"leaf_index": position - 1, "tree_size": signed.tree_size, "inclusion": nodes}
    (out / "proofs.json").write_text(f"{json.dumps(proofs, indent=2)}\n", encoding="utf-8")
    (out / "checkpoint.note").write_text(signed.note, encoding="utf-8")


def _write_policies(log: EventLog, out: Path) -> list[PolicyFile]:
    """Write every document that was ever published, as it is hashed."""
    written: list[PolicyFile] = []
    for policy_id, policy in read_policies(log, make_codec()).items():
        for version in policy.versions:
            name = f"policies/{len(written) + 1:04}.json"
            (out / name).write_text(canonical_json(version.document), encoding="utf-8")
            written.append({"policy_id": policy_id, "version": version.number, "hash": version.hash, "file": name})
    return written


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with file.open("rb") as opened:
                yield str(file.relative_to(folder)), hashlib.file_digest(opened, "sha256").hexdigest()

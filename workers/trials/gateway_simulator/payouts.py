"""The local gateway's own book: what it was asked under which key, and what it did, in one SQLite file."""

from __future__ import annotations

import csv
import io
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UnusableInputError
from domain.vocabularies import TenderKind

BUSY_TIMEOUT_S: Final = 10.0
SETTLEMENT_COLUMNS: Final = ("payout_id", "amount", "currency", "settled_at", "reference")

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS payouts (
        idempotency_key TEXT PRIMARY KEY,
        payout_id       TEXT NOT NULL,
        request         TEXT NOT NULL,
        amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
        currency        TEXT NOT NULL,
        outcome         TEXT NOT NULL CHECK (outcome IN ('settled', 'failed')),
        reference       TEXT NOT NULL UNIQUE,
        reason          TEXT,
        at              TEXT NOT NULL
    ) STRICT
"""
_COLUMNS: Final = "payout_id, idempotency_key, amount_minor, currency, outcome, reference, reason, at"

Outcome = Literal["settled", "failed"]


class PayoutBody(BaseModel):
    """What a payout is asked for with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    payout_id: Annotated[str, Field(min_length=1, max_length=64)]
    order_id: Annotated[str, Field(min_length=1, max_length=64)]
    rma_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    tender_id: Annotated[str, Field(min_length=1, max_length=64)]
    tender_kind: TenderKind
    amount_minor: Annotated[int, Field(ge=1, le=10**13)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    tender_reference: Annotated[str, Field(min_length=1, max_length=4_000)] | None = None


@dataclass(frozen=True, slots=True)
class StoredPayout:
    """One key's payout, as the gateway answers it."""

    payout_id: str
    idempotency_key: str
    amount_minor: int
    currency: str
    outcome: Outcome
    reference: str
    reason: str | None
    at: str


class BookUnusableError(UnusableInputError):
    """The file named cannot be a gateway's book."""

    code = "book_unusable"


class KeyReusedError(Exception):
    """A key came again with another request."""


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class PayoutStore:
    """Keeps one entry per key; the first to enter a key decides, whoever asks later reads.

    Args:
        file: The SQLite file; made where it does not exist. Every entry is on disk before it is answered.
    Raises:
        BookUnusableError: The file cannot be made or written, or is something else.
    """

    def __init__(self, file: Path) -> None:
        self._lock = Lock()
        try:
            self._connection = _opened(file)
        except (OSError, sqlite3.Error) as error:
            raise BookUnusableError(f"{file} cannot be the gateway's book ({error})") from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def enter(self, key: str, body: PayoutBody, outcome: Outcome, reason: str | None = None) -> StoredPayout:
        """Do what was asked under a key, unless it was done before; return what stands.

        Raises:
            KeyReusedError: The key stands for another request.
        """
        row = (
            key,
            body.payout_id,
            body.model_dump_json(),
            body.amount_minor,
            body.currency,
            outcome,
            reason,
            datetime.now(UTC).isoformat(),
        )
        with self._lock:
            self._connection.execute(
                "INSERT INTO payouts (idempotency_key, payout_id, request, amount_minor, currency, outcome, "
                "reference, reason, at) VALUES (?, ?, ?, ?, ?, ?, "
                "'GW-' || (SELECT count(*) + 1 FROM payouts), ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                row,
            )
            known = self._connection.execute("SELECT request FROM payouts WHERE idempotency_key = ?", (key,)).fetchone()
        if known[0] != body.model_dump_json():
            raise KeyReusedError(key)
        entry = self.find(key)
        assert entry is not None  # noqa: S101 - entered above, and entries are never removed
        return entry

    def find(self, key: str) -> StoredPayout | None:
        """Return what stands under a key."""
        with self._lock:
            row = self._connection.execute(
                f"SELECT {_COLUMNS} FROM payouts WHERE idempotency_key = ?",  # noqa: S608 - column names of our own
                (key,),
            ).fetchone()
        return StoredPayout(*row) if row else None

    def reverse(self, key: str, reason: str) -> StoredPayout | None:
        """Take a settlement back; None where the key is unknown."""
        at = datetime.now(UTC).isoformat()
        with self._lock:
            self._connection.execute(
                "UPDATE payouts SET outcome = 'failed', reason = ?, at = ? "
                "WHERE idempotency_key = ? AND outcome = 'settled'",
                (reason, at, key),
            )
        return self.find(key)

    def entries(self) -> list[StoredPayout]:
        """Return everything, in the order in which it was entered."""
        with self._lock:
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM payouts ORDER BY rowid").fetchall()  # noqa: S608
        return [StoredPayout(*row) for row in rows]

    def settlement_file(self) -> str:
        """Return what was paid as CSV, amounts in minor units, as ``rma reconcile`` reads it."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SETTLEMENT_COLUMNS)
        for entry in self.entries():
            if entry.outcome == "settled":
                writer.writerow((entry.payout_id, entry.amount_minor, entry.currency, entry.at, entry.reference))
        return text.getvalue()

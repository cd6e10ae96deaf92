"""The vault: the key of every person, wrapped by a master key, in a schema of its own behind a role of its own.

Who seals holds the person's key for as long as its append lasts, and whoever erases takes it away for as long as its
own does: no event names a key that was gone before it was recorded. A new key is in the vault before anything that it
seals is in the log.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg import Connection

from infra.addresses import postgres_address
from infra.columns import Insert, texts
from infra.sealing.letters import LetterKey
from infra.sealing.master_keys import (
    CHECKED,
    MasterKeys,
    VaultKeyWrongError,
    name_of_key,
    read_master_keys,
)
from infra.sealing.sealed_text import KEY_BYTES, DataKey
from infra.sessions import Session, connect
from infra.settings import Settings

ROLE: Final = "SET ROLE rma_vault"
BY_EITHER: Final = r"""
    SELECT key_id::text, person, master_id, wrapped FROM rma_vault.keys
    WHERE key_id = ANY(string_to_array(%t, E'\n')::uuid[]) OR person = ANY(string_to_array(%t, E'\n'))
"""
INSERT: Final = Insert.into(
    "rma_vault.keys", "key_id, person, master_id, wrapped", "uuid text text bytea", "ON CONFLICT DO NOTHING"
)
HOLD: Final = r"""
    SELECT count(*) FROM (
        SELECT FROM rma_vault.keys WHERE key_id = ANY(string_to_array(%t, E'\n')::uuid[]) ORDER BY key_id FOR SHARE
    ) AS held
"""
DESTROY: Final = "DELETE FROM rma_vault.keys WHERE key_id = ANY(%s) RETURNING key_id"
ERASED: Final = "rma.Customer.Erased.v1"
ADD_MASTER: Final = "INSERT INTO rma_vault.masters (master_id, check_value) VALUES (%s, %s) ON CONFLICT DO NOTHING"

FINGERPRINT: Final = b"fingerprint"
"""The name under which the key of fingerprints is wrapped."""
FINGERPRINT_KEY: Final = "SELECT master_id, wrapped FROM rma_vault.fingerprint_key"
ADD_FINGERPRINT: Final = """
    INSERT INTO rma_vault.fingerprint_key (key_id, master_id, wrapped) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
ADD_LETTERS: Final = """
    INSERT INTO rma_vault.letters (key_id, place, master_id, wrapped)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[])
"""
LETTER_KEYS: Final = "SELECT key_id, master_id, wrapped FROM rma_vault.letters WHERE key_id = ANY(%s)"


class KeyGoneError(Exception):
    """A person's key was destroyed, or another was made, since it was looked up. Nothing was written."""


class Vault(Session):
    """The keys, behind a session that has the vault's role.

    Args:
        conninfo: libpq connection string or URI.
        masters: The master keys.
    """

    def __init__(self, conninfo: str, masters: MasterKeys) -> None:
        super().__init__(conninfo)
        self._masters = masters

    @property
    def connection(self) -> Connection:
        """The open connection, as role rma_vault; raises ``psycopg.OperationalError`` where PostgreSQL is away."""
        is_open = self._open is not None and not self._open.closed
        connection = super().connection
        if not is_open:
            connection.execute(ROLE)
        return connection

    def check(self) -> None:
        """Let what is new be wrapped by the active master key.

        Raises:
            VaultKeyWrongError: Something in the vault is wrapped by a key that is not among those given.
        """
        known = self.connection.execute("SELECT master_id, check_value FROM rma_vault.masters").fetchall()
        for master_id, check_value in known:
            if self._masters[master_id].unwrap(check_value, b"check") != CHECKED:
                raise VaultKeyWrongError(master_id)
        active = self._masters.active
        if active.master_id not in {master_id for master_id, _ in known}:
            self.connection.execute(ADD_MASTER, (active.master_id, active.wrap(CHECKED, b"check")))

    def find(self, key_ids: Iterable[str], persons: Iterable[str] = ()) -> list[DataKey]:
        """Return the keys with these ids, and those of these people, that there are; with one query."""
        wanted, people = list(key_ids), list(persons)
        if not wanted and not people:
            return []
        asked = (texts(wanted), texts(people))
        rows = self.connection.execute(BY_EITHER, asked, prepare=True, binary=True).fetchall()
        return [
            DataKey(row[0], row[1], self._masters[row[2]].unwrap(row[3], name_of_key(UUID(row[0])))) for row in rows
        ]

    @contextmanager
    def holding(self, used: Sequence[DataKey], new: Sequence[DataKey]) -> Iterator[None]:
        """Keep these keys from being destroyed while the block appends; ``new`` ones are stored before it begins.

        Raises:
            KeyGoneError: One was destroyed meanwhile, or its person has another one by now.
            psycopg.OperationalError: The vault is away, or a lock could not be had in time.
        """
        if not used:
            yield
            return
        if new:
            self._insert(new)
        try:
            with self.waiting_for_locks(), self.connection.transaction():
                asked = (texts([key.key_id for key in used]),)
                [(held,)] = self.connection.execute(HOLD, asked, prepare=True, binary=True).fetchall()
                if held < len(used):
                    raise KeyGoneError("a key is gone")
                yield
        except psycopg.errors.DeadlockDetected as crossed:
            raise KeyGoneError("two batches took the same keys crosswise") from crossed

    @contextmanager
    def destroying(self, key_ids: Sequence[UUID]) -> Iterator[None]:
        """Destroy these keys once the block has recorded that they are; nobody seals with them meanwhile.

        Raises:
            KeyGoneError: One is not there any more.
            psycopg.OperationalError: The vault is away, or a lock could not be had in time.
        """
        try:
            with self.waiting_for_locks(), self.connection.transaction():
                gone = self.connection.execute(DESTROY, (list(key_ids),)).fetchall()
                if len(gone) < len(key_ids):
                    raise KeyGoneError("a key is gone")
                yield
        except psycopg.errors.DeadlockDetected as crossed:
            raise KeyGoneError("two batches took the same keys crosswise") from crossed

    def destroy_again(self, key_ids: Sequence[UUID]) -> int:
        """Destroy keys that the log says are destroyed: a backup may have brought them back. Return how many it had."""
        return destroy_keys(self.connection, key_ids)

    def fingerprint_key(self) -> bytes:
        """Return the key of fingerprints, made by the first who asks.

        Raises:
            VaultKeyWrongError: It is wrapped by a master key that is not among those given.
        """
        active, secret = self._masters.active, os.urandom(KEY_BYTES)
        made = (uuid4(), active.master_id, active.wrap(secret, FINGERPRINT))
        self.connection.execute(ADD_FINGERPRINT, made)
        [(master_id, wrapped)] = self.connection.execute(FINGERPRINT_KEY).fetchall()
        return self._masters[master_id].unwrap(wrapped, FINGERPRINT)

    def keep_letters(self, keys: Sequence[LetterKey]) -> None:
        """Store the keys of dead letters, before anything says that there are these letters; old ones are let go."""
        if keys:
            active = self._masters.active
            wrapped = [active.wrap(key.secret, name_of_key(key.key_id)) for key in keys]
            ids, places = [key.key_id for key in keys], [key.place for key in keys]
            self.connection.execute(ADD_LETTERS, (ids, places, [active.master_id] * len(keys), wrapped))
            self.connection.execute("DELETE FROM rma_vault.letters WHERE expires_at < clock_timestamp()")

    def letter_keys(self, key_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """Return the keys of dead letters that there are, by their ids."""
        rows = self.connection.execute(LETTER_KEYS, (list(key_ids),)).fetchall()
        return {key_id: self._masters[master].unwrap(wrapped, name_of_key(key_id)) for key_id, master, wrapped in rows}

    def destroy_letters(self, key_ids: Iterable[UUID]) -> int:
        """Destroy the keys of dead letters, so that nobody reads these any more; return how many there were."""
        destroy = "DELETE FROM rma_vault.letters WHERE key_id = ANY(%s) RETURNING key_id"
        return len(self.connection.execute(destroy, (list(key_ids),)).fetchall())

    def rotate(self) -> int:
        """Wrap every key by the active master key, and forget the others; return how many were wrapped by another.

        Raises:
            VaultKeyWrongError: A key is wrapped by a master key that is not among those given.
        """
        active, turned = self._masters.active, 0
        with self.connection.transaction():
            for table in ("keys", "letters"):
                select = f"SELECT key_id, master_id, wrapped FROM rma_vault.{table} WHERE master_id <> %s FOR UPDATE"  # noqa: S608
                for key_id, master_id, wrapped in self.connection.execute(select, (active.master_id,)).fetchall():
                    secret = self._masters[master_id].unwrap(wrapped, name_of_key(key_id))
                    update = f"UPDATE rma_vault.{table} SET master_id = %s, wrapped = %s WHERE key_id = %s"  # noqa: S608
                    given = (active.master_id, active.wrap(secret, name_of_key(key_id)), key_id)
                    self.connection.execute(update, given)
                    turned += 1
            turned += self._rotate_fingerprint_key()
            self.connection.execute("DELETE FROM rma_vault.masters WHERE master_id <> %s", (active.master_id,))
        return turned

    def _rotate_fingerprint_key(self) -> int:
        found = self.connection.execute(f"{FINGERPRINT_KEY} FOR UPDATE").fetchone()
        if found is None or found[0] == self._masters.active.master_id:
            return 0
        secret = self._masters[found[0]].unwrap(found[1], FINGERPRINT)
        update = "UPDATE rma_vault.fingerprint_key SET master_id = %s, wrapped = %s"
        active = self._masters.active
        self.connection.execute(update, (active.master_id, active.wrap(secret, FINGERPRINT)))
        return 1

    def _insert(self, new: Sequence[DataKey]) -> None:
        active = self._masters.active
        master_id = active.master_id
        rows = [
            (key.key_id, key.person, master_id, active.wrap(key.secret, name_of_key(UUID(key.key_id)))) for key in new
        ]
        self.connection.execute(INSERT.statement, INSERT.parameters(rows), prepare=True)


def destroyed_by(events: Iterable[tuple[str, bytes]]) -> list[UUID]:
    """Return the keys that events, given as type and body, say are destroyed."""
    return [UUID(key) for type_name, body in events if type_name == ERASED for key in orjson.loads(body)["keys"]]


def destroy_keys(connection: Connection, key_ids: Sequence[UUID]) -> int:
    """Destroy these keys, by a session with the vault's role; return how many there were."""
    return len(connection.execute(DESTROY, (list(key_ids),)).fetchall()) if key_ids else 0


def new_key(person: str) -> DataKey:
    """Draw a key for somebody."""
    return DataKey(str(uuid4()), person, os.urandom(KEY_BYTES))


def open_vault(settings: Settings) -> Vault:
    """Return the vault, its master key checked.

    Raises:
        VaultKeyMissingError, VaultKeyUnreadableError, VaultKeyWrongError: There is no master key, or not the one.
        psycopg.OperationalError: PostgreSQL is away.
    """
    vault = Vault(vault_address(settings), read_master_keys(settings))
    try:
        vault.check()
    except BaseException:
        vault.close()
        raise
    return vault


def opened_register(settings: Settings) -> Connection:
    """Return a session that has the vault's role and no key: it can read who opened what, and open nothing.

    Raises:
        psycopg.OperationalError: PostgreSQL is away.
    """
    connection = connect(vault_address(settings))
    connection.execute(ROLE)
    return connection


def vault_address(settings: Settings) -> str:
    """Return what to connect to the vault with: its own address, else that of the log."""
    return settings.vault_dsn.get_secret_value() if settings.vault_dsn else postgres_address(settings)

"""What the command worker knows of keys: events are opened as they are loaded, and sealed before they are recorded.

Aggregates decide on plain text, so that a fact may be told again, or copied into another; what leaves the worker is
sealed. Keys are cached. One that was destroyed meanwhile is noticed by the append, which then writes nothing: all that
was cached is forgotten, and the batch is decided anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

import structlog
from psycopg import Connection

from infra.log.queries import bodies_of_customers
from infra.records import NewEvent, SetAside, StoredEvent
from infra.sealing.bodies import open_body, seal_body
from infra.sealing.fields import SEALED
from infra.sealing.fingerprints import Fingerprints
from infra.sealing.letters import LetterKey, seal_letter
from infra.sealing.master_keys import VaultKeyMissingError
from infra.sealing.sealed_text import DataKey
from infra.sealing.vault import ERASED, Vault, destroyed_by, new_key

LOG = structlog.get_logger()
KEYS_CACHED_MAX: Final = 20_000


def destroy_again(connection: Connection, vault: Vault) -> None:
    """Destroy the keys that the log says are destroyed: a backup of the vault brings them back."""
    erasures = bodies_of_customers(connection, ERASED)
    if found := vault.destroy_again(destroyed_by((ERASED, body) for body in erasures)):
        LOG.warning("destroyed_keys_were_back", keys=found)


class Sealing:
    """The keys of a command worker, those of a batch among them.

    Args:
        vault: Where they are kept; None: nothing can be sealed, nor opened.
    """

    def __init__(self, vault: Vault | None) -> None:
        self._own_vault = vault
        self._by_person: OrderedDict[str, DataKey] = OrderedDict()
        self._by_id: dict[str, DataKey] = {}
        self._used: dict[str, DataKey] = {}
        self._without: set[str] = set()
        self._new: dict[str, DataKey] = {}
        self._letters: list[LetterKey] = []
        self._fingerprints: Fingerprints | None = None

    @property
    def fingerprints(self) -> Fingerprints:
        """How commands are known again; raises ``psycopg.OperationalError`` where the vault is away at first."""
        if self._fingerprints is None:
            vault = self._own_vault
            self._fingerprints = Fingerprints(None if vault is None else vault.fingerprint_key())
        return self._fingerprints

    @property
    def _vault(self) -> Vault:
        if self._own_vault is None:
            raise VaultKeyMissingError(None)
        return self._own_vault

    def begin(self) -> None:
        """Begin a batch."""
        while len(self._by_person) > KEYS_CACHED_MAX:
            _, key = self._by_person.popitem(last=False)
            self._by_id.pop(key.key_id, None)
        self._used, self._letters = {}, []
        self._without.clear()

    def forget(self) -> None:
        """Forget every key: one of them is not what it was."""
        self._by_person.clear()
        self._by_id.clear()
        self._new.clear()
        self._without.clear()

    def fetch(self, persons: Iterable[str]) -> None:
        """Look up the keys of these people, all with one query; who has none gets one when something is sealed.

        Where somebody else makes one meanwhile, the append notices.
        """
        missing = [person for person in persons if person not in self._by_person]
        if missing and self._own_vault is not None:
            self._keep(self._vault.find((), missing))
            self._without.update(person for person in missing if person not in self._by_person)

    def opened(self, events: dict[str, list[StoredEvent]]) -> dict[str, list[StoredEvent]]:
        """Return the events of each stream with their texts as they were written."""
        wanted = {event.sealed_key_id for of in events.values() for event in of if event.sealed_key_id}
        if not wanted:
            return events
        self._keep(self._vault.find(wanted - self._by_id.keys()))
        return {stream: [self._opened(event) for event in of] for stream, of in events.items()}

    def _opened(self, event: StoredEvent) -> StoredEvent:
        if event.sealed_key_id is None:
            return event
        body = open_body(event.type, event.body, event.stream, event.version, self._by_id)
        return event._replace(body=body)

    def sealed(self, event: NewEvent, person: str) -> NewEvent:
        """Return an event with its texts sealed under a person's key; the same where it holds none, or was sealed."""
        if event.type not in SEALED or event.sealed_key_id is not None:
            return event
        body, key_id = seal_body(event.type, event.body, event.stream, event.version, partial(self._key_of, person))
        if key_id is None:
            return event
        return event._replace(body=body, sealed_key_id=key_id)

    def set_aside(self, aside: SetAside) -> SetAside:
        """Return a record that becomes a dead letter with that sealed, under a key of its own."""
        if self._own_vault is None:
            return aside
        key = aside.letter.key
        hashed = None if key is None else self.fingerprints.of(sha256(key).digest()).hex().encode()
        letter, letter_key = seal_letter(aside.letter, hashed)
        self._letters.append(letter_key)
        return replace(aside, letter=letter)

    def keys_of(self, person: str) -> tuple[str, ...]:
        """Return the names of the keys of a person's texts, as the vault has them now."""
        return tuple(key.key_id for key in self._vault.find((), [person]))

    @contextmanager
    def held(self, events: Sequence[NewEvent]) -> Iterator[None]:
        """Keep the keys of these events while the block appends, and destroy those that they say are destroyed.

        Raises:
            KeyGoneError: Keys are not what they were when the events were decided.
        """
        if self._letters:
            self._vault.keep_letters(self._letters)
        erased = destroyed_by((event.type, event.body) for event in events)
        if erased:
            with self._vault.destroying(erased):
                yield
            self.forget()
            return
        ids = {event.sealed_key_id for event in events if event.sealed_key_id}
        if not ids:
            yield
            return
        used = [self._used[key_id] for key_id in sorted(ids)]
        new = [key for key in used if key.key_id in self._new]
        with self._vault.holding(used, new):
            yield
        for key in new:
            del self._new[key.key_id]

    def _key_of(self, person: str) -> DataKey:
        key = self._by_person.get(person)
        if key is None and person not in self._without:
            self._keep(self._vault.find((), [person]))
            key = self._by_person.get(person)
        if key is None:
            key = new_key(person)
            self._new[key.key_id] = key
            self._keep([key])
        self._used[key.key_id] = key
        return key

    def _keep(self, keys: Iterable[DataKey]) -> None:
        for key in keys:
            self._by_person[key.person] = key
            self._by_id[key.key_id] = key

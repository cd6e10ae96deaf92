"""The master keys that wrap all others: in a file or a variable, one base64 key a line, the first one active."""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from binascii import Error
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import UnusableInputError
from domain.values import dataclass
from infra.key_files import lines_of, make_once
from infra.sealing.sealed_text import KEY_BYTES, NONCE_BYTES
from infra.settings import Settings

CHECKED: Final = b"rma vault"


class VaultKeyMissingError(UnusableInputError):
    """There is no master key: what people write could not be sealed."""

    code = "vault_key_missing"

    def __init__(self, file: Path | None) -> None:
        where = "RMA_VAULT_KEY_FILE and RMA_VAULT_KEY are not set" if file is None else f"there is no key in {file}"
        super().__init__(f"{where}: nothing could be sealed; a new system gets one by: rma init")


class VaultKeyUnreadableError(UnusableInputError):
    """A line is no master key."""

    code = "vault_key_unreadable"

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} of the vault's keys is no key: {KEY_BYTES} bytes in base64")


class VaultKeyWrongError(UnusableInputError):
    """The vault was locked with another master key than those that are given."""

    code = "vault_key_wrong"

    def __init__(self, master_id: str) -> None:
        super().__init__(
            f"the vault is locked with the master key {master_id}, which is not among those given: "
            "put it into RMA_VAULT_KEY_FILE, below a new one if it is to be replaced"
        )


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One master key; its id says nothing of it."""

    secret: bytes

    @property
    def master_id(self) -> str:
        """By which it is told from others: 16 hexadecimal digits."""
        return hashlib.sha256(b"rma master key\n" + self.secret).hexdigest()[:16]

    def wrap(self, secret: bytes, name: bytes) -> bytes:
        """Return a key as it may be stored; ``name`` is whose it is, and it opens under no other."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, secret, name)

    def unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        """Return a stored key; raises ``VaultKeyWrongError`` where it is not what this key wrapped under the name."""
        try:
            return AESGCM(self.secret).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name)
        except (InvalidTag, ValueError) as bad:
            raise VaultKeyWrongError(self.master_id) from bad


class MasterKeys:
    """All that are given; the first one wraps what is new."""

    def __init__(self, keys: list[MasterKey]) -> None:
        self.active = keys[0]
        self._by_id = {key.master_id: key for key in keys}

    def __getitem__(self, master_id: str) -> MasterKey:
        try:
            return self._by_id[master_id]
        except KeyError:
            raise VaultKeyWrongError(master_id) from None


def read_master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys of the variable, else of the file.

    Raises:
        VaultKeyMissingError: Neither holds any.
        VaultKeyUnreadableError: A line is no key.
    """
    file = settings.vault_key_file
    lines = lines_of(file) if settings.vault_key is None else settings.vault_key.get_secret_value().split()
    if not lines:
        raise VaultKeyMissingError(file)
    return MasterKeys([_parse(line, number) for number, line in enumerate(lines, start=1)])


def _parse(line: str, number: int) -> MasterKey:
    try:
        secret = b64decode(line, validate=True)
    except (Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise VaultKeyUnreadableError(number)
    return MasterKey(secret)


def make_master_key(file: Path) -> bool:
    """Put a new key into a file that is not there yet; tell whether one was made. Only its owner may read it."""
    return make_once(file, b64encode(os.urandom(KEY_BYTES)).decode())


def name_of_key(key_id: UUID) -> bytes:
    """Return the name under which a person's key is wrapped."""
    return key_id.bytes

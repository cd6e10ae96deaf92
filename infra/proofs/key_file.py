"""The file with the key that signs checkpoints, and below it those that it replaced, one a line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from domain.errors import UnusableInputError
from infra.proofs.signed_note import SigningKey
from infra.settings import Settings

LOCAL_ORIGIN: Final = "localhost/rma"
"""Whose log it is where nobody said: fit for a trial, not for others to rely on."""

OWNER_ALONE: Final = 0o600


class AuditKeyMissingError(UnusableInputError):
    """There is no key to sign checkpoints with."""

    code = "audit_key_missing"

    def __init__(self, file: Path | None) -> None:
        where = "RMA_AUDIT_KEY_FILE is not set" if file is None else f"there is no key in {file} (RMA_AUDIT_KEY_FILE)"
        super().__init__(f"{where}: nothing can be signed; a new system gets one by: rma init")


class OtherOriginError(UnusableInputError):
    """The key in the file is another log's."""

    code = "audit_other_origin"

    def __init__(self, name: str, origin: str) -> None:
        super().__init__(f"the signing key is that of {name}, RMA_AUDIT_ORIGIN says {origin}: set one of them right")


def read_keys(settings: Settings) -> list[SigningKey]:
    """Return the keys of the file: the first one signs.

    Raises:
        AuditKeyMissingError: There is no file, or nothing in it.
        NoteUnreadableError: A line is no key.
        OtherOriginError: The key's name is not ``RMA_AUDIT_ORIGIN``.
    """
    file = settings.audit_key_file
    lines = file.read_text().split() if file is not None and file.is_file() else []
    if not lines:
        raise AuditKeyMissingError(file)
    keys = [SigningKey.parse(line) for line in lines]
    if settings.audit_origin not in {None, keys[0].name}:
        raise OtherOriginError(keys[0].name, str(settings.audit_origin))
    return keys


def make_key(file: Path, origin: str | None) -> bool:
    """Put a new key into a file that is not there yet; tell whether one was made. Only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{SigningKey.generate(origin or LOCAL_ORIGIN).to_text()}\n")
    return True

"""The file with the key that signs checkpoints, and below it those that it replaced, one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from domain.errors import UnusableInputError
from infra.key_files import lines_of, make_once
from infra.proofs.signed_note import SigningKey
from infra.settings import Settings

LOCAL_ORIGIN: Final = "localhost/rma"
"""Whose log it is where nobody said: fit for a trial, not for others to rely on."""


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
    lines = lines_of(file)
    if not lines:
        raise AuditKeyMissingError(file)
    keys = [SigningKey.parse(line) for line in lines]
    if settings.audit_origin not in {None, keys[0].name}:
        raise OtherOriginError(keys[0].name, str(settings.audit_origin))
    return keys


def make_key(file: Path, origin: str | None) -> bool:
    """Put a new key into a file that is not there yet; tell whether one was made. Only its owner may read it."""
    return make_once(file, SigningKey.generate(origin or LOCAL_ORIGIN).to_text())

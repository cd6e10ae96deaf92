"""Policy documents in files, on their way to be published or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import orjson
from pydantic import ValidationError

from commands.faults import faults_in, json_of
from domain.errors import RmaError, RuleViolationError, UnusableInputError
from domain.policy.document import PolicyDocument
from domain.policy.publication import check

DOCUMENT_BYTES_MAX: Final = 1024 * 1024


class UnreadableFileError(UnusableInputError):
    """A file is not there, is too long, or is not JSON."""

    code: ClassVar[str] = "unreadable_file"


class DocumentRefusedError(RmaError):
    """What a file holds could not be published as a policy; every fault is named by its path or code."""

    code: ClassVar[str] = "document_refused"


def read_json(file: Path) -> Any:
    """Return what a JSON file holds; raises ``UnreadableFileError`` where it cannot be read or is too long."""
    try:
        if file.stat().st_size > DOCUMENT_BYTES_MAX:
            raise UnreadableFileError(f"{file} is longer than {DOCUMENT_BYTES_MAX:,} bytes")
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise UnreadableFileError(f"{file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise UnreadableFileError(f"{file} is not JSON: {error}") from error


def read_document(file: Path) -> PolicyDocument:
    """Return the policy document in a file.

    Raises:
        UnreadableFileError: The file cannot be read or is not JSON.
        DocumentRefusedError: It is no policy document; every fault is named by its path.
    """
    content = orjson.dumps(read_json(file))
    try:
        return PolicyDocument.model_validate_json(content)
    except ValidationError as error:
        faults = faults_in(error, json_of(content))
        named = "\n".join(f"{fault.path}: {fault.message}" for fault in faults)
        raise DocumentRefusedError(f"{file} is no policy document:\n{named}") from error


def read_sound_document(file: Path) -> PolicyDocument:
    """Return a document that could be published; raises what ``read_document`` does, and for what no one can mean."""
    document = read_document(file)
    try:
        check(document)
    except RuleViolationError as error:
        raise DocumentRefusedError(f"{error.code}: {error.message}") from error
    return document

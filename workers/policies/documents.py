"""Policy documents in files, on their way to be published or compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

import orjson

from commands.faults import MalformedError
from commands.reading import read
from domain.errors import Fault, RmaError, RuleViolationError, UnusableInputError
from domain.policy.document import PolicyDocument
from domain.policy.publication import check
from infra.envelope.places import path_of
from infra.envelope.repeated_names import GIVEN_TWICE, repeated_names

DOCUMENT_BYTES_MAX: Final = 1024 * 1024


class UnreadableFileError(UnusableInputError):
    """A file is not there, is too long, or is not JSON."""

    code: ClassVar[str] = "unreadable_file"


class DocumentRefusedError(RmaError):
    """What a file holds could not be published as a policy; every fault is named by its path or code."""

    code: ClassVar[str] = "document_refused"


def read_json(file: Path) -> object:
    """Return what a JSON file holds.

    Raises:
        UnreadableFileError: It cannot be read, is too long, or is not JSON.
        DocumentRefusedError: A name stands twice in one object; the path says where.
    """
    try:
        if file.stat().st_size > DOCUMENT_BYTES_MAX:
            raise UnreadableFileError(f"{file} is longer than {DOCUMENT_BYTES_MAX:,} bytes")
        text = file.read_bytes()
        data = orjson.loads(text)
    except OSError as error:
        raise UnreadableFileError(f"{file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise UnreadableFileError(f"{file} is not JSON: {error}") from error
    if twice := repeated_names(text, data):
        raise _refused(file, [Fault(path_of(place), GIVEN_TWICE) for place in twice])
    return data


def _refused(file: Path, faults: Iterable[Fault]) -> DocumentRefusedError:
    named = "\n".join(f"{fault.path}: {fault.message}" for fault in faults)
    return DocumentRefusedError(f"{file} is no policy document:\n{named}")


def read_document(file: Path) -> PolicyDocument:
    """Return the policy document in a file.

    Raises:
        UnreadableFileError: The file cannot be read or is not JSON.
        DocumentRefusedError: It is no policy document; every fault is named by its path.
    """
    read_json(file)  # what cannot be read at all is said as such; how deep it nests is for the document to say
    try:
        return read(PolicyDocument, file.read_bytes())
    except MalformedError as error:
        raise _refused(file, error.faults) from error


def read_sound_document(file: Path) -> PolicyDocument:
    """Return a document that could be published; raises what ``read_document`` does, and for what no one can mean."""
    document = read_document(file)
    try:
        check(document)
    except RuleViolationError as error:
        raise DocumentRefusedError(f"{error.code}: {error.message}") from error
    return document

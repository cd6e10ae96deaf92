"""Files of JSON that settings name: read by a shape, and refused by the name of the setting."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from domain.errors import UnusableInputError

T = TypeVar("T")


def read_json(file: Path, shape: TypeAdapter[T], setting: str, refused: type[UnusableInputError]) -> T:
    """Return what is in a file; raises ``refused`` where it is missing, or the first thing in it that does not fit."""
    try:
        return shape.validate_json(file.read_bytes())
    except OSError as error:
        raise refused(f"{setting}: {file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise refused(f"{setting}: {file}: {where}: {first['msg']}") from error

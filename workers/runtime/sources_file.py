"""The file that says which source may act as whom: ``RMA_SOURCES_FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from commands.faults import faults_in
from commands.sources import ANYONE, SourceName, SourceRights, Sources
from domain.errors import UnusableInputError
from workers.runtime.plain_yaml import NotYamlError, read_yaml

FILE_BYTES_MAX: Final = 1024 * 1024

_SOURCES: Final[TypeAdapter[dict[SourceName, SourceRights]]] = TypeAdapter(dict[SourceName, SourceRights])


class SourcesFileError(UnusableInputError):
    """The file of sources cannot be used as it is; the message says where."""

    code = "unusable_sources_file"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"RMA_SOURCES_FILE: {file}: {why}")


def read_sources(file: Path | None) -> Sources:
    """Return what each source may do, once: a file that changes holds from the next start on.

    Args:
        file: YAML: ``/shop: {actors: [customer, system], commands: all}``, by source; None: any may do anything.
    Raises:
        SourcesFileError: It is missing, or is not like that; every fault is named by its path.
    """
    if file is None:
        return ANYONE
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise SourcesFileError(file, f"it has more than {FILE_BYTES_MAX:,} bytes")
        said = read_yaml(file.read_text("utf-8"))
    except OSError as error:
        raise SourcesFileError(file, f"it cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, NotYamlError) as error:
        raise SourcesFileError(file, str(error)) from error
    try:
        return Sources.beside_own(_SOURCES.validate_python(said))
    except ValidationError as error:
        faults = "; ".join(f"{fault.path}: {fault.message}" for fault in faults_in(error, said))
        raise SourcesFileError(file, faults) from error

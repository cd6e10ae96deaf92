"""A file that says who may come in: read anew when it changes, and kept as it was while it cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from workers.http.errors import CallersUnreadableError

FILE_BYTES_MAX: Final = 1024 * 1024

LOG = structlog.get_logger()
Said = TypeVar("Said")


class Watched(Generic[Said]):
    """What a file says.

    Args:
        path: The file; None: there is none, and ``nothing`` holds for ever.
        read: Makes of its text what it says; raises ``CallersUnreadableError``.
        nothing: What holds without a file.
    Raises:
        CallersUnreadableError: It cannot be read now.
    """

    def __init__(self, path: Path | None, read: Callable[[str], Said], nothing: Said) -> None:
        self._path, self._read, self._said = path, read, nothing
        self._read_of: tuple[int, int] | None = None
        if path is not None:
            self._take(path)

    @property
    def said(self) -> Said:
        """What the file says now; what it said last, where it cannot be read."""
        if self._path is not None:
            try:
                if _mark(self._path) != self._read_of:
                    self._take(self._path)
            except (OSError, CallersUnreadableError) as error:
                LOG.warning("callers_unreadable", file=str(self._path), error=str(error))
        return self._said

    def _take(self, path: Path) -> None:
        try:
            mark = _mark(path)
            if mark[1] > FILE_BYTES_MAX:
                raise CallersUnreadableError(f"{path} has more than {FILE_BYTES_MAX:,} bytes")
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CallersUnreadableError(f"{path} cannot be read: {error}") from error
        try:
            self._said = self._read(text)
        except CallersUnreadableError as error:
            raise CallersUnreadableError(f"{path}, {error}") from error
        self._read_of = mark
        LOG.info("callers_read", file=str(path))


def _mark(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written anew."""
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_size

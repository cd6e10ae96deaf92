"""Disks in memory for what a service writes, which can be full from one moment to the next.

They are mounted, which root alone may, and many containers refuse to root, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import RmaError

SIZE_MAX_BYTES: Final = 4 * 1024**3
"""What a disk has room for while it is not full; memory is taken by what is written alone."""
FILL_TRIES_MAX: Final = 50
"""What is written between looking and filling makes a disk larger than it was to be: then it is tried anew."""


class DiskRefusedError(RmaError):
    """No disk can be mounted here."""

    code = "disk_refused"

    def __init__(self, why: str) -> None:
        super().__init__(f"no disk in memory can be mounted here, so that none can be filled: {why}")


class Disk:
    """A file system in memory that is mounted at a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room for another byte while the block lasts.

        Raises:
            DiskRefusedError: Its size cannot be changed.
        """
        self._fill()
        try:
            yield
        finally:
            self._have_size(SIZE_MAX_BYTES)

    def _fill(self) -> None:
        for tries_left in reversed(range(FILL_TRIES_MAX)):
            found = os.statvfs(self._folder)
            try:
                self._have_size((found.f_blocks - found.f_bfree) * found.f_frsize)
            except DiskRefusedError:
                if not tries_left:
                    raise
            else:
                return

    def _have_size(self, size_bytes: int) -> None:
        _run("mount", "-o", f"remount,size={size_bytes}", str(self._folder))


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """Mount a disk at a folder, which is made, while the block lasts; what was written there is gone afterwards.

    Raises:
        DiskRefusedError: Who runs this may not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MAX_BYTES}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise DiskRefusedError(f"there is no {program}")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - as named
    if done.returncode:
        raise DiskRefusedError(done.stderr.strip())

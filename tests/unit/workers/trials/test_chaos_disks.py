"""A disk that is full takes no byte, and every byte again as soon as it is not."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.trials.chaos.disks import Disk, DiskRefusedError, disk

PAGE = bytes(4_096)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "service" / "data"


@pytest.fixture
def mounted(folder: Path) -> Iterator[Disk]:
    try:
        with disk(folder) as made:
            yield made
    except DiskRefusedError as refused:
        pytest.skip(str(refused))


def test_a_full_disk_takes_nothing_until_it_is_not(mounted: Disk, folder: Path) -> None:
    """What is there stays, what comes is refused as a real disk refuses it; twice, as often as it is filled."""
    kept = folder / "kept"
    kept.write_bytes(PAGE * 10)

    for number in range(2):
        with mounted.full(), pytest.raises(OSError, match="No space left") as refused:
            (folder / f"new-{number}").write_bytes(PAGE)
        assert refused.value.errno == errno.ENOSPC
        (folder / f"later-{number}").write_bytes(PAGE * 100)

    assert kept.read_bytes() == PAGE * 10


def test_what_was_on_it_is_gone_with_it(folder: Path) -> None:
    """Nothing is left mounted, and the folder is as it was made."""
    try:
        with disk(folder):
            (folder / "file").write_bytes(PAGE)
    except DiskRefusedError as refused:
        pytest.skip(str(refused))

    assert folder.is_dir()
    assert list(folder.iterdir()) == []

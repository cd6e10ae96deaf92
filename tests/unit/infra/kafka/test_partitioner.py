"""A key belongs to one partition for ever, and to the one where other clients put it."""

from __future__ import annotations

import pytest

from infra.kafka.partitioner import Partitioner, Placement

OF_JAVA = {
    b"": (3, 2, 81),
    b"1": (3, 2, 59),
    b"12": (4, 4, 38),
    b"123": (5, 3, 65),
    b"1234": (0, 0, 40),
    b"O-1001": (2, 3, 8),
    b"O-1002": (3, 4, 59),
    b"standard": (2, 5, 44),
    b"online-retail": (0, 5, 38),
    b"7c1d9a4e-5b0f-4c1a-9d55-0d8b7a3f6e21": (1, 5, 19),
    "\u8ba2\u5355-7".encode(): (2, 4, 92),
    "\u00ff\u00fe\u00fd".encode(): (2, 4, 58),
}
"""Partitions of 6, 7 and 100, as ``BuiltInPartitioner.partitionForKey`` of kafka-clients 4.4.0 answers."""


@pytest.mark.parametrize("key", OF_JAVA)
def test_murmur2_is_that_of_the_java_client(key: bytes) -> None:
    """Records of one key meet in one partition, whether a Java client sends them or we do."""
    placed = tuple(Placement(Partitioner.MURMUR2, partitions).of(key) for partitions in (6, 7, 100))

    assert placed == OF_JAVA[key]


def test_crc32_is_what_systems_began_with() -> None:
    """A system that was made before the choice finds its keys where they always were."""
    placement = Placement(Partitioner.CRC32, 6)

    assert [placement.of(key) for key in (b"O-1001", b"O-1002", b"standard", None)] == [4, 4, 1, 0]


@pytest.mark.parametrize("partitioner", Partitioner)
def test_a_record_without_a_key_has_a_partition_of_its_own(partitioner: Partitioner) -> None:
    """It goes where the empty key belongs, rather than anywhere: records without a key keep their order, too."""
    placement = Placement(partitioner, 6)

    assert placement.of(None) == placement.of(b"")

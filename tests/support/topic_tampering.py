"""What somebody can do to what was published: a topic cannot be edited, so it is filled anew beside the old one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from random import Random
from typing import Any, Final, NamedTuple
from uuid import uuid4

from infra.kafka.publisher import publisher_of
from tests.support.pipeline import Pipeline
from tests.support.tampering import Named, named


class Record(NamedTuple):
    """A record where it lay."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def position(self) -> int:
        return int(dict(self.headers)["ce_position"])


Tampering = Callable[[list[Record], Random], Named]


def records_of(found: Sequence[Any]) -> list[Record]:
    return [Record(one.partition, one.key, one.value, list(one.headers)) for one in found]


def refill(pipeline: Pipeline, records: Sequence[Record]) -> str:
    """Fill a topic of its own with records, each in its partition, and return its name."""
    topic = f"{pipeline.settings.topic_prefix}refilled.{uuid4().hex[:8]}"
    pipeline.create_topic(topic)
    with closing(publisher_of(pipeline.settings)) as publisher:
        for record in records:
            publisher._producer.send(topic, record.value, record.key, record.headers, record.partition)
        publisher.flush()
    return topic


def _spoiled(raw: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ chance.randint(1, 255)]) + raw[at + 1 :]


def body(records: list[Record], chance: Random) -> Named:
    at = chance.randrange(len(records))
    records[at] = records[at]._replace(value=_spoiled(records[at].value, chance))
    return named("topic_differs", position=records[at].position)


def header(records: list[Record], chance: Random) -> Named:
    at = chance.randrange(len(records))
    names = [name for name, _ in records[at].headers if name != "ce_position"]
    which = chance.choice(names)
    headers = [(name, _spoiled(value, chance) if name == which else value) for name, value in records[at].headers]
    records[at] = records[at]._replace(headers=headers)
    return named("topic_differs", position=records[at].position)


def left_out(records: list[Record], chance: Random) -> Named:
    gone = records.pop(chance.randrange(len(records)))
    return named("topic_missing", position=gone.position)


def cut(records: list[Record], chance: Random) -> Named:
    """Its beginning is gone, as after a retention that was not unlimited."""
    first = chance.randint(2, max(record.position for record in records))
    records[:] = [record for record in records if record.position >= first]
    return named("topic_missing", position=1)


def strange(records: list[Record], chance: Random) -> Named:
    """One more at the end, of an event that never was."""
    last = chance.choice(records)
    headers = [(name, b"999999" if name == "ce_position" else value) for name, value in last.headers]
    records.append(last._replace(headers=headers))
    return named("topic_differs", partition=last.partition)


def misplaced(records: list[Record], chance: Random) -> Named:
    """In a partition that is not its key's."""
    moved = records.pop(chance.randrange(len(records)))
    records.append(moved._replace(partition=(moved.partition + 1) % 3))
    return Named(frozenset({"topic_missing", "topic_differs"}))


ON_THE_TOPIC: Final[tuple[Tampering, ...]] = (body, header, left_out, cut, strange, misplaced)

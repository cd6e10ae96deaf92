"""What we write every client can read, and we read what any client writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from kafka.errors import UnsupportedCodecError

from infra.kafka.compression import CODECS
from infra.kafka.publisher import publisher_of
from infra.settings import Compression
from tests.support.pipeline import Pipeline, command, order

LIBRARIES = ("lz4", "snappy", "zstd")


@contextmanager
def plain_client() -> Iterator[None]:
    """Read as a kafka-python without any of the libraries that it does not need, as kafkajs does, too."""
    with pytest.MonkeyPatch.context() as patch:
        for library in LIBRARIES:
            patch.setattr(f"kafka.codec.{library}", None)
        yield


def test_a_plain_client_reads_events_and_answers(pipeline: Pipeline) -> None:
    """No reader of our topics needs a library beside its client."""
    pipeline.publish([command("RegisterOrder", order(f"O-{number}")) for number in range(20)])
    pipeline.handle_all(records=20)
    pipeline.relay_all()

    with plain_client():
        events, answers = pipeline.read_topic(pipeline.topics.events), pipeline.results()

    assert {orjson.loads(record.value)["customer_id"] for record in events} == {"C-1"}
    assert [result["status"] for result in answers] == ["accepted"] * 20


def test_a_plain_client_would_notice_another_codec(pipeline: Pipeline) -> None:
    """The test above can fail: what is set to be lz4 stops a client that lacks it."""
    set_otherwise = pipeline.settings.model_copy(update={"kafka_compression": "lz4"})
    with closing(publisher_of(set_otherwise)) as publisher:
        publisher.send(pipeline.topics.results, b"O-1", b"{}" * 1_000)
        publisher.flush()

    with plain_client(), pytest.raises(UnsupportedCodecError):
        pipeline.read_topic(pipeline.topics.results)


@pytest.mark.parametrize("compression", CODECS)
def test_commands_are_read_whatever_they_are_compressed_by(pipeline: Pipeline, compression: Compression) -> None:
    """A shop chooses its own codec; none of them may stop the commands."""
    record = command("RegisterOrder", order())
    producer: Any = KafkaProducer(
        bootstrap_servers=pipeline.bootstrap, compression_type=None if compression == "none" else compression
    )
    with closing(producer):
        producer.send(pipeline.topics.commands, record.value, record.key, list(record.headers)).get(timeout=30)

    pipeline.handle_all(records=1)
    pipeline.relay_all()

    assert [result["status"] for result in pipeline.results()] == ["accepted"]

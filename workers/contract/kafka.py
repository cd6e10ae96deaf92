"""The page on Kafka itself: topics, keys and partitions, compression, limits, and how long things are kept."""

from __future__ import annotations

from typing import Final

from commands.metadata import ACTOR_ID_MAX
from infra.envelope.command_record import (
    ATTRIBUTE_CHARACTERS_MAX,
    BODY_BYTES_MAX,
    DEPTH_MAX,
    HEADER_BYTES_MAX,
    HEADERS_MAX,
)
from infra.kafka.record_batch import UNPACKED_BYTES_MAX
from infra.kafka.topics import DAY_MS, FOR_EVER, RECORD_BYTES_MAX, TopicNames
from infra.settings import Settings
from workers.command_worker.intake import LETTER_BYTES_MAX
from workers.contract.markdown import GENERATED

NAMES: Final = TopicNames()
HOLDS: Final = {
    NAMES.commands: "commands, from whoever is asked in",
    NAMES.events: "every fact, in the order of the log within a key",
    NAMES.results: "an answer to each command, under the key of the command's record",
    NAMES.dead: "records that were no command, or made a worker fail, whole but sealed, and with what was wrong",
    NAMES.checkpoints: "signed checkpoints of the log, under the size of the tree; one partition",
}
KIB: Final = 1024
MIB: Final = KIB * KIB


def kafka_page() -> str:
    """Return the page; its figures are those of the code."""
    return f"{GENERATED}\n" + PAGE.format(
        topics="".join(_topic(name) for name in HOLDS),
        compression=Settings.model_fields["kafka_compression"].default,
        body_mib=BODY_BYTES_MAX // MIB,
        attribute_characters=ATTRIBUTE_CHARACTERS_MAX,
        headers=HEADERS_MAX,
        headers_kib=HEADER_BYTES_MAX // KIB,
        depth=DEPTH_MAX,
        actor_characters=ACTOR_ID_MAX,
        results=NAMES.results,
        record_mib=RECORD_BYTES_MAX // MIB,
        unpacked_mib=UNPACKED_BYTES_MAX // MIB,
        letter_mib=LETTER_BYTES_MAX // MIB,
        results_days=NAMES.retention_ms[NAMES.results] // DAY_MS,
        commands_days=NAMES.retention_ms[NAMES.commands] // DAY_MS,
    )


def _topic(name: str) -> str:
    retention_ms = NAMES.retention_ms[name]
    kept = "for ever" if retention_ms == FOR_EVER else f"{retention_ms // DAY_MS} days"
    return f"| `{name}` | {HOLDS[name]} | {kept} |\n"


PAGE: Final = """# Kafka

| topic | holds | kept |
| --- | --- | --- |
{topics}
`RMA_TOPIC_PREFIX` is put before each name. All but the last have the same number of partitions, for ever.

## Keys, partitions and order

Order holds among records of one key in one partition, and nowhere else. So all that concerns an order is sent with its
`order_id` as the key (a policy's commands with the `policy_id`, those about the law with `statutes`), and every
producer has to put a key into the same partition. Here that is murmur2, which the clients for Java, kafka-python and
kafkajs use unless told otherwise.
librdkafka and what stands on it (kcat, and the clients for Go, .NET, Python, PHP and Ruby that wrap it) does not: set
`partitioner=murmur2_random` there. A command that reaches us before what it builds on is refused (`unknown_order`,
`unknown_return`).

A command under another key, without one, or in another partition than its key's is handled like any other. What it
costs is its order: it may be decided before what was sent earlier, and be refused for that. The worker logs it
(`commands_misplaced`) and counts it (`rma_misplaced_total`, by `no_key`, `other_key` and `other_partition`).

Events have the key of their order too, answers that of the command's record, in the same way: a stream processor can
join them with topics of its own that have as many partitions. A system whose topics were filled before this could be
chosen stays with CRC-32 (librdkafka's `consistent_random`): `rma init` tells which one holds, and it never changes.

## Compression

What we write is compressed by {compression}, which every client reads without a library beside it;
`RMA_KAFKA_COMPRESSION` sets another codec (`none gzip snappy lz4 zstd`). Commands may come compressed by any of them.

## Limits

| what | at most |
| --- | --- |
| a command's body | {body_mib} MiB, uncompressed; else it is malformed |
| how deep a command's body nests | {depth} lists and objects inside each other; else it is malformed |
| the headers of a command | {headers}, and {headers_kib} KiB in all; else it is malformed |
| a CloudEvents attribute of a command | {attribute_characters} characters; else it is malformed |
| the id of an actor | {actor_characters} characters; else it is malformed |
| an event | {record_mib} MiB as sent, {unpacked_mib} MiB unpacked; else its command is refused (`event_too_large`) |
| a dead letter | {letter_mib} MiB; of a larger record the beginning is kept, marked `rma_dead_cut` |

## How long an id is known

A command's `source` and `id` are remembered for ever: a repeat gets the first answer again, byte for byte, also after
`{results}` has dropped it. What was malformed does not use up its id: the corrected record may come
under the same one.
A command that waits longer than {commands_days} days because no worker runs is dropped by the broker, unanswered.
An answer can be read from the topic for {results_days} days; after that send the same command again, or ask:

```sh
rma answer c-1 --source /shop
```

tells what became of a command: its answer, or the dead letter it became, or that nobody knows it.
"""

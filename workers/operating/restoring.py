"""`rma restore --from-topic`: the database was put back from a backup; what was published since comes back from Kafka.

Events come from the topic of events, to the byte and with their hashes; their chain shows that they follow. Answers
come from the topic of results as far as it holds them; an accepted command whose answer is gone gets one that names its
events. What the relay had not published when the database was lost was told to nobody: those commands are read again.
All of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson
from kafka import KafkaConsumer
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata, TopicPartition
from psycopg import Connection

from infra.addresses import addresses, postgres_address
from infra.envelope.cloudevents import ANSWER_SEQ, FINGERPRINT
from infra.kafka.clients import make_admin
from infra.kafka.identity import identity_of
from infra.kafka.own_topics import topics_of
from infra.kafka.partitioner import NAME as PARTITIONER
from infra.kafka.record import Offsets, Record
from infra.kafka.topic_reader import PartitionReaders, TopicReader
from infra.kafka.topics import TopicNames
from infra.kafka_address import connecting_to
from infra.log.queries import last_position
from infra.log.restoring import (
    AnswersRestored,
    FoundAnswer,
    LogEnd,
    answered,
    begin_to_find,
    hold,
    keep_found,
    move_lanes,
    put_answers_back,
    put_back,
)
from infra.log.system import remember_anew, remembered
from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
from infra.settings import Settings
from workers.command_worker.intake import ParsedCommand, take_in
from workers.operating.published_log import PublishedLog, PublishedLogError
from workers.operating.rebasing import rebase, refuse_while_workers_run
from workers.operating.signed_before import CheckpointsRestored, restore_checkpoints
from workers.runtime.one_history import KAFKA, require_one_history, settle_kafka
from workers.runtime.parts import COMMANDS, group_of

PAGE_EVENTS: Final = 2_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60
CLOCKS_DIFFER_MAX_MS: Final = 3_600_000
"""By how much the clocks of database and relay may differ where a topic is entered by time."""

WAITED_MAX_MS: Final = 24 * 3_600_000
"""How long before the backup's last event a command may have been sent that waited still: so far back they are read."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back.

    Args:
        backup_end: The position of the backup's last event.
        log_end: That of the last event now.
        answers: How many answers are again as they were given.
        answers_made_anew: How many accepted commands have an answer that names their events, for theirs is gone.
        answers_lost: How many more were given, as far as can be told: refusals that cannot be had again.
        checkpoints: How many signed checkpoints are kept again.
        checkpoints_left: How many are on their topic only, because what they say of the answers no longer holds.
        commands_again: How many commands are read again.
    """

    backup_end: int
    log_end: int
    answers: int
    answers_made_anew: int
    answers_lost: int
    checkpoints: int
    checkpoints_left: int
    commands_again: int

    def as_dict(self) -> dict[str, int]:
        """Return the figures by name."""
        return asdict(self)


def restore_from_topic(settings: Settings, tell: Callable[[int], None]) -> Restored:
    """Bring back what was published after the backup; ``tell`` gets the position reached.

    Safe to repeat: where nothing is missing nothing is done.

    Raises:
        OtherPrefixError: The database belongs to topics with another prefix.
        WorkersRunError: Workers run.
        PublishedLogError: The topic does not go on where the backup ends; nothing was changed.
        HistoryError: Log and topic do not fit afterwards; nothing was changed.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away; nothing was changed.
    """
    names, bootstrap = topics_of(settings), addresses(settings).kafka_bootstrap
    conninfo = postgres_address(settings)
    with closing(connect(conninfo, statement_timeout_ms=SCHEMA_CHANGE_MAX_MS)) as connection:
        refuse_while_workers_run(settings, connection)
        with connection.transaction():
            connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SCHEMA_CHANGE_MAX_MS}")
            begun = hold(connection)
            _events(connection, bootstrap, names, begun, tell)
            answers = _answers(connection, bootstrap, names, begun)
            _stand(connection, bootstrap, names)
        signed = restore_checkpoints(settings, connection, bootstrap, names.checkpoints)
        again = _read_commands_again(settings, connection, names, begun)
        return _told(begun, last_position(connection), answers, signed, again)


def _told(begun: LogEnd, log_end: int, answers: AnswersRestored, signed: CheckpointsRestored, again: int) -> Restored:
    return Restored(
        backup_end=begun.position,
        log_end=log_end,
        answers=answers.kept,
        answers_made_anew=answers.made_anew,
        answers_lost=answers.lost,
        checkpoints=signed.kept,
        checkpoints_left=signed.left,
        commands_again=again,
    )


def _since(begun: LogEnd, margin_ms: int) -> int:
    """Return the instant from which a topic is read, in milliseconds: all of it where the backup holds no event."""
    moment = begun.recorded_at
    return 0 if moment is None else max(0, _ms(moment) - margin_ms)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _events(
    connection: Connection, bootstrap: str, names: TopicNames, begun: LogEnd, tell: Callable[[int], None]
) -> None:
    with closing(PartitionReaders(bootstrap, names.events)) as reader:
        reader.seek(reader.offsets_from(_since(begun, CLOCKS_DIFFER_MAX_MS)))
        published = PublishedLog(reader, begun.position, begun.hash)
        events = iter(published)
        while page := list(islice(events, PAGE_EVENTS)):
            put_back(connection, page)
            tell(page[-1].position)
    if begun.position == 0 and published.position:
        _settle_partitioner(connection, published)


def _settle_partitioner(connection: Connection, published: PublishedLog) -> None:
    """Remember what the topics are filled with, which an empty database cannot know."""
    if not published.partitioners:
        raise PublishedLogError("the topic is filled by no function that this system knows; nothing was changed")
    known = remembered(connection, PARTITIONER)
    if known not in published.partitioners:
        remember_anew(connection, PARTITIONER, sorted(published.partitioners)[0])


def _answers(connection: Connection, bootstrap: str, names: TopicNames, begun: LogEnd) -> AnswersRestored:
    begin_to_find(connection)
    with closing(TopicReader(bootstrap, names.results)) as reader:
        reader.seek(reader.offsets_from(_since(begun, CLOCKS_DIFFER_MAX_MS)))
        for records in _to_the_end(reader):
            found = [answer for record in records if (answer := _answer(record, begun)) is not None]
            keep_found(connection, found)
    return put_answers_back(connection, begun)


def _answer(record: Record, begun: LogEnd) -> FoundAnswer | None:
    """Return the answer of a record, if it is the first one to its command and was given after the backup."""
    headers = dict(record.headers)
    seq, fingerprint = headers.get(ANSWER_SEQ), headers.get(FINGERPRINT)
    if seq is None or fingerprint is None or record.value is None or int(seq) <= begun.seq:
        return None
    told: dict[str, Any] = orjson.loads(record.value)
    first_position = told["events"][0]["position"] if told["events"] else None
    return FoundAnswer(
        int(seq),
        told["source"],
        told["command_id"],
        bytes.fromhex(fingerprint.decode()),
        told["status"],
        record.value,
        first_position,
    )


def _to_the_end(reader: TopicReader) -> Iterator[list[Record]]:
    """Yield what a topic holds now, from where it was sought, a poll at a time."""
    ends, empty_polls = reader.ends(), 0
    while any(reader.position(partition) < end for partition, end in ends.items()):
        polled = reader.poll(POLL_MS)
        yield [record for partition, records in polled.items() for record in records if record.offset < ends[partition]]
        empty_polls = 0 if polled else empty_polls + 1
        if empty_polls > EMPTY_POLLS_MAX:
            raise KafkaTimeoutError("the topic holds records that do not come")


def _stand(connection: Connection, bootstrap: str, names: TopicNames) -> None:
    """Let the relay stand where the topic ends, and readers begin anew where the topic is not the backup's."""
    move_lanes(connection, last_position(connection))
    with closing(make_admin(bootstrap)) as admin:
        if remembered(connection, KAFKA) not in {None, identity_of(admin, names.events)}:
            rebase(connection)
        settle_kafka(connection, admin, names)
    require_one_history(connection, bootstrap, names)


def _read_commands_again(settings: Settings, connection: Connection, names: TopicNames, begun: LogEnd) -> int:
    """Let commands be read from the first on that has no answer; return how many that are."""
    bootstrap, group = addresses(settings).kafka_bootstrap, settings.named(group_of(COMMANDS))
    with closing(TopicReader(bootstrap, names.commands)) as reader:
        reader.seek(reader.offsets_from(_since(begun, WAITED_MAX_MS)))
        first = _first_unanswered(reader, connection, names.dead)
    with closing(KafkaConsumer(**connecting_to(bootstrap), group_id=group, enable_auto_commit=False)) as at:
        committed = {partition: at.committed(partition) for partition in first}
        back = {
            partition: offset
            for partition, offset in first.items()
            if committed[partition] is not None and offset < committed[partition]
        }
        if back:
            at.commit({partition: OffsetAndMetadata(offset, "", -1) for partition, offset in back.items()})
    return sum(committed[partition] - offset for partition, offset in back.items())


def _first_unanswered(reader: TopicReader, connection: Connection, dead_topic: str) -> Offsets:
    """Return, by partition, the offset of the first command that could be decided and has no answer."""
    first: Offsets = {}
    for records in _to_the_end(reader):
        commands = {}
        for record in records:
            command = take_in(record, dead_topic)
            if isinstance(command, ParsedCommand):
                commands[TopicPartition(record.topic, record.partition), record.offset] = command.id_key
        known = answered(connection, list(commands.values()))
        for (partition, offset), key in commands.items():
            if key not in known:
                first[partition] = min(offset, first.get(partition, offset))
    return first

"""Commands on their way to Kafka, and the answers on their way back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from kafka.errors import KafkaError

from domain.errors import RmaError
from domain.values import dataclass
from infra.addresses import addresses
from infra.envelope.cloudevents import STRUCTURED_CONTENT
from infra.envelope.repeated_names import repeated_names
from infra.kafka.own_topics import topics_of
from infra.kafka.partitioner import Placement
from infra.kafka.publisher import Publisher, publisher_of
from infra.kafka.record import Record
from infra.kafka.topic_reader import TopicReader
from infra.services import ServiceUnreachableError
from infra.settings import Settings

HEADERS: Final = (("content-type", STRUCTURED_CONTENT.encode()),)
KEY_FIELDS: Final = ("series_id", "order_id", "policy_id", "parcel_id", "customer_id")
"""Fields of a command's body that make its record's key: the first that it has."""
PENDING_MAX: Final = 10_000
"""Commands sent and not yet answered; more wait, so that memory stays flat and the workers are not run over."""
POLL_EVERY_COMMANDS: Final = 500
POLL_MS: Final = 200
ANSWER_TIMEOUT_S: Final = 60.0
NAMED_MAX: Final = 5
"""How many of the commands that were never answered a message names."""

Result = dict[str, Any]
CommandId = tuple[str, str]
"""Source and id of a command: what its answer is known by."""


class Answer(NamedTuple):
    """A command's answer; ``repeated``: it was given before, for the same command."""

    result: Result
    repeated: bool


class NotSentError(ServiceUnreachableError):
    """Kafka did not take a command."""

    code = "command_not_sent"


class NeverAnsweredError(RmaError):
    """Commands got no answer in time."""

    code = "never_answered"

    def __init__(self, pending: Iterable[CommandId], timeout_s: float) -> None:
        missing = sorted(pending)
        named = ", ".join(f"{command_id} from {source}" for source, command_id in missing[:NAMED_MAX])
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        commands = "one command" if len(missing) == 1 else f"{len(missing):,} commands"
        super().__init__(
            f"no answer came for {timeout_s:.0f} s to {commands}: {named}{more}; do the workers run? (rma work all)"
        )
        self.pending = missing


class LineError(RmaError):
    """A line to send is no structured CloudEvent; the message names it."""

    code = "line_unreadable"


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A structured CloudEvent as bytes, its Kafka key, and what its answer is known by."""

    key: str | None
    event: bytes
    command: CommandId


@dataclass(frozen=True, slots=True)
class OutgoingCommand:
    """A command to publish; ``type`` is the short name, such as ``RequestReturn``.

    One that answers an event names the event's id as its cause and passes on its correlation id.
    """

    type: str
    id: str
    source: str
    key: str | None
    time: datetime | str | None
    actor: str | None
    data: Any
    correlation_id: str | None = None
    causation_id: str | None = None

    def to_bytes(self) -> bytes:
        """Return the command as a structured CloudEvent; attributes that are None are left out."""
        time_text = self.time.isoformat() if isinstance(self.time, datetime) else self.time
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": f"rma.{self.type}.v1",
            "time": time_text,
            "actor": self.actor,
            "correlationid": self.correlation_id,
            "causationid": self.causation_id,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        return orjson.dumps({name: value for name, value in attributes.items() if value is not None})

    def to_record(self) -> OutgoingRecord:
        """Return the command as a record of the commands topic."""
        return OutgoingRecord(self.key, self.to_bytes(), (self.source, self.id))


def key_of(data: Any) -> str | None:
    """Return the key that belongs to a command's body, as ``KEY_FIELDS`` says; None where it has none of them."""
    found = (data.get(name) for name in KEY_FIELDS) if isinstance(data, Mapping) else ()
    return next((value for value in found if isinstance(value, str)), None)


def records_in(lines: Iterable[bytes]) -> Iterator[OutgoingRecord]:
    """Yield the structured CloudEvents of JSON lines, as they are; blank lines are passed over.

    Raises:
        LineError: A line is no JSON object, or lacks the ``id`` and ``source`` that its answer is known by.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise LineError(f"line {number} is not JSON: {error}") from error
        if not isinstance(event, dict):
            raise LineError(f"line {number} is no JSON object")
        source, command_id = event.get("source"), event.get("id")
        if twice := {"source", "id"} & {place[0] for place in repeated_names(line, event) if len(place) == 1}:
            raise LineError(f"line {number} gives its {' and its '.join(sorted(twice))} twice")
        if not (isinstance(source, str) and source and isinstance(command_id, str) and command_id):
            raise LineError(f"line {number} has no id and source: without them there is no answer to wait for")
        yield OutgoingRecord(key_of(event.get("data")), line.strip(), (source, command_id))


class CommandPublisher:
    """Writes structured CloudEvents to the topic of commands, in order per key."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._topic = topic
        self._failed: BaseException | None = None
        self._publisher = publisher

    def publish(self, record: OutgoingRecord) -> None:
        """Hand a record to the client.

        Raises:
            NotSentError: Kafka refused an earlier one.
            kafka.errors.KafkaError: The topic does not exist, or Kafka is away.
        """
        self._check()
        key = None if record.key is None else record.key.encode()
        self._publisher.send(self._topic, key, record.event, HEADERS).add_errback(self._fail)

    def flush(self) -> None:
        """Wait until Kafka has everything, for a bounded time; raises ``NotSentError``."""
        self._publisher.flush()
        self._check()

    def placement_of(self, topic: str) -> Placement:
        """Return where the records of a topic of this system belong."""
        return self._publisher.placement_of(topic)

    def _fail(self, error: BaseException) -> None:
        self._failed = self._failed or error

    def _check(self) -> None:
        if self._failed is not None:
            raise NotSentError(f"Kafka did not take a command: {self._failed}") from self._failed

    def close(self) -> None:
        self._publisher.close()


class Results:
    """Reads the answers that come from now on."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._reader = TopicReader(bootstrap, topic)
        self._reader.seek(self._reader.ends())  # the ends of now, before anything is sent

    def poll(self, timeout_ms: int) -> list[Answer]:
        """Return the answers that came, waiting for the first at most so long."""
        return [_answer(record) for records in self._reader.poll(timeout_ms).values() for record in records]

    def close(self) -> None:
        self._reader.close()


def _answer(record: Record) -> Answer:
    """Return a record of the topic of answers; a repeated one is told later than it was recorded."""
    result: Result = orjson.loads(record.value or b"")
    return Answer(result, dict(record.headers)["ce_time"] != result["recorded_at"].encode())


class Conversation:
    """Commands sent and answers awaited, with a bound on both how many are open and how long one waits."""

    def __init__(
        self, publisher: CommandPublisher, results: Results, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self._publisher = publisher
        self._results = results
        self._answer_timeout_s = answer_timeout_s

    def placement_of(self, topic: str) -> Placement:
        """Return where the records of a topic of this system belong."""
        return self._publisher.placement_of(topic)

    def ask(self, record: OutgoingRecord) -> Result:
        """Publish one command and return its answer; raises ``NotSentError`` and ``NeverAnsweredError``."""
        answers: list[Answer] = []
        self.send_all([record], answers.append)
        return answers[0].result

    def publish_all(self, records: Iterable[OutgoingRecord]) -> int:
        """Publish commands in their order, wait for no answer, and return how many there were.

        What ``records`` raises is raised once Kafka has those before it.
        """
        sent = 0
        try:
            for record in records:
                self._publisher.publish(record)
                sent += 1
        finally:
            self._publisher.flush()
        return sent

    def send_all(self, records: Iterable[OutgoingRecord], on_answer: Callable[[Answer], None]) -> int:
        """Publish commands in their order, hand each one's answer on as it comes, and return how many there were.

        Raises:
            NotSentError: Kafka did not take one.
            NeverAnsweredError: For so long no answer came to any of those open.
        """
        pending: set[CommandId] = set()
        sent = 0
        for record in records:
            self._publisher.publish(record)
            pending.add(record.command)
            sent += 1
            if sent % POLL_EVERY_COMMANDS == 0:
                self._take(pending, 0, on_answer)
                self._await(pending, PENDING_MAX, on_answer)
        self._publisher.flush()
        self._await(pending, 0, on_answer)
        return sent

    def _await(self, pending: set[CommandId], open_max: int, on_answer: Callable[[Answer], None]) -> None:
        """Wait until at most ``open_max`` commands are open; every answer starts the wait anew."""
        heard_at = time.monotonic()
        while len(pending) > open_max:
            if self._take(pending, POLL_MS, on_answer):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._answer_timeout_s:
                raise NeverAnsweredError(pending, self._answer_timeout_s)

    def _take(self, pending: set[CommandId], timeout_ms: int, on_answer: Callable[[Answer], None]) -> int:
        """Hand on the first answer to each open command; others' answers and repeats are not ours."""
        taken = 0
        for answer in self._results.poll(timeout_ms):
            command = (answer.result["source"], answer.result["command_id"])
            if command in pending:
                pending.remove(command)
                on_answer(answer)
                taken += 1
        return taken


@contextmanager
def conversation(settings: Settings, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Iterator[Conversation]:
    """Open a conversation with the running system.

    Raises:
        ServiceUnreachableError: Kafka is away, or the topics do not exist.
        psycopg.Error: PostgreSQL is away, or ``rma init`` never ran.
    """
    bootstrap = addresses(settings).kafka_bootstrap
    names = topics_of(settings)
    with ExitStack() as opened:
        try:
            publisher = opened.enter_context(closing(CommandPublisher(publisher_of(settings), names.commands)))
            results = opened.enter_context(closing(Results(bootstrap, names.results)))
        except KafkaError as error:
            raise ServiceUnreachableError(f"Kafka at {bootstrap} cannot be reached: {error}") from error
        yield Conversation(publisher, results, answer_timeout_s=answer_timeout_s)

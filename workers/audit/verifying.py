"""`rma audit verify`: log, topic and checkpoints, each held against the others, on a system that runs.

What the relay has published is asked first, then where the topic ends, and then everything is read as it was at one
moment after that: so whatever the topic held must be in the log, and whatever was published must be on the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain as chained
from typing import Final

from psycopg import Connection

from infra.addresses import addresses, postgres_address
from infra.envelope.hash_chain import FIRST_PREV_HASH
from infra.kafka.own_topics import topics_of
from infra.kafka.partitioner import Placement, partitioner_in
from infra.kafka.record import Offsets
from infra.kafka.topic_reader import PartitionReaders
from infra.log.auditing import doubled_position, event_at, events_after, events_counted, first_stream_gap
from infra.log.lane import standing
from infra.log.queries import last_position
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note, NoteUnreadableError, VerifierKey
from infra.records import StoredEvent
from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
from infra.settings import Settings
from workers.audit.checkpoints import CheckpointSeries, check_all
from workers.audit.signed_tree import SignedTree
from workers.auditor.answers import Anchor, AnswerChain
from workers.auditor.chain import EventChain, hashed_of
from workers.auditor.faults import AuditFault, FaultFoundError
from workers.auditor.published import PublishedNote, notes
from workers.auditor.topic_side import TopicSide

PAGE_EVENTS: Final = 5_000
CLOCKS_DIFFER_MAX_MS: Final = 3_600_000
"""By how much the clocks of database and relay may differ when the topic is entered by time."""

SNAPSHOT: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    f"SET LOCAL idle_in_transaction_session_timeout = {SCHEMA_CHANGE_MAX_MS}",
)


@dataclass(frozen=True)
class Wanted:
    """What is to be checked; ``from_position`` takes on trust what a checkpoint before it covers."""

    log: bool = True
    topic: bool = True
    checkpoints: bool = True
    from_position: int = 1


@dataclass
class Report:
    """What was checked, and the first fault by position; None: there is none.

    ``next_offsets``: where each partition of the topic holds the first record behind the newest checkpoint.
    """

    events: int = 0
    records: int = 0
    checkpoints: int = 0
    outcomes: int = 0
    fault: AuditFault | None = None
    next_offsets: dict[int, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return the report as programs read it."""
        checked = {
            "events": self.events, "records": self.records, "checkpoints": self.checkpoints, "outcomes": self.outcomes,
        }  # fmt: skip
        return {
            "ok": self.fault is None,
            "checked": checked,
            "fault": None if self.fault is None else self.fault.as_dict(),
        }


@dataclass(frozen=True)
class Before:
    """What was seen before the moment at which everything else is read.

    Args:
        relayed: The relay's position: events up to there are on the topic.
        published: The number of the checkpoint up to which all are on their topic.
        notes: The topic of checkpoints up to its end; None: it is not looked at.
        reader: Of the topic of events; None: it is not looked at.
        ends: Where that topic ended.
    """

    relayed: int
    published: int
    notes: Iterator[PublishedNote] | None = None
    reader: PartitionReaders | None = None
    ends: Offsets = field(default_factory=dict)


def verify(settings: Settings, trusted: Sequence[VerifierKey], wanted: Wanted) -> Report:
    """Check what is wanted of a system; the report holds the fault with the lowest position.

    Args:
        settings: Lead to the system.
        trusted: The keys that whoever checks holds; empty: checkpoints are taken as the database says they were signed.
        wanted: Which parts.
    Raises:
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away.
    """
    with ExitStack() as opened:
        bootstrap, names = addresses(settings).kafka_bootstrap, topics_of(settings)
        connection = opened.enter_context(
            closing(connect(postgres_address(settings), statement_timeout_ms=SCHEMA_CHANGE_MAX_MS))
        )
        [relayed] = [lane.position for lane in standing(connection)]
        newest = store.newest(connection)
        told = notes(bootstrap, names.checkpoints) if wanted.topic and wanted.checkpoints else None
        reader = opened.enter_context(closing(PartitionReaders(bootstrap, names.events))) if wanted.topic else None
        before = Before(
            relayed=relayed,
            published=newest.number - 1 if newest else 0,
            notes=_begun(told) if told else None,
            reader=reader,
            ends=reader.ends() if reader else {},
        )
        for statement in SNAPSHOT:
            connection.execute(statement.encode())
        return verify_at(connection, before, trusted, wanted)


def verify_at(connection: Connection, before: Before, trusted: Sequence[VerifierKey], wanted: Wanted) -> Report:
    """Check what is wanted as a transaction sees it; see ``verify``."""
    report = Report()
    run = _Run(connection, wanted, report, before.relayed)
    looks: list[Callable[[], None]] = []
    if wanted.checkpoints:
        looks.append(lambda: _check_checkpoints(connection, before, trusted, report))
    looks.append(lambda: run.check(before.reader, before.ends))
    if wanted.log:
        looks.append(run.check_streams)
    faults = [fault for look in looks if (fault := _fault_of(look)) is not None]
    report.fault = min(faults, key=lambda fault: fault.position, default=None)
    return report


def _fault_of(look: Callable[[], None]) -> AuditFault | None:
    try:
        look()
    except FaultFoundError as found:
        return found.fault
    return None


def _begun(told: Iterator[PublishedNote]) -> Iterator[PublishedNote]:
    """Return notes of which the first was read, so that where they end is settled."""
    first = next(told, None)
    return iter(()) if first is None else chained([first], told)


def _check_checkpoints(connection: Connection, before: Before, trusted: Sequence[VerifierKey], report: Report) -> None:
    known = store.known_keys(connection)
    series = CheckpointSeries([*trusted, *(key for key in known if key not in trusted)], trusted or known[-1:])
    try:
        check_all(store.checkpoints(connection), before.notes, series, before.published)
    finally:
        report.checkpoints = series.seen


class _Run:
    """One pass over the log in its order, with all that is checked beside it."""

    def __init__(self, connection: Connection, wanted: Wanted, report: Report, relayed: int) -> None:
        self._connection = connection
        self._wanted = wanted
        self._report = report
        self._relayed = relayed
        self._log_end = last_position(connection)
        newest = store.newest(connection)
        self._signed_to = newest.tree_size if newest else 0
        self._begin = self._trusted_beginning()
        size = self._begin.tree_size if self._begin else 0
        self._size = size
        self._tree = SignedTree(connection, self._begin, self._signed(size), self._signed_to)

    def _trusted_beginning(self) -> Checkpoint | None:
        """Return the checkpoint from which to go on, or None: from the log's beginning."""
        row = store.newest_up_to(self._connection, self._wanted.from_position - 1)
        return _read(row) if row else None

    def _signed(self, after_size: int) -> Iterator[Checkpoint]:
        """Yield what the notes say; one that cannot be read was told of already."""
        first = self._begin.number if self._begin else 0
        for row in store.checkpoints(self._connection, first):
            if (checkpoint := _read(row)) is not None and checkpoint.tree_size >= after_size:
                yield checkpoint

    def check(self, reader: PartitionReaders | None, ends: Offsets) -> None:
        """Check everything that is wanted; raises ``FaultFoundError``."""
        self._tree.begin()
        chain, answers = self._chain(), self._answers()
        topic = self._topic(reader, ends) if reader else None
        last = event_at(self._connection, self._size)
        try:
            for event in self._events():
                hashed = chain.take(event) if self._wanted.log else hashed_of(event)
                if self._wanted.log:
                    answers.expect(event)
                if topic is not None:
                    topic.expect(event, hashed, is_published=event.position <= self._relayed)
                    self._note_offsets(topic, event)
                if self._wanted.checkpoints:
                    self._tree.grow(event)
                last, self._report.events = event, self._report.events + 1
            self._finish(answers, topic, last)
        finally:
            self._report.outcomes = answers.seq
            self._report.records = topic.records if topic else 0

    def _events(self) -> Iterator[StoredEvent]:
        after = self._size
        while page := events_after(self._connection, after, PAGE_EVENTS):
            yield from page
            after = page[-1].position

    def check_streams(self) -> None:
        """Raise for what shows only where the whole log is looked at: versions left out, positions given twice."""
        gap = first_stream_gap(self._connection)
        if gap is not None:
            where = {"position": gap.position}
            said = f"version {gap.before + 1} of {gap.stream}"
            raise FaultFoundError(AuditFault("stream_gap", where, said, f"version {gap.version}", gap.position))
        counted = events_counted(self._connection, 0)
        doubled = doubled_position(self._connection) if counted > self._log_end else None
        if doubled is not None:
            raise FaultFoundError(AuditFault("event_extra", {"position": doubled}, None, "a second event", doubled))

    def _chain(self) -> EventChain:
        before = event_at(self._connection, self._size)
        if self._size and before is None:
            raise FaultFoundError(AuditFault("event_missing", {"position": self._size}, "an event", None, self._size))
        return EventChain(self._size, before.hash if before else FIRST_PREV_HASH)

    def _answers(self) -> AnswerChain:
        begin = self._begin
        return AnswerChain(
            self._connection,
            seq=begin.outcomes if begin else 0,
            last_hash=begin.outcomes_hash if begin else FIRST_PREV_HASH,
            position=self._size,
            signed_to=self._signed_to,
            anchors=(Anchor(one.outcomes, one.outcomes_hash, one.tree_size) for one in self._signed(self._size)),
        )

    def _topic(self, reader: PartitionReaders, ends: Offsets) -> TopicSide:
        first = event_at(self._connection, self._size + 1) if self._size else None
        begins = reader.begins()
        if first is not None:
            begins = reader.offsets_from(int(first.recorded_at.timestamp() * 1000) - CLOCKS_DIFFER_MAX_MS)
        reader.seek(begins)
        placement = Placement(partitioner_in(self._connection), len(reader.partitions))
        topic = TopicSide(reader, placement, lambda position: event_at(self._connection, position), self._size)
        topic.read_to(ends)
        return topic

    def _note_offsets(self, topic: TopicSide, event: StoredEvent) -> None:
        if event.position == self._signed_to:
            self._report.next_offsets = topic.standing()

    def _finish(self, answers: AnswerChain, topic: TopicSide | None, last: StoredEvent | None) -> None:
        """Raise for what lies behind the log's last event, or should."""
        if self._wanted.log and (left := answers.left_over()) is not None:
            raise FaultFoundError(left)
        should_reach = max(self._signed_to, self._relayed)
        if self._log_end < should_reach:
            missing, said = self._log_end + 1, f"events up to position {should_reach}"
            raise FaultFoundError(AuditFault("event_missing", {"position": missing}, said, None, missing))
        if self._wanted.checkpoints:
            self._tree.end()
        if topic is not None:
            topic.drain(last, self._log_end)


def _read(row: store.SignedCheckpoint) -> Checkpoint | None:
    try:
        return Checkpoint.parse(Note.parse(row.note).text)
    except NoteUnreadableError:
        return None

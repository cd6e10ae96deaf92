"""The auditor: log and topic are read by paths of their own, compared, and signed as far as they agree.

It follows the relay. Each event that the relay says it has published is held against the chain of hashes, the answer
that names it, and its record on the topic; then it is a leaf of the tree. At least every half minute in which the log
grew, and every 10,000 events, a checkpoint is signed: only then, and in one transaction, do the tree and the place in
the topic move. On the first difference nothing is signed any more, until ``rma audit verify`` is clean and a person
said ``rma audit resume``. The business is not held up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

import structlog
from prometheus_client import Gauge
from psycopg import Connection

from infra.addresses import addresses, postgres_address
from infra.envelope.hash_chain import FIRST_PREV_HASH
from infra.kafka.partitioner import Placement, partitioner_in
from infra.kafka.publisher import Publisher, publisher_of
from infra.kafka.topic_reader import PartitionReaders
from infra.kafka.topics import TopicNames
from infra.log.auditing import event_at, events_after
from infra.log.lane import standing
from infra.log.queries import last_position
from infra.logs import alarm
from infra.metrics import WorkerMetrics
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.key_file import read_keys
from infra.proofs.merkle import GrowingTree, ProofError, edge_of
from infra.proofs.signed_note import Note, SigningKey
from infra.records import StoredEvent
from infra.sessions import Session, try_to_lead
from infra.settings import Settings
from workers.auditor import published
from workers.auditor.answers import AnswerChain
from workers.auditor.chain import EventChain
from workers.auditor.faults import AuditFault, FaultFoundError
from workers.auditor.signing import sign, signers
from workers.auditor.topic_side import TopicSide
from workers.runtime.clock import utc_now
from workers.runtime.garbage import collect_garbage_less_often
from workers.runtime.patience import patiently

SIGN_EVERY_S: Final = 30.0
SIGN_EVERY_EVENTS: Final = 10_000
LOOK_EVERY_S: Final = 0.25
BATCH_EVENTS: Final = 2_000
AUDITOR_LOCK: Final = 0x524D4106
"""Advisory lock of the auditor that may sign."""

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Compare and sign until ``stop`` is set; raises what ``Auditor.run`` does."""
    Auditor(settings, read_keys(settings), stop, metrics).run()


@dataclass(slots=True)
class _Standing:
    """How far one turn after the other has come since the last checkpoint, and what it goes on with."""

    chain: EventChain
    answers: AnswerChain
    topic: TopicSide
    tree: GrowingTree
    reader: PartitionReaders
    signed: Checkpoint | None
    signed_at_s: float
    last: StoredEvent | None

    @property
    def signed_size(self) -> int:
        return self.signed.tree_size if self.signed else 0

    @property
    def has_grown(self) -> bool:
        """Whether there is anything that no checkpoint covers."""
        return self.tree.size > self.signed_size or self.answers.seq > (self.signed.outcomes if self.signed else 0)


class Auditor:
    """Compare log and topic, and sign.

    Args:
        settings: Lead to both.
        keys: The first one signs.
        stop: Ends the auditor after the batch at hand.
        metrics: Hear what it does.
        sign_every_s: How long a grown log may stay unsigned.
        sign_every_events: How many events may.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Sequence[SigningKey],
        stop: Event,
        metrics: WorkerMetrics,
        *,
        sign_every_s: float = SIGN_EVERY_S,
        sign_every_events: int = SIGN_EVERY_EVENTS,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._stop = stop
        self._metrics = metrics
        self._sign_every_s = sign_every_s
        self._sign_every_events = sign_every_events
        self._session = Session(postgres_address(settings))
        self._names = TopicNames(settings.topic_prefix)
        self._publisher: Publisher | None = None
        self._at: _Standing | None = None
        self._signed_size = Gauge("rma_audit_signed_events", "Events that are signed.", registry=metrics.registry)
        self._stopped = Gauge("rma_audit_stopped", "1 while nothing is signed, else 0.", registry=metrics.registry)

    def run(self) -> None:
        """Lead, or stand by until nobody else does, until ``stop`` is set.

        Raises:
            KeyReplacedError: Another key signed before.
            psycopg.OperationalError, kafka.errors.KafkaError: Still away after bounded retries.
        """
        collect_garbage_less_often()
        try:
            while not self._stop.is_set():
                patiently(self._turn, self._stop, self._metrics)
        finally:
            self._let_go()

    def _turn(self) -> None:
        """Compare what is next and sign it if it is time to; from the last checkpoint if the turn before failed."""
        try:
            busy = self._compare_and_sign()
        except FaultFoundError as found:
            self._tell(found.fault)
            busy = False
        except BaseException:
            self._let_go()
            raise
        self._metrics.beat()
        if not busy:
            self._stop.wait(LOOK_EVERY_S)

    def _compare_and_sign(self) -> bool:
        connection = self._session.connection
        stopped = store.open_stop(connection)
        self._stopped.set(stopped is not None)
        if stopped is not None or not self._leads(connection):
            return False
        if self._at is None:
            self._at = self._begin(connection)
        compared = self._compare(self._at)
        self._metrics.handled(compared)
        if self._is_due(self._at):
            self._sign(self._at)
        return compared > 0

    def _leads(self, connection: Connection) -> bool:
        return self._at is not None or try_to_lead(connection, AUDITOR_LOCK)

    def _begin(self, connection: Connection) -> _Standing:
        """Take up where the last checkpoint stands, and publish what of them did not get onto the topic."""
        newest = store.newest(connection)
        signers(self._keys, newest)
        self._publish_missing(connection, newest)
        signed = Checkpoint.parse(Note.parse(newest.note).text) if newest else None
        size = signed.tree_size if signed else 0
        tree, last = tree_as_signed(connection, signed), event_at(connection, size)
        if size and last is None:
            raise FaultFoundError(AuditFault("event_missing", {"position": size}, "an event", None, size))
        answers = AnswerChain(
            connection,
            seq=signed.outcomes if signed else 0,
            last_hash=signed.outcomes_hash if signed else FIRST_PREV_HASH,
            position=size,
            signed_to=size,
        )
        reader = PartitionReaders(addresses(self._settings).kafka_bootstrap, self._names.events)
        topic = self._topic(connection, reader, size)
        self._signed_size.set(size)
        LOG.info("audit_begins", tree_size=size, number=signed.number if signed else 0)
        chain = EventChain(size, last.hash if last else FIRST_PREV_HASH)
        return _Standing(chain, answers, topic, tree, reader, signed, time.monotonic(), last)

    def _topic(self, connection: Connection, reader: PartitionReaders, size: int) -> TopicSide:
        known, begins = store.read_offsets(connection), reader.begins()
        reader.seek({partition: known.get(partition.partition, begin) for partition, begin in begins.items()})
        placement = Placement(partitioner_in(connection), len(reader.partitions))
        return TopicSide(reader, placement, lambda position: event_at(connection, position), size)

    def _compare(self, at: _Standing) -> int:
        """Compare what the relay has published and is not yet a leaf, a batch at most; return how much that was."""
        connection = self._session.connection
        [relayed] = [lane.position for lane in standing(connection)]
        ends = at.reader.ends()
        log_end = last_position(connection)
        if log_end < at.chain.position:
            raise FaultFoundError(AuditFault("event_missing", {"position": log_end + 1}, "an event", None, log_end + 1))
        at.topic.read_to(ends)
        room = min(BATCH_EVENTS, at.signed_size + self._sign_every_events - at.tree.size)
        compared = 0
        for event in events_after(connection, at.chain.position, room):
            if event.position > relayed:
                break
            hashed = at.chain.take(event)
            at.answers.expect(event)
            at.topic.expect(event, hashed, is_published=True)
            at.tree.append(event.hash)
            at.last, compared = event, compared + 1
        if not compared:
            at.topic.drain(at.last, log_end)
            at.answers.pass_eventless()
        return compared

    def _is_due(self, at: _Standing) -> bool:
        if not at.has_grown:
            at.signed_at_s = time.monotonic()
            return False
        is_late = time.monotonic() - at.signed_at_s >= self._sign_every_s
        return is_late or at.tree.size - at.signed_size >= self._sign_every_events

    def _sign(self, at: _Standing) -> None:
        connection = self._session.connection
        newest = store.newest(connection)
        checkpoint = Checkpoint(
            origin=self._keys[0].name,
            tree_size=at.tree.size,
            root=at.tree.root(),
            number=at.signed.number + 1 if at.signed else 1,
            outcomes=at.answers.seq,
            outcomes_hash=at.answers.hash,
            signed_at=utc_now(),
        )
        signed = sign(checkpoint, signers(self._keys, newest))
        with connection.transaction():
            store.save(connection, signed, [*at.tree.take_full(), *at.tree.edge()], self._keys[0].verifier)
            store.save_offsets(connection, at.topic.standing())
        published.publish(self._outlet(), self._names.checkpoints, [signed])
        at.signed, at.signed_at_s = checkpoint, time.monotonic()
        self._signed_size.set(checkpoint.tree_size)
        LOG.info("checkpoint_signed", number=checkpoint.number, tree_size=checkpoint.tree_size)

    def _publish_missing(self, connection: Connection, newest: store.SignedCheckpoint | None) -> None:
        """Publish the checkpoints that were kept and did not get onto the topic before this process ended."""
        if newest is None:
            return
        bootstrap, topic = addresses(self._settings).kafka_bootstrap, self._names.checkpoints
        found = [
            Checkpoint.parse(Note.parse(one.note).text) for one in published.notes(bootstrap, topic, from_last=True)
        ]
        missing = list(store.checkpoints(connection, found[-1].number if found else 0))
        if missing:
            published.publish(self._outlet(), topic, missing)

    def _outlet(self) -> Publisher:
        if self._publisher is None:
            self._publisher = publisher_of(self._settings)
        return self._publisher

    def _tell(self, fault: AuditFault) -> None:
        """Stop signing, and say so where somebody looks."""
        store.stop_signing(self._session.connection, json.dumps(fault.as_dict()))
        self._stopped.set(1)
        told = fault.as_dict()
        alarm("audit_difference", difference=told.pop("what"), **told)
        self._close_reader()

    def _let_go(self) -> None:
        self._close_reader()
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None
        self._session.close()

    def _close_reader(self) -> None:
        if self._at is not None:
            self._at.reader.close()
            self._at = None


def tree_as_signed(connection: Connection, signed: Checkpoint | None) -> GrowingTree:
    """Return the tree as it was signed; raises ``FaultFoundError`` where what was kept of it is not that tree."""
    if signed is None:
        return GrowingTree()
    try:
        tree = GrowingTree(signed.tree_size, edge_of(signed.tree_size, store.Tiles(connection)))
        found = tree.root().hex()
    except ProofError as lacking:
        found = str(lacking)
    if found != signed.root.hex():
        where = {"tree_size": signed.tree_size}
        raise FaultFoundError(AuditFault("node_changed", where, signed.root.hex(), found, signed.tree_size))
    return tree

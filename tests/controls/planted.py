"""The defects: each changes the real code of the process that plants it, and nothing else knows of it.

They are what this field gets wrong: offsets before work, positions beside transactions, leads without epochs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any, Final
from uuid import uuid4

import orjson
import psycopg
from kafka.errors import KafkaError

from domain import ledger
from domain.case import refunds
from infra.columns import Insert
from infra.envelope import codec
from infra.kafka.lane_producer import LaneProducer
from infra.log import event_log, lane
from infra.log.event_log import EventLog
from infra.records import Answered, SetAside, Verdict
from workers.command_worker import worker as command_worker
from workers.command_worker.intake import answer_key
from workers.command_worker.worker import CommandWorker
from workers.deadlines import table
from workers.deadlines import worker as deadlines
from workers.labels.parcels import WantedParcel
from workers.notices.smtp import NotTakenError, Smtp
from workers.payments import worker as payments
from workers.projector.projector import Projector
from workers.relay import Relay
from workers.runtime.loop import Loop
from workers.webhooks.sending import Sending

A_MOMENT_S: Final = 0.3
"""How long a defect's window stays open: those of real ones are shorter, and systems live longer than a run."""

WINDOW: Final = 50


def put(owner: object, name: str, planted: object) -> None:
    """Put a defect in the place of what is right; one that takes other arguments would break all, and try nothing."""
    right = getattr(owner, name)
    if callable(right) and callable(planted):
        assert _takes(planted, len(_needed(right))), f"{name} is called with {_needed(right)} now"
    setattr(owner, name, planted)


def _needed(function: Callable[..., object]) -> list[str]:
    given = signature(function).parameters.items()
    return [name for name, one in given if one.default is Parameter.empty and one.kind is not Parameter.KEYWORD_ONLY]


def _takes(function: Callable[..., object], count: int) -> bool:
    try:
        signature(function).bind_partial(*range(count))
    except TypeError:
        return False
    return True


def offset_before_the_work() -> None:
    """Kafka hears of a batch before PostgreSQL does."""
    turn = Loop._turn

    def early(self: Any) -> None:
        handle = self._handler.handle

        def commit_first(batch: Any) -> Any:
            next_offsets = {partition: records[-1].offset + 1 for partition, records in batch.items()}
            self._commit(next_offsets)
            time.sleep(A_MOMENT_S)
            return handle(batch)

        if not hasattr(self, "planted"):
            self.planted = True
            if isinstance(self._handler, CommandWorker):
                put(self._handler, "handle", commit_first)
        turn(self)

    put(Loop, "_turn", early)


def position_outside_the_transaction() -> None:
    """Rows first; how far they go is written in a transaction of its own."""

    def fold_batch(self: Any, batch: Any) -> Any:
        with self.connection.transaction():
            standing = self._lock_positions(sorted(batch))
            arrivals = self._read(batch, standing)
            with self.connection.transaction(force_rollback=True):
                events, stopped = self._guard(arrivals)
            if events:
                self._projection.fold(self.connection, events)
        time.sleep(3 * A_MOMENT_S)
        with self.connection.transaction():
            self._guard(arrivals)
            next_offsets = {
                partition: max(next_offset, stopped.get(partition, batch[partition][-1].offset + 1))
                for partition, (next_offset, _) in standing.items()
            }
            self._advance(standing, next_offsets, arrivals)
        return next_offsets, stopped

    put(Projector, "_fold_batch", fold_batch)


def relay_skips_a_failed_send() -> None:
    """What Kafka did not take is left behind."""
    publish = Relay._publish

    def skipping(self: Any, batch: Any) -> None:
        try:
            publish(self, batch)
        except KafkaError:
            self._drop_producer()

    put(Relay, "_publish", skipping)


def relay_moves_before_kafka_has_it() -> None:
    """The position moves, then the batch is sent."""
    publish_next, publish = Relay._publish_next, Relay._publish
    held: list[Any] = []

    def later(self: Any, batch: Any) -> None:
        held.append(batch)

    def early(self: Any, at: Any) -> Any:
        moved = publish_next(self, at)
        time.sleep(A_MOMENT_S if held else 0)
        while held:
            publish(self, held.pop())
        return moved

    put(Relay, "_publish", later)
    put(Relay, "_publish_next", early)


def no_epoch_check() -> None:
    """A relay that was replaced may move the position all the same."""
    put(lane, "ADVANCE", lane.ADVANCE.replace("AND epoch = %s", "AND %s::bigint IS NOT NULL"))


def _unless_known(insert: Insert) -> Insert:
    """Return an insert that passes over what is there."""
    return insert._replace(statement=insert.statement + b" ON CONFLICT DO NOTHING")


def dedupe_window() -> None:
    """Only the last answers are remembered, as an inbox with a window does; older repeats are decided anew."""
    find = EventLog.find_outcomes
    recent = "SELECT source, command_id FROM rma_log.outcomes ORDER BY seq DESC LIMIT %s"

    def windowed(self: Any, keys: Any) -> Any:
        known = {(source, command_id) for source, command_id in self.connection.execute(recent, (WINDOW,))}
        return {key: outcome for key, outcome in find(self, keys).items() if key in known}

    put(EventLog, "find_outcomes", windowed)
    put(event_log, "INSERT_OUTCOMES", _unless_known(event_log.INSERT_OUTCOMES))


def no_version_guard() -> None:
    """An event counts as often as it comes."""
    guard = Projector._guard

    def unguarded(self: Any, arrivals: Any) -> Any:
        guard(self, arrivals)
        return [arrival.event for arrival in arrivals if arrival.event is not None], {}

    put(Projector, "_guard", unguarded)


def gaps_are_passed_over() -> None:
    """A version that is too far ahead is folded as if it were next."""

    def leaping(self: Any, arrivals: Any) -> Any:
        seen = self._seen({arrival.event.stream for arrival in arrivals if arrival.event is not None})
        events = []
        for arrival in arrivals:
            event = arrival.event
            if event is not None and event.version > seen.get(event.stream, 0):
                seen[event.stream] = event.version
                events.append(event)
        return events, {}

    put(Projector, "_guard", leaping)


def lost_appends_are_reported_as_made() -> None:
    """ON CONFLICT DO NOTHING on events: whoever loses a race is told that all is well."""
    put(event_log, "INSERT_EVENTS", _unless_known(event_log.INSERT_EVENTS))


def deadlines_fire_twice() -> None:
    """Every firing is a command of its own, and what was fired is remembered at the second go only."""
    command_of, mark_fired, fire = deadlines.command_of, table.mark_fired, deadlines.fire

    def anew(deadline: Any, now: Any, set_by: Any) -> Any:
        command = command_of(deadline, now, set_by)
        return replace(command, id=f"{command.id}/{uuid4()}")

    def twice(session: Any, outlet: Any, now: Any, *, grace: Any) -> int:
        put(deadlines, "mark_fired", lambda _connection, _fired: None)
        fire(session, outlet, now, grace=grace)
        put(deadlines, "mark_fired", mark_fired)
        return fire(session, outlet, now, grace=grace)

    put(deadlines, "command_of", anew)
    put(deadlines, "fire", twice)


def payouts_are_asked_under_new_keys() -> None:
    """A gateway that did not answer is asked to pay anew."""
    ask = payments.ask

    def anew(gateway: Any, question: Any) -> Any:
        return ask(gateway, replace(question, idempotency_key=f"{question.idempotency_key}:{uuid4()}"))

    put(payments, "ask", anew)


def fees_are_rounded_down() -> None:
    """Half a cent of a restocking fee goes to the customer, here and nowhere else."""
    put(refunds, "basis_points_minor", lambda amount_minor, rate_bps: amount_minor * rate_bps // 10_000)


def outbox_is_emptied_before_it_is_sent() -> None:
    """Answers are deleted, then published."""
    publish = Relay._publish

    def emptied(self: Any, batch: Any) -> None:
        if batch.messages:
            self._log.connection.execute("DELETE FROM rma_log.outbox WHERE seq <= %s", (batch.outbox_seq,))
            time.sleep(A_MOMENT_S)
        publish(self, batch)

    put(Relay, "_publish", emptied)


def repeats_are_answered_anew() -> None:
    """A repeat is told that it was accepted, as of now."""

    def anew(command: Any, before: Any, known: Any) -> Any:
        return Answered(command.stamp, answer_key(command.record), Verdict("accepted"))

    put(command_worker, "answer_again", anew)


def projector_skips_what_fails() -> None:
    """A batch that cannot be written now is left behind."""
    handle = Projector.handle

    def skipping(self: Any, batch: Any) -> Any:
        try:
            return handle(self, batch)
        except psycopg.Error:
            return {partition: records[-1].offset + 1 for partition, records in batch.items()}

    put(Projector, "handle", skipping)


def command_worker_skips_what_fails() -> None:
    """A batch that cannot be written now is left behind, and Kafka hears that it was done."""
    handle = CommandWorker.handle

    def skipping(self: Any, batch: Any) -> Any:
        try:
            return handle(self, batch)
        except psycopg.Error:
            return {partition: records[-1].offset + 1 for partition, records in batch.items()}

    put(CommandWorker, "handle", skipping)


def batches_are_sent_in_another_order() -> None:
    """The records of a batch go out the last one first."""
    send = LaneProducer.send

    def backwards(self: Any, records: Any, between: Any) -> None:
        for bodies in records.by_partition.values():
            bodies.reverse()
        send(self, records, between)

    put(LaneProducer, "send", backwards)


def entries_are_one_sided() -> None:
    """What goes to the ledger lacks its last line, where there is more than one."""
    entry = ledger.entry

    def one_sided(*lines: Any) -> Any:
        return entry(*lines)[:1]

    put(ledger, "entry", one_sided)


def malformed_records_are_dropped() -> None:
    """What cannot be read and has no id is neither answered nor kept."""
    decide = CommandWorker._decide_all

    def dropping(self: Any, taken: Any, outcomes: Any, streams: Any) -> Any:
        entries = decide(self, taken, outcomes, streams)
        return [entry for entry in entries if not (isinstance(entry, SetAside) and entry.answered is None)]

    put(CommandWorker, "_decide_all", dropping)
    put(CommandWorker, "_tell", lambda *_: None)


def added_fields_must_be_there() -> None:
    """What was recorded before its type had all its fields of today is not read any more."""
    decode = codec.Codec.decode

    def strictly(self: Any, topic: str, *envelope: Any) -> Any:
        body = envelope[-1]
        if missing := set(codec.field_names(self.class_of(topic))) - orjson.loads(body).keys():
            raise codec.UnreadableEventError(f"{topic} lacks {missing}")
        return decode(self, topic, *envelope)

    put(codec.Codec, "decode", strictly)


def webhooks_that_fail_count_as_sent() -> None:
    """Whatever a receiver says, or does not say, an event is not sent to him again."""
    send = Sending.send

    def once(self: Any, letter: Any, at: Any) -> str | None:
        send(self, letter, at)
        return None

    put(Sending, "send", once)


def letters_that_are_refused_count_as_sent() -> None:
    """What the mail server did not take now is not handed over again."""
    send = Smtp.send

    def once(self: Any, message: Any, sender: Any, recipient: Any) -> None:
        with suppress(NotTakenError):
            send(self, message, sender, recipient)

    put(Smtp, "send", once)


def labels_are_asked_for_under_new_ids() -> None:
    """A label that was made, and of which nobody was told, is bought once more."""
    put(WantedParcel, "label_id", property(lambda _: uuid4()))


DEFECTS: Final[dict[str, Callable[[], None]]] = {
    defect.__name__: defect
    for defect in (
        offset_before_the_work,
        position_outside_the_transaction,
        relay_skips_a_failed_send,
        relay_moves_before_kafka_has_it,
        no_epoch_check,
        dedupe_window,
        no_version_guard,
        gaps_are_passed_over,
        lost_appends_are_reported_as_made,
        deadlines_fire_twice,
        payouts_are_asked_under_new_keys,
        fees_are_rounded_down,
        outbox_is_emptied_before_it_is_sent,
        repeats_are_answered_anew,
        projector_skips_what_fails,
        command_worker_skips_what_fails,
        batches_are_sent_in_another_order,
        entries_are_one_sided,
        malformed_records_are_dropped,
        added_fields_must_be_there,
        webhooks_that_fail_count_as_sent,
        letters_that_are_refused_count_as_sent,
        labels_are_asked_for_under_new_ids,
    )
}

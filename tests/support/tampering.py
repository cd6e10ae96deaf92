"""What somebody with every right on the database can do to what is recorded, and how each of it is to be named."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import orjson
from psycopg import Connection

from infra.envelope.hash_chain import event_hash, outcome_hash
from infra.log.auditing import event_at, events_after, outcomes_after
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note, SigningKey, signed_note
from infra.proofs.store import SignedCheckpoint, checkpoints, newest
from infra.records import StoredEvent

TEXTS: Final = ("type", "actor", "command_id", "command_source", "correlation_id", "causation_id", "partition_key")
WITHOUT_GUARDS: Final = "SET LOCAL session_replication_role = replica"
"""What a superuser does first: no trigger runs any more."""


@dataclass(frozen=True)
class Named:
    """How a tampering is to be told: by one of these words, at this place."""

    what: frozenset[str]
    where: Mapping[str, int | str] = field(default_factory=dict)


def named(what: str, **where: int | str) -> Named:
    return Named(frozenset(what.split()), where)


@dataclass(frozen=True)
class Hand:
    """Whoever tampers: a superuser's session, and chance."""

    connection: Connection
    random: Random

    def run(self, statement: str, *parameters: object) -> Any:
        return self.connection.execute(statement.encode(), parameters)

    @property
    def length(self) -> int:
        [(length,)] = self.run("SELECT max(position) FROM rma_log.events").fetchall()
        return int(length)

    @property
    def signed(self) -> int:
        last = newest(self.connection)
        assert last is not None
        return last.tree_size

    def position(self, *, up_to: int | None = None) -> int:
        return self.random.randint(1, up_to or self.length)

    def event(self, position: int) -> StoredEvent:
        found = event_at(self.connection, position)
        assert found is not None
        return found

    def spoiled(self, body: bytes) -> bytes:
        """Return bytes of which one is another."""
        at = self.random.randrange(len(body))
        return body[:at] + bytes([body[at] ^ self.random.randint(1, 255)]) + body[at + 1 :]


Tampering = Callable[[Hand], Named]


def body(hand: Hand) -> Named:
    position = hand.position()
    spoiled = hand.spoiled(hand.event(position).body)
    hand.run("UPDATE rma_log.events SET body = %s WHERE position = %s", spoiled, position)
    return named("event_changed", position=position)


def header(hand: Hand) -> Named:
    position, column = hand.position(), hand.random.choice(TEXTS)
    hand.run(f"UPDATE rma_log.events SET {column} = {column} || 'x' WHERE position = %s", position)
    return named("event_changed", position=position)


def event_id(hand: Hand) -> Named:
    position = hand.position()
    hand.run("UPDATE rma_log.events SET event_id = gen_random_uuid() WHERE position = %s", position)
    return named("event_changed", position=position)


def time(hand: Hand) -> Named:
    position, column = hand.position(), hand.random.choice(("occurred_at", "recorded_at"))
    later = f"{column} + interval '1 microsecond'"
    hand.run(f"UPDATE rma_log.events SET {column} = {later} WHERE position = %s", position)
    return named("event_changed", position=position)


def kept_hash(hand: Hand) -> Named:
    position = hand.position()
    spoiled = hand.spoiled(hand.event(position).hash)
    hand.run("UPDATE rma_log.events SET hash = %s WHERE position = %s", spoiled, position)
    return named("event_changed", position=position)


def kept_prev_hash(hand: Hand) -> Named:
    position = hand.position()
    spoiled = hand.spoiled(hand.event(position).prev_hash)
    hand.run("UPDATE rma_log.events SET prev_hash = %s WHERE position = %s", spoiled, position)
    return named("chain_broken", position=position)


def deleted(hand: Hand) -> Named:
    position = hand.position()
    hand.run("DELETE FROM rma_log.events WHERE position = %s", position)
    return named("event_missing", position=position)


def inserted_at_the_tail(hand: Hand) -> Named:
    """With the right hash: only the answers tell that nobody asked for it."""
    last = hand.event(hand.length)
    forged = last._replace(
        position=last.position + 1, stream="order/forged", version=1, prev_hash=last.hash, partition_key="forged"
    )
    _insert(hand, forged._replace(hash=event_hash(forged)))
    return named("event_extra", position=forged.position)


def inserted(hand: Hand) -> Named:
    """In the middle: all that follows moves up by one."""
    position = hand.position()
    hand.run("UPDATE rma_log.events SET position = position + 1000000 WHERE position >= %s", position)
    hand.run("UPDATE rma_log.events SET position = position - 999999 WHERE position > 1000000")
    forged = hand.event(position + 1)._replace(position=position, stream="order/forged", version=1)
    _insert(hand, forged._replace(hash=event_hash(forged)))
    return named("event_extra event_changed chain_broken", position=position)


def swapped(hand: Hand) -> Named:
    first = hand.random.randint(1, hand.length - 1)
    second = hand.random.randint(first + 1, hand.length)
    swap = "UPDATE rma_log.events SET position = %s WHERE position = %s"
    for to, position in ((10**6, first), (first, second), (second, 10**6)):
        hand.run(swap, to, position)
    return named("chain_broken event_changed", position=first)


def tail_cut(hand: Hand) -> Named:
    """Behind which a checkpoint was signed."""
    first = hand.position(up_to=hand.signed)
    hand.run("DELETE FROM rma_log.events WHERE position >= %s", first)
    return named("event_missing", position=first)


def tail_cut_with_its_answers(hand: Hand) -> Named:
    """Nothing in the log tells it: checkpoint, relay and topic do."""
    first = hand.position(up_to=hand.signed)
    hand.run(
        "DELETE FROM rma_log.outcomes AS o USING rma_log.events AS e "
        "WHERE e.position >= %s AND e.command_source = o.source AND e.command_id = o.command_id",
        first,
    )
    hand.run("DELETE FROM rma_log.events WHERE position >= %s", first)
    return Named(frozenset({"event_missing", "outcome_missing", "event_extra"}))


def rewritten(hand: Hand) -> Named:
    """A body changed, and every hash after it made to fit; the topic still has what was."""
    position = rewrite_alike(hand)
    return named("topic_differs event_changed", position=position)


def rewrite_alike(hand: Hand) -> int:
    """Change a body and make every later hash fit; what is left tells the same story. Return its position."""
    position = hand.position(up_to=hand.signed)
    events = events_after(hand.connection, position - 1, 10**6)
    last_hash, changed = events[0].prev_hash, [events[0]._replace(body=hand.spoiled(events[0].body)), *events[1:]]
    for event in changed:
        unhashed = event._replace(prev_hash=last_hash)
        last_hash = event_hash(unhashed)
        hand.run(
            "UPDATE rma_log.events SET body = %s, prev_hash = %s, hash = %s WHERE position = %s",
            event.body, unhashed.prev_hash, last_hash, event.position,
        )  # fmt: skip
    return position


def version_left_out(hand: Hand) -> Named:
    [*later] = hand.run("SELECT stream, version, position FROM rma_log.events WHERE version > 1").fetchall()
    stream, version, position = hand.random.choice(sorted(later))
    hand.run("UPDATE rma_log.events SET version = version + 1000 WHERE stream = %s AND version >= %s", stream, version)
    return named("stream_gap event_changed", position=position)


def answer(hand: Hand) -> Named:
    outcome = hand.random.choice(outcomes_after(hand.connection, 0, 10**6))
    column = hand.random.choice(("result", "fingerprint"))
    spoiled = hand.spoiled(outcome.result if column == "result" else outcome.fingerprint)
    where = "source = %s AND command_id = %s"
    hand.run(f"UPDATE rma_log.outcomes SET {column} = %s WHERE {where}", spoiled, *outcome.source_and_id)
    return named("outcome_changed", source=outcome.source, id=outcome.command_id)


def answer_status(hand: Hand) -> Named:
    outcome = hand.random.choice(outcomes_after(hand.connection, 0, 10**6))
    other = "refused" if outcome.status == "accepted" else "accepted"
    where = "source = %s AND command_id = %s"
    hand.run(f"UPDATE rma_log.outcomes SET status = %s WHERE {where}", other, *outcome.source_and_id)
    return named("outcome_changed", source=outcome.source, id=outcome.command_id)


def answer_deleted(hand: Hand) -> Named:
    outcome = hand.random.choice(outcomes_after(hand.connection, 0, 10**6))
    hand.run("DELETE FROM rma_log.outcomes WHERE source = %s AND command_id = %s", *outcome.source_and_id)
    if orjson.loads(outcome.result)["events"]:
        return named("outcome_missing", source=outcome.source, id=outcome.command_id)
    return named("outcome_missing", seq=outcome.seq)


def answers_rewritten(hand: Hand) -> Named:
    """A refusal made another, and the chain of answers made to fit: the checkpoints tell."""
    outcomes = outcomes_after(hand.connection, 0, 10**6)
    first = hand.random.choice([one for one in outcomes if one.status == "refused"])
    last_hash = outcomes[first.seq - 2].hash if first.seq > 1 else bytes(32)
    for one in outcomes[first.seq - 1 :]:
        result = one.result.replace(b'"message":"', b'"message":"not ', 1) if one is first else one.result
        last_hash = outcome_hash(last_hash, one.seq, (*one.source_and_id, one.fingerprint, one.status, result))
        hand.run("UPDATE rma_log.outcomes SET result = %s, hash = %s WHERE seq = %s", result, last_hash, one.seq)
    return named("outcome_changed")


def checkpoint_dropped(hand: Hand) -> Named:
    row = hand.random.choice(list(checkpoints(hand.connection)))
    hand.run("DELETE FROM rma_audit.checkpoints WHERE number = %s", row.number)
    return named("checkpoint_missing", tree_size=row.tree_size)


def checkpoint_resigned(hand: Hand) -> Named:
    """By whoever tampers, under the same name, with a key of his own that he makes known as ours."""
    row = hand.random.choice(list(checkpoints(hand.connection)))
    said = Checkpoint.parse(Note.parse(row.note).text)
    key = SigningKey.generate(said.origin)
    forged = Checkpoint(
        said.origin, said.tree_size, hand.spoiled(said.root), said.number, said.outcomes, said.outcomes_hash,
        said.signed_at,
    )  # fmt: skip
    note = signed_note(forged.to_text(), [key])
    hand.run("INSERT INTO rma_audit.keys VALUES (%s, %s)", str(key.verifier), said.number)
    change = "UPDATE rma_audit.checkpoints SET note = %s, root = %s WHERE number = %s"
    hand.run(change, note, forged.root.hex(), said.number)
    return named("checkpoint_signature", tree_size=said.tree_size)


def checkpoint_row(hand: Hand) -> Named:
    row: SignedCheckpoint = hand.random.choice(list(checkpoints(hand.connection)))
    column, value = hand.random.choice(
        (
            ("root", hand.spoiled(bytes.fromhex(row.root)).hex()),
            ("signed_at", f"{row.signed_at:%Y}-01-01T00:00:00Z"),
        )
    )
    hand.run(f"UPDATE rma_audit.checkpoints SET {column} = %s WHERE number = %s", value, row.number)
    return named("checkpoint_signature", tree_size=row.tree_size)


def note_changed(hand: Hand) -> Named:
    """One letter of a signature."""
    row = hand.random.choice(list(checkpoints(hand.connection)))
    head, _, signature = row.note.rstrip("\n").rpartition(" ")
    spoiled = base64.b64encode(hand.spoiled(base64.b64decode(signature))).decode()
    hand.run("UPDATE rma_audit.checkpoints SET note = %s WHERE number = %s", f"{head} {spoiled}\n", row.number)
    return named("checkpoint_signature", tree_size=row.tree_size)


def node(hand: Hand) -> Named:
    tiles = hand.run("SELECT level, place, hashes FROM rma_audit.tiles ORDER BY 1, 2").fetchall()
    level, place, hashes = hand.random.choice(tiles)
    change = "UPDATE rma_audit.tiles SET hashes = %s WHERE level = %s AND place = %s"
    hand.run(change, hand.spoiled(hashes), level, place)
    return named("node_changed", level=level, place=place)


def _insert(hand: Hand, event: StoredEvent) -> None:
    columns = ", ".join(StoredEvent._fields)
    places = ", ".join(["%s"] * len(event))
    hand.run(f"INSERT INTO rma_log.events ({columns}) VALUES ({places})", *event)


IN_THE_DATABASE: Final[tuple[Tampering, ...]] = (
    body, header, event_id, time, kept_hash, kept_prev_hash, deleted, inserted_at_the_tail, inserted, swapped, tail_cut,
    tail_cut_with_its_answers, rewritten, version_left_out, answer, answer_status, answer_deleted, answers_rewritten,
    checkpoint_dropped, checkpoint_resigned, checkpoint_row, note_changed, node,
)  # fmt: skip

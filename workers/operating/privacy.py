"""What is held of a customer: what an erasure would leave behind, and all of it as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from psycopg import Connection
from psycopg.rows import dict_row

from domain.identity import customer_stream, order_stream, rma_stream
from infra.addresses import addresses, postgres_address
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.records import StoredEvent
from infra.sealing.bodies import holds_plain_texts, opened_texts, shown_body
from infra.sealing.openings import Looking, field_of, note_opening
from infra.sealing.sealed_text import DataKey
from infra.sealing.vault import Vault, open_vault
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.dead_letters import DeadLetters

ERASED: Final = "erased"
STREAMS_AT_ONCE: Final = 500
POLL_MS: Final = 2_000
ORDERS: Final = "SELECT order_id FROM rma_read.orders WHERE customer_id = %s ORDER BY order_id"
RETURNS: Final = """
    SELECT rma_id, rma_number, order_id, status FROM rma_read.returns
    WHERE requester_id = %s OR order_id = ANY(%s) ORDER BY rma_number
"""
UNPAID: Final = """
    SELECT refund_id, order_id, amount_minor, currency, status FROM rma_read.refunds
    WHERE order_id = ANY(%s) AND status <> 'settled' ORDER BY order_id, refund_id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a customer leaves open, and what an erasure cannot reach.

    ``unsealed`` counts events that hold texts and were recorded before texts were sealed; ``plain_since`` is when
    the oldest command was written that the broker still keeps (None: it keeps none); any may be the customer's.
    """

    customer_id: str
    open_returns: list[dict[str, Any]]
    unpaid_refunds: list[dict[str, Any]]
    unsealed: int
    plain_since: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "customer_id": self.customer_id,
            "open_returns": self.open_returns,
            "unpaid_refunds": self.unpaid_refunds,
            "unsealed_events": self.unsealed,
            "plain_commands_since": self.plain_since,
        }


def held_of(settings: Settings, customer_id: str) -> Held:
    """Return what is open for a customer; raises what connections raise where a service is away."""
    with closing(EventLog(postgres_address(settings))) as log:
        orders, returns = _known(log.connection, customer_id)
        with log.connection.cursor(row_factory=dict_row) as cursor:
            unpaid = cursor.execute(UNPAID, (orders,)).fetchall()
        unsealed = sum(
            event.sealed_key_id is None and holds_plain_texts(event.type, event.body)
            for event in _events(log, orders, returns)
        )
    waiting = [one for one in returns if one["status"] != "closed"]
    return Held(customer_id, waiting, unpaid, unsealed, _oldest_command(settings))


def erase_letters(settings: Settings, customer_id: str) -> tuple[list[str], list[str]]:
    """Make dead letters unreadable that name a customer or his orders; return their ids, and those of nobody's."""
    with closing(connect(postgres_address(settings))) as connection:
        orders, _ = _known(connection, customer_id)
    with closing(DeadLetters(settings)) as letters:
        theirs, nobodys = letters.naming({customer_id, *orders})
        letters.forget(theirs)
    return [letter.letter_id for letter in theirs], [letter.letter_id for letter in nobodys]


def export_of(settings: Settings, customer_id: str, looking: Looking) -> dict[str, Any]:
    """Return all that is recorded of a customer, with his texts as he wrote them, in the order of the log.

    A text that cannot be told is null, and ``erased`` or ``unreadable`` names its path; so does ``sealed`` where it is
    somebody else's, such as his to whom an article was given. It is on record who sees what before anything is told.
    """
    person = customer_stream(customer_id)
    with closing(EventLog(postgres_address(settings))) as log, closing(open_vault(settings)) as vault:
        orders, returns = _known(log.connection, customer_id)
        events = sorted(_events(log, orders, returns, customer_id), key=lambda event: event.position)
        keys = _keys(vault, events)
        shown = [_shown(event, keys, person) for event in events]
        _note(vault.connection, looking, person, events, shown)
    return {
        "customer_id": customer_id,
        "orders": orders,
        "returns": [one["rma_number"] for one in returns],
        "events": shown,
    }


def _known(connection: Connection, customer_id: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the orders of a customer, and the returns of these orders and those that he asked for."""
    orders = [order_id for (order_id,) in connection.execute(ORDERS, (customer_id,))]
    with connection.cursor(row_factory=dict_row) as cursor:
        return orders, cursor.execute(RETURNS, (customer_id, orders)).fetchall()


def _events(
    log: EventLog, orders: Sequence[str], returns: Sequence[dict[str, Any]], customer_id: str | None = None
) -> Iterator[StoredEvent]:
    streams = [*map(order_stream, orders), *(rma_stream(one["rma_id"]) for one in returns)]
    streams += [customer_stream(customer_id)] if customer_id is not None else []
    for first in range(0, len(streams), STREAMS_AT_ONCE):
        for events in log.load(dict.fromkeys(streams[first : first + STREAMS_AT_ONCE], 0)).values():
            yield from events


def _keys(vault: Vault, events: Sequence[StoredEvent]) -> dict[str, DataKey]:
    wanted = {event.sealed_key_id for event in events if event.sealed_key_id}
    return {key.key_id: key for key in vault.find(wanted)}


def _shown(event: StoredEvent, keys: dict[str, DataKey], person: str) -> dict[str, Any]:
    told = {
        "position": event.position,
        "stream": event.stream,
        "type": event.type,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
    }
    if event.sealed_key_id is None:
        return told | {"data": orjson.loads(event.body)}
    key = keys.get(event.sealed_key_id)
    of_another = key is not None and key.person != person
    data, marks = shown_body(event.type, event.body, event.stream, event.version, {} if of_another else keys)
    return told | {"data": data} | ({"sealed": marks[ERASED]} if of_another and ERASED in marks else marks)


def _note(
    connection: Connection, looking: Looking, person: str, events: Sequence[StoredEvent], shown: list[dict[str, Any]]
) -> None:
    """Record which texts somebody is about to see: those of each stream that are told."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for event, told in zip(events, shown, strict=True):
        if event.sealed_key_id is not None:
            untold = {path for mark in ("sealed", ERASED, "unreadable") for path in told.get(mark, ())}
            texts = opened_texts(event.type, event.body, event.stream, event.version, {})
            paths = [text.path for text in texts if text.path not in untold]
            seen[event.stream].update(field_of(event.type, path) for path in paths)
    with connection.transaction():
        for stream, fields in seen.items():
            if fields:
                note_opening(connection, looking, person, stream, fields)


def _oldest_command(settings: Settings) -> datetime | None:
    """Return when the oldest command that the broker still keeps was written."""
    where, names = addresses(settings), TopicNames(settings.topic_prefix)
    with closing(TopicReader(where.kafka_bootstrap, names.commands)) as topic:
        begins, ends = topic.begins(), topic.ends()
        oldest: list[int] = []
        for partition, offset in begins.items():
            if offset < ends[partition]:
                topic.seek({partition: offset})
                oldest += [record.timestamp for records in topic.poll(POLL_MS).values() for record in records[:1]]
    return datetime.fromtimestamp(min(oldest) / 1_000, UTC) if oldest else None

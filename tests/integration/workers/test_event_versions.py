"""An event counts the same in whatever version it was stored: every reader there is, over old events and new ones.

The same story is recorded three times: as today, with every event as an older version stored it, and with both mixed.
As version 0.1.0 told causes stands for a fourth. Whatever reads events must not be able to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
import pytest
from kafka.structs import TopicPartition
from psycopg.rows import dict_row

from domain.order.matching import Goods
from domain.policy.document import PolicyDocument
from infra.log.event_log import EventLog
from infra.migrate import migrate
from infra.services import Addresses
from projections.projection import Projection
from projections.read_models import PROJECTIONS
from projections.refund_ledger.balances import read_differences, read_trial_balance
from projections.refund_ledger.sold_lines import read_sold_lines
from projections.return_reasons.rates import read_reason_tables
from projections.tracking.case_file import read_case_file
from projections.tracking.decisions import read_decisions
from projections.tracking.review_queue import read_review_queue
from tests.examples.story import whole_story
from tests.support import old_versions
from tests.support.databases import own_database
from workers.command_worker.streams import AggregateCache, BatchStreams
from workers.credit_notes.table import CreditNoteTable
from workers.deadlines.table import DeadlineTable
from workers.desk.quoting import Ask, Asked, quote
from workers.labels.table import LabelTable
from workers.notices.table import NoticeTable
from workers.payments.questions import PaymentQuestions
from workers.policies.backtesting import backtest, gather
from workers.policies.history import decided_returns
from workers.policies.published import read_policies
from workers.policies.verifying import verify
from workers.projector.projector import Projector, prepare
from workers.runtime.every_event import make_codec
from workers.webhooks.table import WebhookTable

TOPIC: Final = "rma.events"
CLOCKS: Final = frozenset({"recorded_at", "updated_at", "ask_at", "his_since"})
"""Columns that say when something was done here."""
SUBSCRIBED: Final = """
    INSERT INTO rma_webhooks.subscriptions (subscription_id, url, types, after_position)
    VALUES ('00000000-0000-0000-0000-000000000001', 'https://shop.example', '{rma.Rma.*,rma.Order.Registered.*}', 0)
"""
"""Somebody who names types without their versions."""

Stored = tuple[int, bool]
"""Every how many-th event is old (0: none), and whether causes are told as version 0.1.0 did."""

STORED: Final[dict[str, Stored]] = {
    "as today": (0, False),
    "old": (1, False),
    "mixed": (3, False),
    "causes of 0.1.0": (0, True),
}


@dataclass(frozen=True, slots=True)
class System:
    """A database in which one telling of the story was recorded and read by whatever folds events."""

    dsn: str
    log: EventLog

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            found = connection.execute(query).fetchall()
        return [{name: value for name, value in row.items() if name not in CLOCKS} for row in found]


@pytest.fixture(scope="module")
def systems(addresses: Addresses) -> Iterator[dict[str, System]]:
    """One system for each way of storing the story, read by a program that knows the older versions."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setattr("workers.runtime.every_event.UPCASTS", old_versions.planted_upcasts())
        yield {
            name: _system(opened.enter_context(own_database(addresses.postgres_dsn.get_secret_value())), opened, *how)
            for name, how in STORED.items()
        }


def _system(dsn: str, opened: ExitStack, every: int, commands_caused: bool) -> System:
    migrate(dsn)
    log = opened.enter_context(closing(EventLog(dsn)))
    old_versions.log_story(log, whole_story(), is_old=lambda number, _: every > 0 and number % every == 0)
    events = log.read(0, 10_000)
    told = old_versions.as_commands_caused(events) if commands_caused else events
    batch = {TopicPartition(TOPIC, 0): old_versions.published(told, TOPIC)}
    for projection in readers_of_the_topic():
        prepare(dsn, projection)
        if isinstance(projection, WebhookTable):
            execute(dsn, SUBSCRIBED)
        with closing(Projector(dsn, projection, make_codec())) as projector:
            assert projector.handle(batch) == {TopicPartition(TOPIC, 0): len(events)}
    return System(dsn, log)


def readers_of_the_topic() -> list[Projection]:
    """Return whatever is filled from the topic: read models, and the inboxes of workers."""
    inboxes: list[Projection] = [PaymentQuestions(), DeadlineTable(), CreditNoteTable(), LabelTable(), WebhookTable()]
    return [*PROJECTIONS.values(), *inboxes, NoticeTable(datetime(2000, 1, 1, tzinfo=UTC))]


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def _views_of(projection: str) -> Callable[[System], Any]:
    def read(system: System) -> Any:
        prefix = f"{projection}_v"
        views = "SELECT view_name FROM information_schema.view_table_usage WHERE view_schema = 'rma_read'"
        names = system.rows(f"{views} AND table_schema LIKE '{prefix}%' ORDER BY view_name")
        return {
            name: sorted(system.rows(f"SELECT * FROM rma_read.{name}"), key=repr)
            for name in dict.fromkeys(row["view_name"] for row in names)
        }

    return read


def _payments(system: System) -> Any:
    return system.rows("SELECT * FROM rma_payments.questions ORDER BY payout_id")


def _deadlines(system: System) -> Any:
    return system.rows("SELECT * FROM rma_deadlines.deadlines ORDER BY deadline_id")


def _credit_notes(system: System) -> Any:
    return system.rows("SELECT * FROM rma_credit_notes.due ORDER BY position")


def _labels(system: System) -> Any:
    return system.rows("SELECT rma_id, decided, looked, tries FROM rma_labels.returns ORDER BY rma_id")


def _webhooks(system: System) -> Any:
    """Return what is told to whom; the type told is that of the version that was stored."""
    return system.rows("SELECT position, key, event_id FROM rma_webhooks.deliveries ORDER BY position")


def _notices(system: System) -> Any:
    columns = "position, event_id, stream, kind, rma_id, order_id, done"
    return system.rows(f"SELECT {columns} FROM rma_notices.messages ORDER BY position")


def _history(system: System) -> Any:
    codec = make_codec()
    verified = verify(decided_returns(system.log, codec), read_policies(system.log, codec), lambda _: None)
    assert verified.differences == []
    return verified.decisions


def _backtest(system: System) -> Any:
    draft = PolicyDocument.model_validate({"window": {"days": 1}, "method": "label"})
    return gather(backtest(system.dsn, draft), StringIO(), lambda _: None).as_dict()


def _policies(system: System) -> Any:
    return {name: policy.versions for name, policy in read_policies(system.log, make_codec()).items()}


def _aggregates(system: System) -> Any:
    """Return the streams as the command worker loads them."""
    streams = BatchStreams(system.log, make_codec(), AggregateCache())
    names = [row["stream"] for row in system.rows("SELECT DISTINCT stream FROM rma_log.events ORDER BY stream")]
    return {name: vars(aggregate) for name in names if (aggregate := streams.get(name)) is not None}


def _quotes(system: System) -> Any:
    line = {"line_id": "L2", "quantity": 1, "reason": "defective", "wish": "refund"}
    body = {"rma_id": str(UUID(int=99)), "order_id": "O-1", "lines": [line]}
    ask = Ask(orjson.dumps(body), datetime(2026, 3, 20, tzinfo=UTC), "customer:C-1")
    quoted = quote(Asked(1, ask), BatchStreams(system.log, make_codec(), AggregateCache()))
    assert quoted["status"] == "quoted"
    return quoted


def _desk(system: System) -> Any:
    """Return what people ask of the read models."""
    with psycopg.connect(system.dsn, autocommit=True) as connection:
        case = read_case_file(connection, UUID(int=1))
        assert case is not None
        return (
            replace(case, timeline=[{**row, "recorded_at": None} for row in case.timeline]),
            read_decisions(connection, UUID(int=3)),
            read_review_queue(connection),
            read_trial_balance(connection),
            read_differences(connection, 100, resolved_too=True),
            read_reason_tables(connection, skus_max=10),
            read_sold_lines(connection, [Goods("C-1", "SHOE-42", 1), Goods("C-1", "SOCK", 1)]),
        )


def first_difference(then: Any, today: Any) -> str | None:
    """Return where two readings differ, as a path; the whole of both would be pages."""
    if isinstance(then, dict) and isinstance(today, dict):
        if then.keys() != today.keys():
            return f": {sorted(map(str, then.keys() ^ today.keys()))} in one only"
        return next((f"[{n!r}]{d}" for n in today if (d := first_difference(then[n], today[n]))), None)
    if isinstance(then, list | tuple) and isinstance(today, list | tuple) and len(then) == len(today):
        pairs = enumerate(zip(then, today, strict=True))
        return next((f"[{n}]{d}" for n, (a, b) in pairs if (d := first_difference(a, b))), None)
    return None if then == today else f": {str(then)[:200]} instead of {str(today)[:200]}"


READERS: Final[dict[str, Callable[[System], Any]]] = {
    **{name: _views_of(name) for name in PROJECTIONS},
    "payments": _payments,
    "deadlines": _deadlines,
    "credit notes": _credit_notes,
    "labels": _labels,
    "webhooks": _webhooks,
    "notices": _notices,
    "policy verify": _history,
    "policy backtest": _backtest,
    "policies": _policies,
    "command worker": _aggregates,
    "quotes": _quotes,
    "desk": _desk,
}


@pytest.mark.parametrize("stored", [name for name in STORED if name != "as today"])
@pytest.mark.parametrize("reader", READERS)
def test_an_event_counts_the_same_in_every_version(systems: dict[str, System], reader: str, stored: str) -> None:
    """What a reader makes of old events is what it makes of the same facts as they are stored today."""
    today, then = READERS[reader](systems["as today"]), READERS[reader](systems[stored])

    assert today
    assert first_difference(then, today) is None

"""What version 0.1.0 wrote loads, verifies and goes on: its log, its topics, its read models, its workers' memories.

``tests/data/version_0_1_0/README.md`` says what is in it and how it was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
import pytest
from kafka import KafkaProducer
from psycopg.rows import dict_row

from infra.gateways.http import HttpGateway
from infra.kafka.command_client import conversation
from infra.kafka.partitioner import Partitioner
from infra.log.event_log import READ_EVENTS_MAX
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.old_system import database_script, old_records, restore
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import assert_log_is_whole, assert_rebuilt_is_the_same, assert_topic_tells_the_log
from tests.support.worker_threads import Counter, running
from workers.command_worker import worker as command_worker
from workers.deadlines import worker as deadlines
from workers.operating.initialising import initialise
from workers.operating.rebuilding import rebuild
from workers.payments.questions import PaymentQuestions
from workers.payments.worker import ask_until
from workers.policies.history import decided_returns
from workers.policies.published import read_policies
from workers.policies.verifying import verify
from workers.projector.inbox import inbox
from workers.registry import READ_MODELS, worker_named
from workers.trials.gateway_simulator.server import GatewayServer

EVENTS: Final = 248
EVENTS_SHA256: Final = "8baa0d474e85d2e15178915e443615c7b1cc0a819000cb57a827189a008282c7"
"""Of every column of every event, as Python shows them."""

DECISIONS: Final = 24
SINCE: Final = ["0004_system.sql", "0005_dead_letter_actions.sql"]
"""The first migrations that the old version did not know; there may be more."""

AFTERWARDS: Final = datetime(2027, 1, 15, tzinfo=UTC)
"""Later than every deadline of the old system."""

NEVER_SENT: Final = UUID(int=104)
"""A return that was refunded and whose goods never came: today its unit counts as returned, then it did not."""

ITS_SALE: Final = {"sku": "MUG", "sale_month": date(2026, 11, 1)}

CUSTOMER: Final = "C-1"
"""Whose the order with store credit is."""

WORDED: Final = frozenset({"summary"})
"""Columns in words for people, which may be worded better."""

NOT_TOLD_BY_EVENTS: Final = frozenset({"positions", "checkpoints", "dead_letter_actions"})

NEW_REFUND: Final = 1234

Rows = list[dict[str, Any]]


@pytest.fixture
def old(settings: Settings) -> Iterator[Pipeline]:
    """The old system, after today's ``rma init``."""
    restore(settings)
    with _initialised(settings) as pipeline:
        yield pipeline


@contextmanager
def _initialised(settings: Settings) -> Iterator[Pipeline]:
    initialise(settings)
    with closing(Pipeline(settings)) as pipeline:
        yield pipeline


def sha256_of_events(pipeline: Pipeline) -> str:
    found = hashlib.sha256()
    for event in pipeline.log.read(0, READ_EVENTS_MAX):
        found.update(repr(tuple(event)).encode())
    return found.hexdigest()


def test_init_brings_the_old_system_up_to_date(settings: Settings) -> None:
    """Migrations run, the topics stay, keys stay in their partitions, and views go on showing what they showed."""
    restore(settings)
    before = rows_of_views(settings)

    found = initialise(settings)

    assert found.migrations[: len(SINCE)] == SINCE
    assert (found.topics, found.partitioner) == ([], Partitioner.CRC32)
    assert rows_of_views(settings) == before
    assert initialise(settings).migrations == []


def test_no_stored_byte_changes_and_every_event_loads(old: Pipeline) -> None:
    """The chain holds from the first event to the last, in the log and on the topic, and each event is a fact."""
    assert assert_log_is_whole(old) == EVENTS
    assert sha256_of_events(old) == EVENTS_SHA256
    assert len(assert_topic_tells_the_log(old)) == EVENTS
    for event in old.log.read(0, EVENTS):
        old.codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)


def first_answers() -> dict[tuple[str, str], bytes]:
    """Return the old answers that use up their command's id: all but those that were malformed."""
    told = [(orjson.loads(record.value), record.value) for record in old_records("results")]
    answered = [(answer, value) for answer, value in told if answer["status"] != "malformed"]
    return {(answer["source"], answer["command_id"]): value for answer, value in answered}


def assert_repeats_get_their_answers(pipeline: Pipeline) -> None:
    """Send every old command again: each is answered as before, byte for byte, and nothing is recorded."""
    commands, known = old_records("commands"), len(old_records("results"))
    with closing(KafkaProducer(bootstrap_servers=pipeline.bootstrap)) as producer:
        for record in commands:
            producer.send(pipeline.topics.commands, record.value, record.key, record.headers, record.partition)
        producer.flush()
    pipeline.handle_all(records=len(commands), group="rma.commands")
    pipeline.relay_all()
    expected, seen = first_answers(), set()
    results = pipeline.read_topic(pipeline.topics.results)
    assert len(results) == 2 * known
    for record in results:
        answer = orjson.loads(record.value)
        command = answer["source"], answer["command_id"]
        seen.add(command)
        assert expected.get(command, record.value) == record.value, command
        assert (command in expected) == (answer["status"] != "malformed"), command
    assert expected.keys() <= seen
    assert len(pipeline.log.read(0, READ_EVENTS_MAX)) == EVENTS


def test_a_repeat_gets_the_answer_of_the_old_version(old: Pipeline) -> None:
    """Also where today's rules would not take it any more: a country, a currency, a year, a key, an order of facts."""
    assert_repeats_get_their_answers(old)


def test_every_decision_comes_out_again(old: Pipeline) -> None:
    """Policy decides as it decided then, to the byte."""
    verified = verify(decided_returns(old.log, old.codec), read_policies(old.log, old.codec), lambda _: None)

    assert (verified.decisions, verified.differences) == (DECISIONS, [])


def rows_of_views(settings: Settings) -> dict[str, Rows]:
    """Return the rows of every stable view, the read models' own positions aside, in an order of their own."""
    assert settings.postgres_dsn is not None
    views = "SELECT table_name FROM information_schema.views WHERE table_schema = 'rma_read' ORDER BY table_name"
    with psycopg.connect(settings.postgres_dsn.get_secret_value(), row_factory=dict_row) as connection:
        names = [row["table_name"] for row in connection.execute(views)]
        shown = {name: connection.execute(f"SELECT * FROM rma_read.{name}").fetchall() for name in names}
    return {name: sorted(rows, key=repr) for name, rows in shown.items() if name not in NOT_TOLD_BY_EVENTS}


def as_then(view: str, rows: Rows, columns: list[str]) -> Rows:
    """Return rows of today with the columns that the old version had, counted as it counted."""
    if view == "return_reasons":
        rows = [row for row in rows if row["rma_id"] != NEVER_SENT]
    if view == "decisions":  # those of people are told since
        rows = [row for row in rows if row["by"] == "policy"]
    if view == "return_rates":
        its = [row for row in rows if row.items() >= ITS_SALE.items()]
        rows = [row for row in rows if row not in its]
        rows += [row | {"units_defect_claimed": row["units_defect_claimed"] - 1} for row in its]
    return sorted(({name: row[name] for name in columns} for row in rows), key=repr)


def _with_holder(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of then; store credit that named nobody is the order's customer's today."""
    return row | {"holder_id": CUSTOMER} if row.get("holder_id") == "" else row


def rebuild_all(settings: Settings) -> None:
    for name in PROJECTIONS:
        rebuild(settings, name, lambda _read, _all: None)


def assert_views_tell_the_same(before: dict[str, Rows], after: dict[str, Rows]) -> None:
    """Each view has the rows that it had, the ledger's among them; there may be more columns, and more views."""
    assert before.keys() <= after.keys()
    for view, rows in before.items():
        assert rows, f"{view} was empty: nothing can be said about it"
        columns = [name for name in rows[0] if name not in WORDED]
        told = sorted((_with_holder({name: row[name] for name in columns}) for row in rows), key=repr)
        assert as_then(view, after[view], columns) == told, view


def test_rebuilt_read_models_tell_what_the_old_ones_told(old: Pipeline) -> None:
    """Filled anew from the old topic, each view has the old rows."""
    before = rows_of_views(old.settings)

    rebuild_all(old.settings)

    assert_views_tell_the_same(before, rows_of_views(old.settings))
    assert_rebuilt_is_the_same(old, old.read_topic(old.topics.events))


def old_payouts(pipeline: Pipeline) -> dict[str, set[str]]:
    """Return the keys of payouts by their status."""
    found: dict[str, set[str]] = {}
    for row in rows_of_views(pipeline.settings)["payouts"]:
        found.setdefault(row["status"], set()).add(row["idempotency_key"])
    return found


@contextmanager
def going_on(pipeline: Pipeline, gateway: GatewayServer) -> Iterator[Counter]:
    """Run every worker, at a time at which all old deadlines have passed; hand out a counter of the shop."""

    def pay(settings: Settings, stop: Any) -> None:
        metrics = WorkerMetrics("payments")
        with closing(HttpGateway(gateway.url)) as adapter, inbox(settings, PaymentQuestions(), stop, metrics):
            ask_until(settings, adapter, stop, metrics)

    def clock() -> datetime:
        return AFTERWARDS

    commands = partial(command_worker.run, metrics=WorkerMetrics("commands"), clock=clock)
    watch = partial(deadlines.run, metrics=WorkerMetrics("deadlines"), wall=clock)
    others = [worker_named(name).run for name in ("relay", *READ_MODELS)]
    with running(pipeline.settings, commands, watch, pay, *others), conversation(pipeline.settings) as talk:
        yield Counter(pipeline.settings, lambda command: talk.ask(command.to_record()))


def return_something(counter: Counter) -> None:
    """Sell and return an article under a policy of the old system that refunds at once."""
    order = {"order_id": "O-NEW", "customer_id": "C-9", "country": "DE", "channel": "web", "currency": "EUR"}
    line = {"line_id": "L1", "sku": "MUG", "quantity": 1, "amount_minor": NEW_REFUND}
    tender = {"tender_id": "T1", "kind": "card", "amount_minor": NEW_REFUND}
    units = [{"line_id": "L1", "quantity": 1}]
    wanted = [{**units[0], "reason": "defective", "wish": "refund"}]
    for name, data, actor in (
        ("RegisterOrder", order | {"lines": [line], "tenders": [tender], "policy_id": "keep"}, "system:shop"),
        ("RecordDelivery", {"order_id": "O-NEW", "delivery_id": "D1", "lines": units}, "carrier:UPS"),
        ("RequestReturn", {"rma_id": str(UUID(int=999)), "order_id": "O-NEW", "lines": wanted}, "customer:C-9"),
    ):
        counter.accepted(name, data, actor=actor, at=AFTERWARDS)


def test_workers_go_on_where_the_old_ones_stopped(old: Pipeline, tmp_path: Path) -> None:
    """Payouts that were open are settled under their keys, those settled are not asked again, deadlines pass."""
    rebuild_all(old.settings)
    then, passed_then = old_payouts(old), statuses_of_deadlines(old)
    with GatewayServer(tmp_path / "book.sqlite") as gateway, going_on(old, gateway) as counter:
        return_something(counter)
        waiting = {"requested", "unknown"}
        wait_for(lambda: not waiting & old_payouts(old).keys(), "every payout to be settled")
        wait_for(lambda: "open" not in statuses_to_fire(old), "deadlines to pass")
        asked = [(entry.idempotency_key, entry.outcome) for entry in gateway.payouts.entries()]
    assert {"requested", "unknown", "settled"} <= then.keys()
    [new] = {key for key, _ in asked} - then["requested"] - then["unknown"]
    assert sorted(asked) == sorted((key, "settled") for key in (*then["requested"], *then["unknown"], new))
    assert statuses_of_deadlines(old).keys() >= passed_then.keys()
    assert assert_log_is_whole(old) > EVENTS
    old.relay_all()
    assert_rebuilt_is_the_same(old, assert_topic_tells_the_log(old))


def statuses_of_deadlines(pipeline: Pipeline) -> dict[UUID, str]:
    return {row["deadline_id"]: row["status"] for row in rows_of_views(pipeline.settings)["deadlines"]}


def statuses_to_fire(pipeline: Pipeline) -> set[str]:
    """Return where the deadlines stand that were to come when the old system stopped."""
    query = "SELECT deadline_id FROM rma_deadlines.deadlines WHERE NOT overdue AND due_at < %s"
    known = {row[0] for row in pipeline.log.connection.execute(query, [AFTERWARDS])}
    return {status for deadline, status in statuses_of_deadlines(pipeline).items() if deadline in known}


def changed(table: str, byte: bytes) -> str:
    """Return the old database's script with one byte of a table's stored JSON turned into another."""
    script = database_script()
    begins = script.index(f"INSERT INTO {table} VALUES")
    at = script.index(byte.hex(), begins)
    other = bytes([*byte[:-1], byte[-1] ^ 1]).hex()
    return script[:at] + other + script[at + len(other) :]


@pytest.mark.parametrize("body", [b'"quantity":9', b'"kind":"gift_card'])
def test_one_changed_byte_of_an_event_breaks_the_chain(settings: Settings, body: bytes) -> None:
    """What the tests above rest on finds the least change: no event can be changed without its being seen."""
    restore(settings, changed("rma_log.events", body))

    with _initialised(settings) as pipeline, pytest.raises(AssertionError, match="hash"):
        assert_log_is_whole(pipeline)


def test_one_changed_byte_of_an_answer_is_found(settings: Settings) -> None:
    """A stored answer that differs in one byte from what was published is not what the sender heard first."""
    restore(settings, changed("rma_log.outcomes", b'"status":"accepte'))

    with _initialised(settings) as pipeline, pytest.raises(AssertionError, match="c-0"):
        assert_repeats_get_their_answers(pipeline)


def test_one_changed_cent_of_a_read_model_is_found(settings: Settings) -> None:
    """A rebuild is held against every row that was there: a cent more in one of them, and they differ."""
    restore(settings)
    assert settings.postgres_dsn is not None
    with psycopg.connect(settings.postgres_dsn.get_secret_value()) as connection:
        connection.execute(
            "UPDATE refund_ledger_v4.ledger_entries SET amount_minor = amount_minor + 1 WHERE entry_no = 1"
        )
    initialise(settings)
    before = rows_of_views(settings)
    rebuild(settings, "refund_ledger", lambda _read, _all: None)

    with pytest.raises(AssertionError, match="ledger_entries"):
        assert_views_tell_the_same({"ledger_entries": before["ledger_entries"]}, rows_of_views(settings))

"""A customer's texts, sent in every field of every command that takes one, through the whole system."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest

from infra.kafka.command_client import key_of
from infra.log.queries import last_position
from infra.sealing.master_keys import read_master_keys
from infra.sealing.openings import Looking
from projections.read_models import PROJECTIONS
from tests.support.audited import sign_all
from tests.support.canaries import COMMANDS, MARK, story
from tests.support.command_line import invoke
from tests.support.command_worker import events
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways.case import AT, SOLD, Step
from tests.support.pipeline import Pipeline, Polled, answer, command, environment, headers
from workers.cli.exit_codes import DONE
from workers.labels.table import LabelTable
from workers.notices.table import NoticeTable
from workers.operating.privacy import erase_letters, export_of
from workers.projector.projector import prepare
from workers.webhooks import subscriptions
from workers.webhooks.table import WebhookTable

TABLES: Final = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
OF_NOBODY: Final = ("RecordPayoutOutcome", "RecordUnknownParcel", "ResolveDifference")
"""The reason of a payout that went through is recorded nowhere; the others' texts are of a parcel and of books, under
keys of their own."""
LETTER: Final = "a Canary typed this where nothing can be typed"
INBOXES: Final = (WebhookTable(), NoticeTable(AT), LabelTable())
"""What workers keep that tell others: of what waits to be told, too."""
WAITING: Final = ("rma_webhooks.deliveries", "rma_notices.messages", "rma_labels.returns")
LOOKING: Final = Looking("operator:test", "a test")


@pytest.fixture
def system(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The command line works on it."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    return pipeline


def record(step: Step, command_id: str, at: Any) -> Polled:
    name, body = step
    key = key_of(body)
    attributes = {"id": command_id, "actor": actor_of(name), "time": at.isoformat()}
    return command(name, body, key=None if key is None else key.encode(), **attributes)


def subscribe(pipeline: Pipeline) -> None:
    """Let somebody want to be told of every event, of whom nobody tells him."""
    prepare(pipeline.dsn, WebhookTable())
    masters = read_master_keys(pipeline.settings)
    told = pipeline.log.connection
    assert last_position(told) == 0
    subscriptions.add(told, masters, "https://127.0.0.1:9/", ["*"], allow_private=True)


def sing(pipeline: Pipeline) -> list[str]:
    """Tell every command with its texts, each about an order of its own of the same customer; return all texts."""
    pipeline.worker().record([record(SOLD[0], "policy", AT)])
    records, texts = list[Polled](), [LETTER]
    for number, name in enumerate(COMMANDS, start=1):
        before, last, own = story(name, number)
        records += [record(step, f"{name}-{place}", AT) for place, step in enumerate(before)]
        records.append(record(last, f"{name}-last", CASES[name].at))
        texts += own
    body = orjson.dumps({"customer_id": "C-1", "nonsense": LETTER})
    records.append(Polled(body, headers("RegisterOrder", id="malformed"), key=b"O-letter"))
    pipeline.publish(records)
    pipeline.handle_all(records=len(records))
    told = pipeline.log.find_outcomes([("/shop", f"{name}-last") for name in COMMANDS])
    said = {command_id: answer(outcome.result) for (_, command_id), outcome in told.items()}
    assert {f"{name}-last" for name in COMMANDS} == said.keys()
    refused = [f"{one['type']} {one['code']}: {one['message']}" for one in said.values() if one["status"] != "accepted"]
    assert "; ".join(refused) == ""
    return texts


def show(pipeline: Pipeline, new_events: int) -> None:
    """Publish all that was recorded since, and let read models, inboxes and auditor come as far."""
    pipeline.relay_all()
    for name, projection in {**PROJECTIONS, **{inbox.name: inbox for inbox in INBOXES}}.items():
        pipeline.project(projection, records=new_events, group=name)
    for table in WAITING:
        assert pipeline.log.connection.execute(f"SELECT FROM {table} LIMIT 1".encode()).fetchall() == [()]
    sign_all(pipeline.settings)


def places(pipeline: Pipeline, texts: list[str]) -> list[str]:
    """Return where at rest a text is found: tables, and topics but that of plain commands."""
    words = [f"%{MARK}%", f"%{MARK.encode().hex()}%", *(f"%{text}%" for text in texts)]
    words += [f"%{text.encode().hex()}%" for text in texts]
    found = []
    for (table,) in pipeline.log.connection.execute(TABLES).fetchall():
        query = f"SELECT FROM {table} AS held WHERE held::text LIKE ANY(%s) LIMIT 1"
        found += [table] if pipeline.log.connection.execute(query.encode(), (words,)).fetchall() else []
    for topic in (pipeline.topics.events, pipeline.topics.results, pipeline.topics.dead):
        records = pipeline.read_topic(topic)
        held = b"\n".join((one.value or b"") + (one.key or b"") + str(one.headers).encode() for one in records)
        found += [topic] if any(text.encode() in held for text in (MARK, *texts)) else []
    return found


def proofs(pipeline: Pipeline) -> tuple[Any, ...]:
    """Return what has to be the same before and after: decisions, the ledger; and see that the log verifies."""
    verified = json.loads(invoke("audit", "verify", "--json").stdout)
    assert verified["ok"], verified
    decided = invoke("policy", "verify", "--json")
    assert decided.exit_code == DONE, decided.output
    ledger = pipeline.log.connection.execute("SELECT * FROM rma_read.ledger_entries ORDER BY 1, 2, 3").fetchall()
    return json.loads(decided.stdout) | {"seconds": 0}, ledger


def test_what_a_customer_wrote_is_nowhere_at_rest_and_gone_with_him(
    system: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever field of whatever command: no table, topic or log line holds it, and after the erasure nobody reads it.

    Among the tables are those of webhooks, notices and labels, with all that waits in them.

    The topic of commands holds plain commands for seven days; proofs, decisions and money are what they were.
    """
    subscribe(system)
    texts = sing(system)
    show(system, len(events(system)))
    logged = capsys.readouterr()

    assert places(system, texts) == []
    assert [text for text in (MARK, *texts) if text in logged.out + logged.err] == []
    before, held = proofs(system), orjson.dumps(export_of(system.settings, "C-1", LOOKING)).decode()
    lost = [text for text in texts if text not in held]
    assert len(lost) == 1 + len(OF_NOBODY), "all that is of the customer can be read by who may"

    erase = command("EraseCustomer", {"customer_id": "C-1", "reason": "request"}, key=b"C-1")
    system.worker().record([erase])
    show(system, 1)
    theirs, _ = erase_letters(system.settings, "C-1")

    assert len(theirs) == 1
    assert places(system, texts) == []
    held = orjson.dumps(export_of(system.settings, "C-1", LOOKING)).decode()
    shown = invoke("dead", "show", theirs[0], "--json").stdout
    assert [text for text in (MARK, *texts) if text in held + shown] == []
    assert proofs(system) == before

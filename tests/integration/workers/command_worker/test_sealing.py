"""What people write is sealed before it is recorded: on real Kafka and PostgreSQL, nothing at rest holds it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any, Final
from uuid import uuid4

import orjson
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from infra.log.poison import PoisonRecords
from infra.log.texts import TextReader
from infra.sealing.master_keys import VaultKeyMissingError, VaultKeyWrongError, read_master_keys
from infra.sealing.sealed_text import DataKey
from infra.sealing.vault import Vault, open_vault
from infra.sessions import connect
from infra.settings import Settings
from infra.stack.ports import LOOPBACK
from tests.support.command_worker import events, outcome, sold, wanted
from tests.support.pipeline import Pipeline, Polled, command, order
from workers.command_worker.sealing import Sealing
from workers.command_worker.worker import CommandWorker
from workers.trials.chaos.ways import UNHEARD_S, Way, ways

COMMENT = "the canary sang of a burst seam"
AWAY_S: Final = 2.0
CONTACT = {"name": "Canary Lind", "email": "canary@lind.example"}


def asked(
    rma_id: str,
    *,
    comment: str = COMMENT,
    id: str = "ask",  # noqa: A002 - as an attribute is called
    actor: str = "customer:C-1",
    **more: Any,
) -> Polled:
    line = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", "comment": comment}
    body = {"rma_id": rma_id, "order_id": "O-1", "lines": [line], **more}
    return command("RequestReturn", body, actor=actor, time="2026-03-03T10:00:00Z", id=id)


@pytest.fixture
def worker(pipeline: Pipeline) -> CommandWorker:
    worker = pipeline.worker()
    sold(worker)
    return worker


def test_a_comment_is_nowhere_at_rest_but_in_the_command(pipeline: Pipeline) -> None:
    """From the topic of commands through worker and relay to the topic of events; whoever has the key reads it."""
    sold(pipeline.worker())
    pipeline.publish([asked(str(uuid4()), contact=CONTACT)])
    pipeline.handle_all(records=1)
    pipeline.relay_all()

    records = pipeline.read_topic(pipeline.topics.events) + pipeline.read_topic(pipeline.topics.results)
    assert not any(b"anary" in record.value for record in records)
    assert not holds(pipeline, "anary")
    [requested] = [event for event in events(pipeline) if event.type == "rma.Rma.Requested.v1"]
    [published] = [record for record in records if dict(record.headers).get("ce_sealedkeyid")]
    assert dict(published.headers)["ce_sealedkeyid"].decode() == requested.sealed_key_id
    opened = TextReader(pipeline.log, pipeline.open_vault()).of_events([requested])
    assert sorted(map(str, opened.values())) == sorted([COMMENT, orjson.dumps(CONTACT).decode()])


def test_what_is_told_again_is_known_by_a_worker_that_loads_it(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Under another id, after a restart: same content no news, another comment another return."""
    rma_id = str(uuid4())
    worker.record([asked(rma_id)])
    again = pipeline.worker()
    again.record([asked(rma_id, id="again"), asked(rma_id, id="other", comment="no such seam")])

    assert outcome(pipeline, "again")["events"] == []
    assert outcome(pipeline, "other")["code"] == "return_exists"


def test_a_correction_seals_anew_what_it_copies(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The comment that stays is copied into the correction, under the place that it has there."""
    rma_id = str(uuid4())
    worker.record([asked(rma_id)])
    body = {"rma_id": rma_id, "order_id": "O-1", "line": 1, "wish": "store_credit"}
    pipeline.worker().record([command("CorrectRequest", body, actor="customer:C-1", time="2026-03-03T11:00:00Z")])

    [corrected] = [event for event in events(pipeline) if event.type == "rma.Rma.RequestCorrected.v1"]
    assert list(TextReader(pipeline.log, pipeline.open_vault()).of_events([corrected]).values()) == [COMMENT]


def test_a_key_that_is_gone_is_never_named(pipeline: Pipeline, worker: CommandWorker) -> None:
    """A worker that has a destroyed key in memory seals under a new one, in the same try."""
    first, second = str(uuid4()), str(uuid4())
    worker.record([asked(first)])
    with connect(pipeline.dsn) as connection:
        connection.execute("DELETE FROM rma_vault.keys")
    worker.record([asked(second, id="later", comment="another canary")])

    keys = [event.sealed_key_id for event in events(pipeline) if event.type == "rma.Rma.Requested.v1"]
    with connect(pipeline.dsn) as connection:
        assert connection.execute("SELECT key_id::text FROM rma_vault.keys").fetchall() == [(keys[1],)]


def test_two_workers_make_one_key_for_a_customer(pipeline: Pipeline) -> None:
    """Whoever comes second finds the key of the first, however sure it was that there was none."""
    sold(pipeline.worker())
    workers = [pipeline.worker() for _ in range(2)]
    for number, worker in enumerate(workers):
        body = order(f"O-{number + 7}", contact=CONTACT)
        worker.record([command("RegisterOrder", body, id=f"o-{number}", key=f"O-{number + 7}".encode())])

    keys = {event.sealed_key_id for event in events(pipeline) if event.sealed_key_id}
    assert len(keys) == 1


class CountedVault(Vault):
    """A vault that counts how often keys are looked up."""

    looked = 0

    def find(self, key_ids: Iterable[str], persons: Iterable[str] = ()) -> list[DataKey]:
        self.looked += 1
        return super().find(key_ids, persons)


def test_new_customers_cost_no_query_each(pipeline: Pipeline) -> None:
    """All keys of a batch are looked up at once, those that are not there yet among them."""
    sold(pipeline.worker())
    with closing(CountedVault(pipeline.dsn, read_master_keys(pipeline.settings))) as vault:
        log = pipeline.open_log()
        worker = CommandWorker(log, pipeline.codec, pipeline.topics, PoisonRecords(log), sealing=Sealing(vault))
        bodies = [order(f"O-{number + 7}", customer_id=f"C-{number + 7}", contact=CONTACT) for number in range(20)]
        worker.record([
            command("RegisterOrder", body, id=f"o-{body['order_id']}", key=body["order_id"].encode()) for body in bodies
        ])  # fmt: skip

    assert vault.looked <= 2
    with connect(pipeline.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM rma_vault.keys").fetchall() == [(20,)]


def test_without_its_master_key_the_vault_stays_shut(settings: Settings, pipeline: Pipeline, tmp_path: Path) -> None:
    """No key, and another key, are told apart; with a new key above the old one it opens."""
    sold(pipeline.worker())
    none = settings.model_copy(update={"vault_key": None, "vault_key_file": tmp_path / "none"})
    with pytest.raises(VaultKeyMissingError):
        open_vault(none)
    new = "A" * 43 + "="
    with pytest.raises(VaultKeyWrongError):
        open_vault(settings.model_copy(update={"vault_key": SecretStr(new)}))
    assert settings.vault_key is not None
    both = SecretStr(f"{new}\n{settings.vault_key.get_secret_value()}")
    open_vault(settings.model_copy(update={"vault_key": both})).close()


def test_while_the_vault_is_away_nothing_is_decided_and_no_plain_text_written(pipeline: Pipeline) -> None:
    """Cut off as somebody writes: his command waits, whole, and is decided once the vault is back."""
    port = int(conninfo_to_dict(pipeline.dsn)["port"] or 0)
    with ways() as opened:
        way = opened.to(port)
        cut_off = pipeline.settings.model_copy(
            update={"vault_dsn": SecretStr(make_conninfo(pipeline.dsn, host=LOOPBACK, port=way.port))}
        )
        with closing(open_vault(cut_off)) as vault:
            worker = CommandWorker(
                pipeline.open_log(),
                pipeline.codec,
                pipeline.topics,
                PoisonRecords(pipeline.log),
                sealing=Sealing(vault),
            )
            sold(worker)
            before = events(pipeline)
            away = Thread(target=opened.block, args=(way, Way.drop, AWAY_S))
            away.start()
            time.sleep(2 * UNHEARD_S)  # every connection is broken by then
            told = asked(str(uuid4()), contact=CONTACT)
            with pytest.raises(psycopg.OperationalError):
                worker.record([told])

            assert events(pipeline) == before
            assert not holds(pipeline, "anary")
            away.join()
            worker.record([told])

    assert outcome(pipeline, "ask")["status"] == "accepted"
    assert not holds(pipeline, "anary")


def test_only_who_has_the_role_sees_keys(pipeline: Pipeline) -> None:
    """Whoever reads the views cannot see the vault."""
    with closing(connect(pipeline.dsn)) as connection:
        connection.execute("SET ROLE rma_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM rma_vault.keys")


def test_a_customer_without_texts_has_no_key(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Nothing is sealed, and no event names a key."""
    worker.record([wanted(1)])

    assert {event.sealed_key_id for event in events(pipeline)} == {None}
    assert pipeline.log.connection.execute("SELECT count(*) FROM rma_vault.keys").fetchall() == [(0,)]


def holds(pipeline: Pipeline, text: str) -> list[str]:
    """Return the tables that hold a text anywhere."""
    connection = pipeline.log.connection
    tables = connection.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE 'rma%'"
    ).fetchall()
    return [
        table
        for (table,) in tables
        if connection.execute(
            f"SELECT 1 FROM {table} AS r WHERE r::text LIKE %s OR r::text LIKE %s LIMIT 1",
            (f"%{text}%", f"%{text.encode().hex()}%"),
        ).fetchall()
    ]

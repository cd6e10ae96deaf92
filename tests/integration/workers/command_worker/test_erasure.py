"""A customer is forgotten: his texts are gone from everywhere at rest, and every proof and figure stays."""

from __future__ import annotations

from contextlib import closing
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pydantic import SecretStr

from infra.sealing.master_keys import VaultKeyWrongError
from infra.sealing.openings import Looked, Looking, openings
from infra.sealing.vault import open_vault, opened_register
from infra.sessions import connect
from infra.settings import Settings
from projections.read_models import projection_named
from tests.integration.workers.command_worker.test_sealing import COMMENT, CONTACT, asked, holds
from tests.support.command_worker import events, outcome, sold
from tests.support.pipeline import Pipeline, Polled, command, order
from workers.command_worker.sealing import destroy_again
from workers.command_worker.worker import CommandWorker
from workers.operating.initialising import initialise
from workers.operating.privacy import export_of, held_of
from workers.operating.shown_texts import shown_texts

LOOKING = Looking("operator:test", "a test")


def erase(customer_id: str = "C-1", **attributes: Any) -> Any:
    body = {"customer_id": customer_id, "reason": "request"}
    return command("EraseCustomer", body, key=customer_id.encode(), actor="system:privacy", **attributes)


@pytest.fixture
def worker(pipeline: Pipeline) -> CommandWorker:
    worker = pipeline.worker()
    sold(worker)
    return worker


def keys(pipeline: Pipeline) -> list[str]:
    return [str(key) for (key,) in pipeline.log.connection.execute("SELECT key_id FROM rma_vault.keys").fetchall()]


def test_an_erasure_destroys_the_key_and_changes_no_event(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The event names the key; every event before is what it was; a repeat says nothing new."""
    worker.record([asked(str(uuid4()), contact=CONTACT)])
    before, [key] = events(pipeline), keys(pipeline)
    worker.record([erase(id="e-1"), erase(id="e-2")])

    assert events(pipeline)[: len(before)] == before
    [erased] = events(pipeline)[len(before) :]
    assert (erased.stream, orjson.loads(erased.body)["keys"]) == ("customer/C-1", [key])
    assert keys(pipeline) == []
    assert (outcome(pipeline, "e-2")["status"], outcome(pipeline, "e-2")["events"]) == ("accepted", [])


def test_the_return_goes_on_after_it(pipeline: Pipeline, worker: CommandWorker) -> None:
    """In the same batch, and by a worker that had everything in memory: what comes later has a key of its own, and what
    was erased is copied nowhere.
    """
    rma_id = str(uuid4())
    worker.record([asked(rma_id)])
    about = {"rma_id": rma_id, "order_id": "O-1", "line": 1}

    def correct(command_id: str, **changes: str) -> Polled:
        at = "2026-03-03T11:00:00Z"
        return command("CorrectRequest", {**about, **changes}, id=command_id, actor="customer:C-1", time=at)

    copied, later = correct("copied", wish="store_credit"), correct("later", comment="written later")
    told_again = asked(rma_id, id="told-again")
    worker.record([erase(), copied, later, told_again])

    first, second = [event for event in events(pipeline) if event.type == "rma.Rma.RequestCorrected.v1"]
    assert (orjson.loads(first.body)["comment"], first.sealed_key_id) == (None, None)
    assert [second.sealed_key_id] == keys(pipeline)
    assert outcome(pipeline, "told-again")["events"] == [], "known by what of it is plain"


def test_a_worker_that_has_the_key_in_memory_seals_under_another(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Erased by one worker, written to by the other: no event names a key that was gone before it."""
    rma_id = str(uuid4())
    worker.record([asked(rma_id)])
    pipeline.worker().record([erase()])
    body = {"rma_id": rma_id, "order_id": "O-1", "line": 1, "wish": "store_credit"}
    worker.record([command("CorrectRequest", body, actor="customer:C-1", time="2026-03-03T11:00:00Z")])
    worker.record([asked(str(uuid4()), id="next", comment="something new")])

    assert not any(
        event.sealed_key_id in orjson.loads(erased.body)["keys"]
        for erased in events(pipeline)
        if erased.stream == "customer/C-1"
        for event in events(pipeline)[erased.position :]
    )


def test_two_erasures_at_once_are_one(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Whoever comes second finds nothing left to destroy."""
    worker.record([asked(str(uuid4()))])
    workers, both = [pipeline.worker(), pipeline.worker()], Barrier(2)

    def run(number: int) -> None:
        both.wait()
        workers[number].record([erase(id=f"e-{number}")])

    threads = [Thread(target=run, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([event for event in events(pipeline) if event.stream == "customer/C-1"]) == 1
    assert {outcome(pipeline, f"e-{number}")["status"] for number in (0, 1)} == {"accepted"}


def test_a_key_that_a_backup_brings_back_is_destroyed_again(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The log says which keys are gone; others stay."""
    worker.record([asked(str(uuid4())), command("RegisterOrder", order("O-9", customer_id="C-9", contact=CONTACT))])
    with connect(pipeline.dsn) as connection:
        connection.execute("CREATE TABLE backup AS SELECT * FROM rma_vault.keys")
        worker.record([erase()])
        connection.execute("INSERT INTO rma_vault.keys SELECT * FROM backup ON CONFLICT DO NOTHING")
    with closing(open_vault(pipeline.settings)) as vault:
        destroy_again(pipeline.log.connection, vault)
    assert len(keys(pipeline)) == 1
    with connect(pipeline.dsn) as connection:
        connection.execute("INSERT INTO rma_vault.keys SELECT * FROM backup ON CONFLICT DO NOTHING")
        connection.execute("DROP TABLE backup")
    initialise(pipeline.settings)

    assert len(keys(pipeline)) == 1, "by rma init, too"


def test_all_that_is_held_is_exported_and_afterwards_nothing(
    settings: Settings, pipeline: Pipeline, worker: CommandWorker
) -> None:
    """Texts as they were written, and what is open; after the erasure each text is null and named as erased."""
    pipeline.publish([asked(str(uuid4()), contact=CONTACT)])
    pipeline.handle_all(records=1)
    pipeline.relay_all()
    for name in ("tracking", "refund_ledger"):
        pipeline.project(projection_named(name), records=len(events(pipeline)), group=name)

    held, told = held_of(settings, "C-1"), export_of(settings, "C-1", LOOKING)
    assert [one["status"] for one in held.open_returns] == ["authorized"]
    assert held.plain_since is not None
    [requested] = [one for one in told["events"] if one["type"] == "rma.Rma.Requested.v1"]
    assert (requested["data"]["contact"], requested["data"]["lines"][0]["comment"]) == (CONTACT, COMMENT)

    streams = (requested["stream"],)
    assert COMMENT in shown_texts(settings, streams, "a test").values()
    blind = settings.model_copy(update={"vault_key": None, "vault_key_file": None})
    assert set(shown_texts(blind, streams, "a test").values()) == {"(sealed)"}

    worker.record([erase()])
    pipeline.relay_all()
    pipeline.project(projection_named("tracking"), records=1, group="tracking")
    assert set(shown_texts(settings, streams, "a test").values()) == {"(erased)"}
    told = export_of(settings, "C-1", LOOKING)
    [requested] = [one for one in told["events"] if one["type"] == "rma.Rma.Requested.v1"]
    assert requested["erased"] == ["contact", "lines[0].comment"]
    assert requested["data"]["contact"] is None
    assert "anary" not in str(told)


def test_an_export_is_on_record_and_shows_nothing_of_another(
    settings: Settings, pipeline: Pipeline, worker: CommandWorker
) -> None:
    """Who gave an article is not told what its recipient wrote, and each export says what of whom was seen."""
    gift = asked(str(uuid4()), contact=CONTACT, gift=True, recipient_id="C-2", actor="customer:C-2")
    worker.record([command("CorrectContact", {"order_id": "O-1", "contact": {"name": "Giver"}}, id="k"), gift])
    pipeline.relay_all()
    for name in ("tracking", "refund_ledger"):
        pipeline.project(projection_named(name), records=len(events(pipeline)), group=name)

    giver, recipient = (export_of(settings, customer_id, LOOKING) for customer_id in ("C-1", "C-2"))
    [of_giver] = [one for one in giver["events"] if one["type"] == "rma.Rma.Requested.v1"]
    assert (of_giver["data"]["contact"], of_giver["sealed"]) == (None, ["contact", "lines[0].comment"])
    assert "anary" not in str(giver)
    [of_recipient] = [one for one in recipient["events"] if one["type"] == "rma.Rma.Requested.v1"]
    assert of_recipient["data"]["contact"] == CONTACT

    with closing(opened_register(settings)) as connection:
        on_record = [(row.actor, row.person, row.stream, row.fields) for row in openings(connection, Looked())]
    assert on_record == [
        ("operator:test", "customer/C-1", "order/O-1", ["ContactCorrected.contact"]),
        ("operator:test", "customer/C-2", of_giver["stream"], ["Requested.contact", "Requested.lines[0].comment"]),
    ]


def test_the_canary_is_gone(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Neither before nor after is a text anywhere in a table, and the key with which to read it is gone."""
    worker.record([asked(str(uuid4()), contact=CONTACT)])
    assert not holds(pipeline, "anary")
    worker.record([erase()])
    assert not holds(pipeline, "anary")


def test_keys_are_wrapped_by_a_new_master_key(settings: Settings, pipeline: Pipeline, worker: CommandWorker) -> None:
    """With the new one above the old one keys turn; then the new one alone opens, and the old one alone does not."""
    worker.record([asked(str(uuid4()))])
    assert settings.vault_key is not None
    old, new = settings.vault_key.get_secret_value(), "A" * 43 + "="

    def under(keys: str) -> Settings:
        return settings.model_copy(update={"vault_key": SecretStr(keys)})

    with closing(open_vault(under(f"{new}\n{old}"))) as vault:
        assert vault.rotate() == 2, "that of the customer, and that of fingerprints"
    [requested] = [event for event in events(pipeline) if event.type == "rma.Rma.Requested.v1"]
    assert COMMENT in shown_texts(under(new), (requested.stream,), "a test").values()
    with pytest.raises(VaultKeyWrongError):
        open_vault(under(old))

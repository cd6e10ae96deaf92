"""What is kept of a command to know its repeat tells nobody what it said, and holds for ever."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import uuid4

import orjson
from pydantic import SecretStr

from infra.sealing.vault import open_vault
from infra.settings import Settings
from tests.integration.workers.command_worker.test_erasure import erase
from tests.integration.workers.command_worker.test_sealing import asked
from tests.support.command_worker import answers, events, outcome, sold
from tests.support.pipeline import Pipeline
from workers.command_worker.intake import ParsedCommand, digest, take_in

KEPT = "SELECT fingerprint FROM rma_log.outcomes WHERE command_id = 'ask'"


def kept(pipeline: Pipeline) -> bytes:
    [(fingerprint,)] = pipeline.log.connection.execute(KEPT).fetchall()
    return bytes(fingerprint)


def digest_of(polled: Any) -> bytes:
    taken = take_in(polled, "dead")
    assert isinstance(taken, ParsedCommand)
    return taken.digest


def test_a_comment_cannot_be_guessed_from_what_is_kept(pipeline: Pipeline) -> None:
    """Whoever reads the log and tries every short comment finds none that fits: he lacks the key."""
    worker, ask = pipeline.worker(), asked(str(uuid4()), comment="too tight")
    sold(worker)
    worker.record([ask])

    assert len(kept(pipeline)) == 32
    assert kept(pipeline) != digest_of(ask) == digest("rma.RequestReturn.v1", orjson.loads(ask.value or b""))


def test_a_repeat_is_known_by_another_worker_and_under_a_new_master_key(settings: Settings, pipeline: Pipeline) -> None:
    """The key of fingerprints stays what it is: so does the first answer, also once the customer is erased."""
    ask = asked(str(uuid4()))
    worker = pipeline.worker()
    sold(worker)
    worker.record([ask])
    assert settings.vault_key is not None
    masters, found = ["A" * 43 + "=", settings.vault_key.get_secret_value()], set()
    for order in (masters, masters[::-1]):  # to the new master key, and back to the one that other workers have
        both = SecretStr("\n".join(order))
        with closing(open_vault(settings.model_copy(update={"vault_key": both}))) as vault:
            found.add(vault.fingerprint_key())
            assert vault.rotate() == 2
            found.add(vault.fingerprint_key())
    assert len(found) == 1
    worker.record([erase()])
    count, other = len(events(pipeline)), pipeline.worker()
    other.record([ask])

    assert len(events(pipeline)) == count
    assert answers(pipeline)[-1] == answers(pipeline)[3]


def test_what_an_earlier_version_kept_still_names_its_command(pipeline: Pipeline) -> None:
    """A plain SHA-256 stays as it is: the chain over all answers holds it."""
    ask = asked(str(uuid4()))
    worker = pipeline.worker()
    sold(worker)
    worker.record([ask])
    pipeline.log.connection.execute("SET session_replication_role = replica")  # answers are never changed
    pipeline.log.connection.execute(
        "UPDATE rma_log.outcomes SET fingerprint = %s WHERE command_id = 'ask'", (digest_of(ask),)
    )
    pipeline.worker().record([ask, asked(str(uuid4()), comment="another command")])

    first, again, other = answers(pipeline)[-3:]
    assert first == again
    assert orjson.loads(other)["code"] == "command_id_reused"
    assert outcome(pipeline, "ask")["status"] == "accepted"


def test_all_workers_make_fingerprints_under_one_key(pipeline: Pipeline) -> None:
    """Whoever comes second finds the key of the first."""
    with closing(open_vault(pipeline.settings)) as one, closing(open_vault(pipeline.settings)) as other:
        assert one.fingerprint_key() == other.fingerprint_key()

"""Dead letters are sealed: who may not see them sees where they came from, and an erasure reaches a customer's."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import orjson
import pytest

from infra.sealing.openings import Looked, openings
from infra.sealing.vault import open_vault, opened_register
from projections.read_models import projection_named
from tests.integration.workers.command_worker.test_sealing import holds
from tests.support.command_line import invoke
from tests.support.command_worker import events, sold
from tests.support.pipeline import Pipeline, Polled, environment, headers
from workers.cli.exit_codes import DONE
from workers.operating.dead_letters import DeadLetters, SealedDeadLetterError
from workers.operating.initialising import initialise
from workers.operating.privacy import erase_letters

CANARY = "the canary typed this into the wrong field"


def broken(command_id: str, key: bytes | None = b"O-7", **body: Any) -> Polled:
    """Return a record that cannot be read, with a text in it."""
    return Polled(orjson.dumps({"nonsense": CANARY, **body}), headers("RegisterOrder", id=command_id), key=key)


RECORDS = {
    "the order by its key": broken("c-0", b"O-1"),
    "the order in its body": broken("c-1", order_id="O-1"),
    "the customer in its body": broken("c-2", customer_id="C-1"),
    "the customer in a header": Polled(b"{}", [*headers("RequestReturn", id="c-3", actor="customer:C-1")], key=b"x"),
    "another customer's": broken("c-4", customer_id="C-10", order_id="O-10"),
    "nobody's": Polled(b"{not json " + CANARY.encode(), [], key=None),
}


@pytest.fixture
def dead(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The ids of the letters, by what they name; customer C-1 has order O-1."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    initialise(pipeline.settings)
    sold(pipeline.worker())
    pipeline.publish([*RECORDS.values()])
    pipeline.handle_all(records=len(RECORDS))
    pipeline.relay_all()
    pipeline.project(projection_named("refund_ledger"), records=len(events(pipeline)), group="refund_ledger")
    with closing(DeadLetters(pipeline.settings)) as letters:
        found = {(letter.key, letter.value): letter.letter_id for letter in letters.newest(100)}
    return {name: found[record.key, record.value] for name, record in RECORDS.items()}


def test_a_letter_is_nowhere_plain_and_who_opens_it_is_on_record(pipeline: Pipeline, dead: dict[str, str]) -> None:
    """Neither on its topic nor in the database; a list does not open it, `rma dead show` does."""
    records = pipeline.read_topic(pipeline.topics.dead)
    assert not any(b"canary" in (record.value or b"") + str(record.headers).encode() for record in records)
    assert not holds(pipeline, "canary")
    assert "canary" not in invoke("dead", "list", "--json").stdout
    nobody = dead["nobody's"]

    assert "canary" in json.loads(invoke("dead", "show", nobody, "--json").stdout)["value"]
    with closing(opened_register(pipeline.settings)) as connection:
        looked = list(openings(connection, Looked()))
    assert [(one.why, one.stream) for one in looked] == [("rma dead show", f"{pipeline.topics.dead}/{nobody}")]


def test_without_the_master_key_letters_stay_shut(pipeline: Pipeline, dead: dict[str, str]) -> None:
    """They are counted and listed with what is wrong with them; they cannot be sent again from here."""
    blind = pipeline.settings.model_copy(update={"vault_key": None, "vault_key_file": None})
    with closing(DeadLetters(blind)) as letters:
        found = letters.newest(100)
        assert {letter.mark for letter in found} == {"(sealed)"}
        assert all(letter.faults for letter in found)
        with pytest.raises(SealedDeadLetterError, match="sealed"):
            letters.redrive(found, actor="agent:ann")
    assert len(pipeline.read_topic(pipeline.topics.commands)) == len(RECORDS)


def test_an_erasure_reaches_the_letters_that_name_the_customer(pipeline: Pipeline, dead: dict[str, str]) -> None:
    """By key, body or header, him or his order, as a word of its own; nobody's are named, to be looked at."""
    theirs, nobodys = erase_letters(pipeline.settings, "C-1")

    mine = ["the order by its key", "the order in its body", "the customer in its body", "the customer in a header"]
    assert sorted(theirs) == sorted(dead[name] for name in mine)
    assert nobodys == [dead["nobody's"]]
    with closing(DeadLetters(pipeline.settings)) as letters:
        marks = {letter.letter_id: letter.mark for letter in letters.newest(100)}
        with pytest.raises(SealedDeadLetterError, match="erased"):
            letters.redrive([letters.one(theirs[0])], actor="agent:ann")
    assert marks == {letter_id: "(erased)" if letter_id in theirs else None for letter_id in dead.values()}
    assert erase_letters(pipeline.settings, "C-1")[0] == []


def test_one_letter_is_made_unreadable_by_itself(pipeline: Pipeline, dead: dict[str, str]) -> None:
    """Dropped for a reason that is kept, and nobody reads it any more."""
    told = invoke("dead", "drop", dead["nobody's"], "--erase", "--reason", "a customer asked", "--as", "agent:ann")

    assert told.exit_code == DONE, told.output
    shown = json.loads(invoke("dead", "show", dead["nobody's"], "--json").stdout)
    assert (shown["mark"], shown["value"], shown["action"]["reason"]) == ("(erased)", None, "a customer asked")


def test_letters_keep_their_keys_under_a_new_master_key(pipeline: Pipeline, dead: dict[str, str]) -> None:
    """`rma vault rotate` wraps them, too."""
    with closing(open_vault(pipeline.settings)) as vault:
        [(count,)] = vault.connection.execute("SELECT count(*) FROM rma_vault.letters").fetchall()
    assert count == len(RECORDS)

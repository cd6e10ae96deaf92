"""A receipt that its holder can read: one text opened beside the proof of its event, and nothing else of anybody's."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.sealing.openings import Looked, openings
from infra.sealing.vault import new_key, open_vault, opened_register
from tests.integration.workers.command_worker.test_erasure import erase
from tests.integration.workers.command_worker.test_sealing import COMMENT, CONTACT, asked
from tests.support.audited import sign_all
from tests.support.command_line import invoke
from tests.support.command_worker import events, sold
from tests.support.pipeline import Pipeline, environment
from workers.cli.exit_codes import DONE
from workers.notices.receipts import receipt_of

PATH = "lines[0].comment"


@pytest.fixture
def position(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> str:
    """The place in the log of a request with a comment and a contact, published and signed."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    worker = pipeline.worker()
    sold(worker)
    worker.record([asked(str(uuid4()), contact=CONTACT)])
    pipeline.relay_all()
    sign_all(pipeline.settings)
    [requested] = [event for event in events(pipeline) if event.type == "rma.Rma.Requested.v1"]
    return str(requested.position)


def checked(tmp_path: Path, proof: dict[str, Any]) -> tuple[int, str]:
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(proof))
    told = invoke("audit", "check", str(file))
    return told.exit_code, told.output.replace("\n", " ")


def test_one_text_is_opened_with_a_key_that_opens_no_other(pipeline: Pipeline, position: str, tmp_path: Path) -> None:
    """It is held against what was sealed, and told; a change of the text, or of the key, is found."""
    told = invoke("audit", "prove", position, "--open", PATH)
    proof = json.loads(told.stdout)
    with closing(opened_register(pipeline.settings)) as connection:
        [looked] = openings(connection, Looked())

    assert proof["opened"][PATH]["text"] == COMMENT
    assert CONTACT["email"] not in told.stdout
    assert (looked.why, looked.fields) == ("rma audit prove", [f"Requested.{PATH}"])
    code, said = checked(tmp_path, proof)
    assert (code, COMMENT in said) == (DONE, True)

    moved = {"contact": proof["opened"][PATH]}
    for changed in ({PATH: proof["opened"][PATH] | {"text": "it was fine"}}, moved, {"sku": proof["opened"][PATH]},
                    {PATH: proof["opened"][PATH] | {"key": "00" * 32}}):  # fmt: skip
        assert checked(tmp_path, proof | {"opened": changed})[0] != DONE, changed
    assert checked(tmp_path, {name: part for name, part in proof.items() if name != "opened"})[0] == DONE


def test_what_cannot_be_opened_is_said(pipeline: Pipeline, position: str) -> None:
    """A path that names no text, and a customer who was erased: the event is proven without it as before."""
    wrong = invoke("audit", "prove", position, "--open", "lines[9].comment")
    assert (wrong.exit_code != DONE, f"contact, {PATH}" in wrong.output.replace("\n", " ")) == (True, True)
    pipeline.worker().record([erase()])

    gone = invoke("audit", "prove", position, "--open", PATH)
    assert (gone.exit_code != DONE, "erased" in gone.output) == (True, True)
    assert invoke("audit", "prove", position).exit_code == DONE


def test_the_receipt_of_a_letter_is_checked_with_the_proof_of_its_record(
    pipeline: Pipeline, position: str, tmp_path: Path
) -> None:
    """It holds each text of the request; alone, or with another event's proof, or changed, it proves nothing."""
    [requested] = [event for event in events(pipeline) if event.position == int(position)]
    with closing(open_vault(pipeline.settings)) as vault:
        [key] = vault.find([requested.sealed_key_id or ""])
    receipt = json.loads(receipt_of(requested, key))
    proof = tmp_path / "proof.json"
    proof.write_text(invoke("audit", "prove", receipt["event"]["headers"]["ce_id"]).stdout)

    def check_with(told: dict[str, Any], *others: Path) -> tuple[int, str]:
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(told))
        done = invoke("audit", "check", str(file), *map(str, others))
        return done.exit_code, " ".join(done.output.split())

    assert {path: one["text"] for path, one in receipt["opened"].items()} == {PATH: COMMENT, "contact": CONTACT}
    code, said = check_with(receipt, proof)
    assert (code, COMMENT in said, CONTACT["email"] in said) == (DONE, True, True)
    code, said = check_with(receipt)
    assert (code != DONE, f"rma audit prove {receipt['event']['headers']['ce_id']}" in said) == (True, True)
    another = tmp_path / "another.json"
    another.write_text(invoke("audit", "prove", "1").stdout)
    assert check_with(receipt, another)[0] != DONE
    headers = receipt["event"]["headers"] | {"ce_time": "2026-01-01T00:00:00Z"}
    assert check_with(receipt | {"event": receipt["event"] | {"headers": headers}}, proof)[0] != DONE
    texts = {PATH: receipt["opened"][PATH] | {"text": "it was fine"}}
    assert check_with(receipt | {"opened": texts}, proof)[0] != DONE


def test_a_receipt_has_no_text_that_another_key_sealed(pipeline: Pipeline, position: str) -> None:
    """The letter goes out all the same: of somebody who came back after he was forgotten, it holds the sealed texts."""
    [requested] = [event for event in events(pipeline) if event.position == int(position)]

    for key in (None, new_key("customer/C-1")):
        told = json.loads(receipt_of(requested, key))
        assert (told["event"]["headers"]["ce_id"], told["opened"]) == (str(requested.event_id), {})

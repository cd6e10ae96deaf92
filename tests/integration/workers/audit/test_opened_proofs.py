"""A receipt that its holder can read: one text opened beside the proof of its event, and nothing else of anybody's."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.sealing.openings import Looked, openings
from infra.sealing.vault import opened_register
from tests.integration.workers.command_worker.test_erasure import erase
from tests.integration.workers.command_worker.test_sealing import COMMENT, CONTACT, asked
from tests.support.audited import sign_all
from tests.support.command_line import invoke
from tests.support.command_worker import events, sold
from tests.support.pipeline import Pipeline, environment
from workers.cli.exit_codes import DONE

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

"""`rma audit` as an auditor uses it: what is printed, what is written, and how it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from infra.proofs.signed_note import SigningKey
from tests.support.audited import audited, key_of
from tests.support.command_line import invoke
from tests.support.decided_log import decide_some
from tests.support.pipeline import Pipeline, environment
from workers.cli.exit_codes import DONE, SAID_NO, WRONG_USAGE


@pytest.fixture
def system(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A log that was signed three times; the command line works on it."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    nothing = invoke("audit", "checkpoint")
    assert (nothing.exit_code, "nothing is signed yet" in nothing.stderr) == (SAID_NO, True)
    audited(pipeline)
    return pipeline


def asked(*arguments: str) -> Any:
    result = invoke("audit", *arguments)
    assert result.exit_code == DONE, result.output
    return json.loads(result.stdout)


def refused(result: Result, code: int, why: str) -> None:
    assert (result.exit_code, why in result.stderr) == (code, True), result.output
    assert "Traceback" not in result.output


def test_an_auditor_checks_everything_at_home(
    system: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key and checkpoint are kept; proofs are asked for later and checked without the system."""
    key, kept = tmp_path / "kept.key", tmp_path / "kept.note"
    key.write_text(invoke("audit", "key").stdout)
    kept.write_text(invoke("audit", "checkpoint").stdout)
    [period] = asked("key", "--all", "--json")
    assert period["verifier_key"] == key.read_text().strip() == str(key_of(system.settings)[0].verifier)
    audited(system, orders=8, parts=1)

    receipt, grown = tmp_path / "receipt.json", tmp_path / "grown.json"
    assert invoke("audit", "prove", "7", "--out", str(receipt)).exit_code == DONE
    assert asked("prove", json.loads(receipt.read_text())["event"]["headers"]["ce_id"]) == json.loads(
        receipt.read_text()
    )
    assert invoke("audit", "consistency", str(kept), "--out", str(grown)).exit_code == DONE
    for part in ((), ("--log",), ("--topic",), ("--checkpoints",), ("--from", "5")):
        result = invoke("audit", "verify", *part)
        assert (result.exit_code, "all is as it was" in result.stdout) == (DONE, True), result.output
    assert asked("verify", "--json", "--key", str(key))["ok"]

    for name in environment(system.settings):
        monkeypatch.delenv(name)
    files = [str(file) for file in (receipt, grown, kept)]
    refused(invoke("audit", "check", *files), WRONG_USAGE, "a key that comes with a proof proves nothing")
    for given in (str(key), key.read_text()):
        result = invoke("audit", "check", *files, "--key", given)
        assert result.exit_code == DONE, result.output
    assert "is event 7 of the" in " ".join(result.stdout.split())
    _wrong_ones_are_refused(
        json.loads(receipt.read_text()), json.loads(grown.read_text()), key, tmp_path / "spoiled.json"
    )


def _wrong_ones_are_refused(receipt: dict[str, Any], grown: dict[str, Any], key: Path, file: Path) -> None:
    """One letter of an event, another place, another tree, another's key, a file cut short."""
    headers = {**receipt["event"]["headers"], "ce_actor": "agent:nobody"}
    foreign = SigningKey.generate(key.read_text().partition("+")[0]).verifier
    spoiled = [
        (receipt | {"event": receipt["event"] | {"headers": headers}}, str(key), SAID_NO, "do not lead to the root"),
        (receipt | {"leaf_index": 7}, str(key), SAID_NO, "do not belong together"),
        (receipt | {"inclusion": receipt["inclusion"][:-1]}, str(key), SAID_NO, "too few nodes"),
        (receipt | {"prevhash": "00" * 32}, str(key), SAID_NO, "stands there twice"),
        (receipt | {"checkpoint": grown["older"]}, str(key), SAID_NO, "do not belong together"),
        (receipt, str(foreign), SAID_NO, "the note is signed by"),
        (grown | {"to": grown["to"] + 1}, str(key), SAID_NO, "are not those of the two checkpoints"),
        (grown | {"proof": grown["proof"][::-1]}, str(key), SAID_NO, "do not lead to both roots"),
        ({"proof": 1}, str(key), WRONG_USAGE, "this is no proof"),
        (receipt | {"checkpoint": receipt["checkpoint"][:60]}, str(key), WRONG_USAGE, "this is no signed note"),
    ]
    for proof, given, code, why in spoiled:
        file.write_text(json.dumps(proof))
        refused(invoke("audit", "check", str(file), "--key", given), code, why)


def test_what_cannot_be_asked_is_said(system: Pipeline, tmp_path: Path) -> None:
    """An event that is not there, one not signed yet, a note that is none, a key that is none."""
    note = tmp_path / "no.note"
    note.write_text("no note")
    refused(invoke("audit", "prove", "999999"), SAID_NO, "the log holds no event 999999")
    refused(invoke("audit", "prove", "nonsense"), SAID_NO, "name it by its id or its position")
    refused(invoke("audit", "consistency", str(note)), WRONG_USAGE, "this is no signed note")
    refused(invoke("audit", "check", str(note), "--key", "none"), WRONG_USAGE, "no Ed25519 key")
    refused(invoke("audit", "check", str(tmp_path / "none"), "--key", str(note)), WRONG_USAGE, "")
    last = system.log.connection.execute("SELECT max(tree_size) FROM rma_audit.checkpoints").fetchall()[0][0]
    decide_some(system, 30)
    refused(invoke("audit", "prove", str(last + 1)), SAID_NO, "is in no checkpoint yet")
    assert "there is nothing to resume" in invoke("audit", "resume", "--by", "agent:ann").stdout


def test_a_fault_is_printed_with_its_place(system: Pipeline) -> None:
    """For people in a line, for programs as JSON; exit code 1."""
    with system.log.connection.transaction():
        system.log.connection.execute("SET LOCAL session_replication_role = replica")
        system.log.connection.execute("UPDATE rma_log.events SET actor = 'agent:nobody' WHERE position = 3")
    told, found = invoke("audit", "verify"), invoke("audit", "verify", "--json")

    assert (told.exit_code, found.exit_code) == (SAID_NO, SAID_NO)
    assert "event_changed at position 3: expected" in told.stdout
    report = json.loads(found.stdout)
    assert (report["ok"], report["fault"]["what"], report["fault"]["where"]) == (
        False,
        "event_changed",
        {"position": 3},
    )
    assert set(report["checked"]) == {"events", "records", "checkpoints", "outcomes"}

"""`rma work vault` opens what is asked for, for whoever says who and why, and every opening is on record."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from infra.log.event_log import EventLog
from infra.metrics import WorkerMetrics
from infra.sealing.opener import Opener, VaultAwayError
from infra.sealing.openings import Looked, Looking, Opening, openings
from infra.sealing.vault import open_vault, opened_register
from infra.settings import Settings
from tests.integration.workers.command_worker.test_erasure import erase
from tests.integration.workers.command_worker.test_sealing import COMMENT, CONTACT, asked
from tests.support.command_line import invoke
from tests.support.command_worker import events, sold
from tests.support.every_worker import vault_socket_in
from tests.support.pipeline import Pipeline, command, environment, order
from workers.cli.exit_codes import DONE, WRONG_USAGE
from workers.vault.answering import Answering
from workers.vault.worker import VaultSocketError, serving

SAID = "she called about it"
ANN = Looking("agent:ann", "the case is shown")


@pytest.fixture
def rma_id(pipeline: Pipeline) -> str:
    """A return with a comment and a contact."""
    made, worker = str(uuid4()), pipeline.worker()
    sold(worker)
    worker.record([asked(made, contact=CONTACT)])
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return vault_socket_in(tmp_path)


@pytest.fixture
def opener(pipeline: Pipeline, path: Path) -> Iterator[Opener]:
    with (
        closing(open_vault(pipeline.settings)) as vault,
        closing(EventLog(pipeline.dsn)) as log,
        serving(path, Answering(log, vault, WorkerMetrics("vault")).answer),
    ):
        yield Opener(path)


def on_record(settings: Settings, **looked: Any) -> list[Opening]:
    with closing(opened_register(settings)) as connection:
        return list(openings(connection, Looked(**looked)))


def sealed_texts(pipeline: Pipeline) -> dict[str, str]:
    """Return the sealed texts of the request: its contact and the comment of its line."""
    [requested] = [event for event in events(pipeline) if event.type == "rma.Rma.Requested.v1"]
    body = orjson.loads(requested.body)
    return {"contact": body["contact"], "comment": body["lines"][0]["comment"]}


def test_one_text_is_opened_and_its_opening_is_on_record(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """Who, why, when, whose and which; the other text of the same event stays shut."""
    comment = sealed_texts(pipeline)["comment"]

    assert opener.open(ANN, f"rma/{rma_id}", [comment]) == {comment: COMMENT}
    [row] = on_record(pipeline.settings)
    assert row[2:] == (
        "agent:ann",
        "the case is shown",
        "customer/C-1",
        f"rma/{rma_id}",
        ["Requested.lines[0].comment"],
    )


def test_what_the_stream_does_not_hold_is_not_opened(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """Neither another stream's text nor one that somebody typed; nothing of it is on record."""
    comment = sealed_texts(pipeline)["comment"]

    assert opener.open(ANN, "order/O-1", [comment]) == {}
    assert opener.open(ANN, f"rma/{uuid4()}", [comment, "sealed:v1:typed"]) == {}
    assert on_record(pipeline.settings) == []


def test_the_newest_contact_is_found_by_its_path(pipeline: Pipeline, opener: Opener) -> None:
    """What was corrected last; None where there is none."""
    worker = pipeline.worker()
    sold(worker)
    assert opener.newest(ANN, "order/O-1", "contact") is None
    later = {"name": "Canary Berg"}
    worker.record([
        command("CorrectContact", {"order_id": "O-1", "contact": CONTACT}, id="k-1"),
        command("CorrectContact", {"order_id": "O-1", "contact": later}, id="k-2"),
    ])  # fmt: skip

    assert orjson.loads(str(opener.newest(ANN, "order/O-1", "contact"))) == later
    assert [row.fields for row in on_record(pipeline.settings)] == [["ContactCorrected.contact"]]


def test_an_erased_text_is_marked_and_nobody_saw_it(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """The key is gone: nothing was opened, so nothing is on record."""
    comment = sealed_texts(pipeline)["comment"]
    pipeline.worker().record([erase()])

    assert opener.open(ANN, f"rma/{rma_id}", [comment]) == {comment: "(erased)"}
    assert on_record(pipeline.settings) == []


@pytest.mark.parametrize(
    "request_",
    [b"", b"{}", b"nonsense", b'{"actor":"agent:ann","why":"x","stream":"rma/1"}',
     b'{"actor":"","why":"x","stream":"rma/1","path":"contact"}',
     b'{"actor":"agent:ann","why":"x\\n","stream":"rma/1","path":"contact"}',
     b'{"actor":"agent:ann","why":"x","stream":"rma/1","path":"contact","texts":["a"]}'],
)  # fmt: skip
def test_what_cannot_be_read_opens_nothing(pipeline: Pipeline, opener: Opener, path: Path, request_: bytes) -> None:
    """Nobody looks without saying who and why; the vault lives on, and repeats nothing of it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(request_ + b"\n")
        assert json.loads(connection.makefile("rb").readline()) == {"error": "malformed"}

    assert opener.open(ANN, "rma/none", ["sealed:v1:x"]) == {}


def test_many_ask_at_once(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """Each is answered, and each opening is a row."""
    comment, all_of_them, told = sealed_texts(pipeline)["comment"], Barrier(20), list[object]()

    def ask(number: int) -> None:
        all_of_them.wait()
        told.append(opener.open(Looking(f"agent:a{number}", "at once"), f"rma/{rma_id}", [comment]))

    threads = [Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == [{comment: COMMENT}] * 20
    assert len({row.actor for row in on_record(pipeline.settings)}) == 20


def test_a_vault_that_is_away_is_a_clear_error(path: Path) -> None:
    with pytest.raises(VaultAwayError, match="rma work vault"):
        Opener(path).open(ANN, "rma/1", ["sealed:v1:x"])


def test_a_lost_database_is_told_and_outlived(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """Sessions that broke are opened anew; what the database cannot be asked is told, and the vault goes on."""
    comment = sealed_texts(pipeline)["comment"]
    opener.open(ANN, f"rma/{rma_id}", [comment])
    with psycopg.connect(pipeline.dsn, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert opener.open(ANN, f"rma/{rma_id}", [comment]) == {comment: COMMENT}


def test_one_vault_a_socket(path: Path) -> None:
    """A second one is refused while the first answers; what a killed one left behind is taken away, a file is not."""
    with serving(path, lambda line: line):
        assert path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(VaultSocketError, match="another vault"), serving(path, lambda line: line):
            pass
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    with serving(path, lambda line: line):
        pass
    path.write_text("mine")
    with pytest.raises(VaultSocketError, match="no socket"), serving(path, lambda line: line):
        pass
    with pytest.raises(VaultSocketError), serving(path.with_name("long" * 40), lambda line: line):
        pass


def test_the_trail_shows_who_looked(
    pipeline: Pipeline, rma_id: str, opener: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By customer, return and actor, as a table, as JSON and for a spreadsheet; `rma show` is on record, too."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    other = {"order_id": "O-2", "contact": CONTACT}
    pipeline.worker().record([
        command("RegisterOrder", order("O-2", customer_id="C-2"), id="o-2", key=b"O-2"),
        command("CorrectContact", other, id="k-2", key=b"O-2"),
    ])  # fmt: skip
    opener.newest(Looking("agent:bob", "calling back"), "order/O-2", "contact")
    opener.open(ANN, f"rma/{rma_id}", sealed_texts(pipeline).values())

    def told(*arguments: str) -> list[dict[str, Any]]:
        result = invoke("audit", "trail", "--openings", "--json", *arguments)
        assert result.exit_code == DONE, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert [one["actor"] for one in told()] == ["agent:bob", "agent:ann"]
    assert [one["why"] for one in told("--customer", "C-2")] == ["calling back"]
    assert [one["fields"] for one in told("--actor", "agent:ann")] == [
        ["Requested.contact", "Requested.lines[0].comment"]
    ]
    assert told("--until", "2020-01-01T00:00:00Z") == []
    assert "agent:bob" in invoke("audit", "trail", "--openings").stdout
    file = tmp_path / "openings.csv"
    invoke("audit", "trail", "--openings", "--csv", str(file))
    assert len(file.read_text().splitlines()) == 3
    assert invoke("audit", "trail", "--openings", "--overrides").exit_code == WRONG_USAGE


def test_what_is_on_record_is_never_changed(pipeline: Pipeline, rma_id: str, opener: Opener) -> None:
    """Not even by the vault's own role."""
    opener.open(ANN, f"rma/{rma_id}", sealed_texts(pipeline).values())
    with closing(opened_register(pipeline.settings)) as connection:
        for statement in ("UPDATE rma_vault.openings SET actor = 'x'", "DELETE FROM rma_vault.openings"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_trail_tells_why_in_peoples_words_to_who_may_see_them(
    pipeline: Pipeline, rma_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed for others; who looked is on record."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    said = {"rma_id": rma_id, "order_id": "O-1", "lines": [{"line": 1, "quantity": 1}]} | {"reason": SAID}
    pipeline.worker().record([command("WithdrawReturn", said, actor="agent:ann", time="2026-03-03T12:00:00Z")])
    shown = ("audit", "trail", "--type", "Withdrawn", "--json")

    assert json.loads(invoke(*shown).stdout)["why"] == "(sealed)"
    assert json.loads(invoke(*shown, "--open").stdout)["why"] == SAID
    [row] = on_record(pipeline.settings)
    assert (row.actor.startswith("operator:"), row.why, row.fields) == (True, "rma audit trail", ["Withdrawn.reason"])
    assert invoke("audit", "trail", "--openings", "--open").exit_code == WRONG_USAGE

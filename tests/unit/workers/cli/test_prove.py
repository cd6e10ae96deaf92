"""`rma policy prove` prints a proof, or facts that show the shortfall again when they are run."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from workers.cli import prove
from workers.cli.exit_codes import ReportingGroup

RUN = CliRunner()


def app() -> typer.Typer:
    """Return a program with the one command, below a group as in `rma`."""
    made = typer.Typer(cls=ReportingGroup)
    made.callback()(lambda: None)
    prove.register(made)
    return made


def test_a_counterexample_can_be_run(tmp_path: Path) -> None:
    """The facts printed, given back, show the same shortfall; the decision under the statutes has none."""
    file, facts = tmp_path / "policy.json", tmp_path / "facts.json"
    file.write_text('{"window": {"days": 7}, "refunds_outward_shipping": true, "refund_due": "receipt"}')
    found = RUN.invoke(app(), ["prove", str(file), "--json"])
    assert found.exit_code == 0, found.output
    proof = json.loads(found.stdout)
    assert proof["merged"]["proved"]
    short = next(one for one in proof["alone"]["shortfalls"] if one["effect"] == "refund_due")
    facts.write_text(json.dumps(short["facts"]))
    again = json.loads(RUN.invoke(app(), ["prove", str(file), "--facts", str(facts), "--json"]).stdout)
    assert again["merged"] == []
    assert ("refund_due", "first_scan", "receipt") in {
        (one["effect"], one["least"], one["found"]) for one in again["alone"]
    }


def test_the_document_alone_may_fail(tmp_path: Path) -> None:
    """With --alone a document below the law is a failure, and the table names right, effect and facts."""
    file = tmp_path / "policy.json"
    file.write_text('{"window": {"days": 7}}')
    told = RUN.invoke(app(), ["prove", str(file), "--alone"])
    assert told.exit_code == 1
    assert "decided under the statutes: never less than the statutes grant" in told.stdout
    assert "eu.withdrawal" in told.stdout
    assert '"country":"AT"' in told.stdout


def test_a_faulty_document_is_refused_with_its_path(tmp_path: Path) -> None:
    """A document that cannot be read is wrong usage, and the sentence says where."""
    file = tmp_path / "policy.json"
    file.write_text('{"window": {"days": -1}}')
    told = RUN.invoke(app(), ["prove", str(file)])
    assert told.exit_code == 2
    assert "window.days" in told.output

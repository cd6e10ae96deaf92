"""`rma policy prove` prints a proof, or facts that show the shortfall again when they are run."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from domain.policy.statutes import NEWEST
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
    """The facts printed, given back, show the same shortfall; the decision under the law has none."""
    file, facts = tmp_path / "policy.json", tmp_path / "facts.json"
    file.write_text('{"window": {"days": 7}, "refunds_outward_shipping": true, "refund_due": "receipt"}')
    found = RUN.invoke(app(), ["prove", str(file), "--json"])
    assert found.exit_code == 1, found.output
    proof = json.loads(found.stdout)
    assert (proof["proved"], proof["law_makes_good"], proof["edition"]) == (False, True, NEWEST)
    assert proof["countries"]["DE"] > 0
    short = next(one for one in proof["shortfalls"] if one["effect"] == "refund_due")
    assert short["widened"] == []
    facts.write_text(json.dumps(short["facts"]))
    ran = RUN.invoke(app(), ["prove", str(file), "--facts", str(facts), "--json"])
    again = json.loads(ran.stdout)
    assert (ran.exit_code, again["widened"]) == (1, [])
    told = {(one["effect"], one["least"], one["found"]) for one in again["alone"]}
    assert ("refund_due", "first_scan", "receipt") in told


def test_a_document_below_the_law_fails(tmp_path: Path) -> None:
    """The table names right, effect and facts, what the law makes of it, and the countries."""
    file = tmp_path / "policy.json"
    file.write_text('{"window": {"days": 7}}')
    told = RUN.invoke(app(), ["prove", str(file)])
    assert told.exit_code == 1
    for text in ("eu.withdrawal", "made good", '"country":"AT"', "the law makes good each of these", "by country:"):
        assert text in told.stdout


def test_a_sound_document_passes(tmp_path: Path) -> None:
    """Under the first edition, whose rights ask less; the edition is said."""
    file = tmp_path / "policy.json"
    file.write_text(
        json.dumps(
            {
                "window": {"days": 3_650},
                "offers": ["refund", "repair", "replacement"],
                "refunds_outward_shipping": True,
                "refund_due": "first_scan",
            }
        )
    )
    told = RUN.invoke(app(), ["prove", str(file), "--edition", "1"])
    assert told.exit_code == 0, told.output
    assert "keeps to edition 1 of the law" in told.stdout


def test_a_faulty_document_is_refused_with_its_path(tmp_path: Path) -> None:
    """A document that cannot be read is wrong usage, and the sentence says where; so is an edition there is not."""
    file = tmp_path / "policy.json"
    file.write_text('{"window": {"days": -1}}')
    told = RUN.invoke(app(), ["prove", str(file)])
    assert told.exit_code == 2
    assert "window.days" in told.output
    assert RUN.invoke(app(), ["prove", str(file), "--edition", "9"]).exit_code == 2

"""`rma statutes` tells the law without any service but for what was published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.policy.statutes import EDITIONS, edition_numbered
from workers.cli.app import app


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    result = CliRunner().invoke(app, ["statutes", *arguments])
    return result.exit_code, result.output


def test_the_rights_of_a_country() -> None:
    """All of them, or those of orders of a day."""
    code, shown = run("show", "de", "--edition", "1", "--json")
    assert (code, [right["id"] for right in json.loads(shown)]) == (
        0,
        ["eu.withdrawal", "eu.conformity.1999", "eu.conformity"],
    )
    code, shown = run("show", "DE", "--on", "2021-12-31", "--edition", "1", "--json")
    assert [right["id"] for right in json.loads(shown)] == ["eu.withdrawal", "eu.conformity.1999"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "QQ"), 1),
        (("show", "DE", "--on", "1999-01-01"), 1),
        (("show", "DE", "--on", "yesterday"), 2),
        (("show", "DE", "--edition", "99"), 2),
        (("explain", "eu.nothing"), 1),
    ],
)
def test_what_is_not_there_is_said(arguments: tuple[str, ...], code: int) -> None:
    """No law of a country, no such day, edition or right."""
    assert run(*arguments)[0] == code


def test_a_right_is_told_in_words() -> None:
    """What it grants, how long, for whom, and where it is written."""
    code, told = run("explain", "eu.conformity", "--edition", "1")
    assert code == 0
    for text in (
        "2 years from delivery",
        "repair or replacement, before any refund",
        "Directive (EU) 2019/771, art. 10(1)",
    ):
        assert text in told


@pytest.mark.parametrize(
    ("right", "edition", "told"),
    [("ar.revocation", "7", "sure    the text was read"), ("fi.conformity", "7", "sure    further sources agree;")],
)
def test_how_sure_it_is_stands_beside_a_right(right: str, edition: str, told: str) -> None:
    """Whether its text was read; the first edition did not say."""
    assert told in run("explain", right, "--edition", edition)[1]
    assert "sure  " not in run("explain", "eu.conformity", "--edition", "1")[1]


def test_an_edition_is_what_it_is() -> None:
    """Compared with itself nothing changed."""
    assert run("diff", "1", "1") == (0, "the two say the same\n")


def test_editions_are_listed_where_no_system_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the law needs no log; what was published is said not to be known."""
    for name in ("RMA_POSTGRES_DSN", "RMA_POSTGRES_DSN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RMA_DATA_DIR", str(tmp_path))
    code, shown = run("list")
    rows = [line.split() for line in shown.splitlines() if line.strip()[:1].isdigit()]
    assert (code, [" ".join(row[3:-1]) for row in rows]) == (0, ["the beginning", *["not known"] * (len(EDITIONS) - 1)])
    assert all(edition_numbered(number).hash[:16] in shown for number in EDITIONS)

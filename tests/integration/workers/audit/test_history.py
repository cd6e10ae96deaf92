"""What stood there at a moment, and who did what: off the log alone, and without a trace in what is live."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from typer.testing import Result

from projections.read_models import PROJECTIONS
from tests.support.command_line import invoke
from tests.support.decided_log import decide_some
from tests.support.pipeline import Pipeline, environment
from workers.cli.exit_codes import DONE, SAID_NO, WRONG_USAGE
from workers.operating.initialising import initialise


@pytest.fixture
def system(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Orders with returns, shown by every read model; the command line works on them."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    initialise(pipeline.settings)
    decide_some(pipeline, 7)
    pipeline.relay_all()
    [(events,)] = pipeline.log.connection.execute("SELECT count(*) FROM rma_log.events").fetchall()
    for name, projection in PROJECTIONS.items():
        pipeline.project(projection, records=events, group=name)
    return pipeline


def rows(system: Pipeline, query: str) -> list[dict[str, Any]]:
    with system.log.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def asked(*arguments: str) -> Any:
    result = invoke(*arguments)
    assert result.exit_code == DONE, result.output
    return json.loads(result.stdout)


def lines(*arguments: str) -> list[dict[str, Any]]:
    result = invoke(*arguments)
    assert result.exit_code == DONE, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def refused(result: Result, code: int, why: str) -> None:
    assert (result.exit_code, why in result.stderr) == (code, True), result.output


def test_a_return_is_shown_as_it_stood(system: Pipeline) -> None:
    """Now it is what `rma show` says; at each place in the log what was recorded up to there, and nothing since."""
    corrected = rows(
        system, "SELECT stream, position FROM rma_log.events WHERE type LIKE '%.RequestCorrected.v1' LIMIT 1"
    )
    rma_id = corrected[0]["stream"].removeprefix("rma/")
    own = rows(system, f"SELECT position, type FROM rma_log.events WHERE stream = 'rma/{rma_id}' ORDER BY version")
    shown = asked("show", rma_id, "--json")
    now = asked("audit", "replay", rma_id, "--json")

    assert {name: now[name] for name in shown} == shown
    for at, event in enumerate(own):
        stood = asked("audit", "replay", rma_id, "--position", str(event["position"]), "--json")
        assert [one["type"] for one in stood["timeline"] if one["position"] in {two["position"] for two in own}] == [
            one["type"] for one in own[: at + 1]
        ]
    assert asked("audit", "replay", rma_id, "--position", str(own[0]["position"]), "--json")["summary"]["status"] == (
        "requested"
    )
    refused(invoke("audit", "replay", rma_id, "--position", str(own[0]["position"] - 1)), SAID_NO, "was not there yet")

    told = invoke("audit", "replay", rma_id, "--position", str(own[0]["position"]))
    assert (told.exit_code, "requested" in told.stdout) == (DONE, True)


def test_what_had_happened_by_then_leaves_out_what_came_later(system: Pipeline) -> None:
    """By business time: a correction of eleven o'clock is not known at half past ten, though it is recorded."""
    [one] = rows(
        system, "SELECT * FROM rma_log.events WHERE type LIKE '%.RequestCorrected.v1' ORDER BY position LIMIT 1"
    )
    rma_id, at = one["stream"].removeprefix("rma/"), one["occurred_at"].isoformat()
    before = at.replace("T11:", "T10:")
    assert before != at

    then, since = (asked("audit", "replay", rma_id, "--occurred-by", when, "--json") for when in (before, at))

    assert "RequestCorrected" not in {event["type"].split(".")[-2] for event in then["timeline"]}
    assert "RequestCorrected" in {event["type"].split(".")[-2] for event in since["timeline"]}
    assert then["lines"] != since["lines"]


def test_an_order_and_any_view_are_shown_as_they_stood(system: Pipeline) -> None:
    """Filled up to a place in tables of its own: then as now, as often as one asks, and nothing live is touched."""
    schemas = rows(system, "SELECT nspname, oid FROM pg_namespace ORDER BY 1")
    [(end,)] = system.log.connection.execute("SELECT max(position) FROM rma_log.events").fetchall()
    middle = str(end // 2)
    for view, key in (("returns", "rma_id"), ("return_timeline", "position"), ("orders", "order_id")):
        live = rows(system, f"SELECT * FROM rma_read.{view} ORDER BY {key}")
        told = lines("audit", "replay", "--views", view)
        assert sorted(str(row[key]) for row in told) == sorted(str(row[key]) for row in live)
        assert len(lines("audit", "replay", "--views", view, "--position", middle)) < len(live)
    earlier = [row for row in lines("audit", "replay", "--views", "return_timeline") if row["position"] <= int(middle)]
    assert lines("audit", "replay", "--views", "return_timeline", "--position", middle) == earlier

    order = asked("audit", "replay", "O-1", "--json")
    assert {name: order[name] for name in ("units", "returns")} == {
        name: asked("show", "O-1", "--json")[name] for name in ("units", "returns")
    }
    first = rows(system, "SELECT recorded_at FROM rma_log.events WHERE stream = 'order/O-1' AND version = 1")
    instant = first[0]["recorded_at"].isoformat()
    assert asked("audit", "replay", "O-1", "--as-of", instant, "--json")["position"] > 0
    assert rows(system, "SELECT nspname, oid FROM pg_namespace ORDER BY 1") == schemas


def test_what_cannot_be_replayed_is_said(system: Pipeline) -> None:
    """Nothing known, nothing named, two moments, no such view, a time that is none."""
    refused(invoke("audit", "replay", "nobody"), SAID_NO, "no return and no order nobody is known")
    refused(invoke("audit", "replay"), WRONG_USAGE, "name a return or an order")
    both = ("--as-of", "2026-03-01T00:00:00Z", "--position", "3")
    refused(invoke("audit", "replay", "O-1", *both), WRONG_USAGE, "give one of them")
    refused(invoke("audit", "replay", "--views", "nothing"), WRONG_USAGE, "there is no view nothing to replay")
    refused(invoke("audit", "replay", "O-1", "--as-of", "yesterday"), WRONG_USAGE, "must be an RFC 3339 time")
    refused(invoke("audit", "replay", "O-1", "--as-of", "2020-01-01T00:00:00Z"), SAID_NO, "was not there yet")


def test_who_did_what_is_told_by_whatever_one_asks(system: Pipeline, tmp_path: Path) -> None:
    """Each filter gives the events that fit, in log order; as a table, as JSON by lines, as a spreadsheet."""
    every = lines("audit", "trail", "--json")
    [(end,)] = system.log.connection.execute("SELECT max(position) FROM rma_log.events").fetchall()
    assert [step["position"] for step in every] == list(range(1, end + 1))

    a_return = next(step["stream"] for step in every if step["stream"].startswith("rma/"))
    middle = every[len(every) // 2]["recorded_at"]
    for arguments, fits in (
        (("--order", "O-2"), lambda step: step["key"] == "O-2"),
        (("--rma", a_return.removeprefix("rma/")), lambda step: step["stream"] == a_return),
        (("--actor", "agent:A1"), lambda step: step["actor"] == "agent:A1"),
        (("--type", "Requested"), lambda step: step["event"] == "Requested"),
        (("--since", middle), lambda step: step["recorded_at"] >= middle),
        (("--until", middle), lambda step: step["recorded_at"] < middle),
        (("--customer", "C-1"), lambda step: step["key"] in {"O-1"}),
        (("--overrides",), lambda step: step["event"] == "DecisionOverridden"),
    ):
        assert lines("audit", "trail", *arguments, "--json") == [step for step in every if fits(step)], arguments

    sheet = tmp_path / "trail.csv"
    assert invoke("audit", "trail", "--order", "O-2", "--csv", str(sheet)).exit_code == DONE
    with sheet.open(newline="") as read:
        assert [int(row["position"]) for row in csv.DictReader(read)] == [
            step["position"] for step in every if step["key"] == "O-2"
        ]
    assert "Requested" in invoke("audit", "trail", "--order", "O-2").stdout
    refused(invoke("audit", "trail", "--type", "requeste"), WRONG_USAGE, "did you mean")
    refused(invoke("audit", "trail", "--order", "O-1", "--customer", "C-1"), WRONG_USAGE, "give one of them")

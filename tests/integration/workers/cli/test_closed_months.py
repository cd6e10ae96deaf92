"""The books of a closed month: complete, the same for ever, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from typer.testing import CliRunner

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.support.pipeline import environment, wait_for
from tests.support.worker_threads import Counter, system
from workers.cli.app import app
from workers.cli.exit_codes import DONE, SAID_NO, WRONG_USAGE

OUTCOME = {"outcome": "settled", "reference": "gw-1"}


@pytest.fixture(autouse=True)
def _silent_workers() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with system(settings) as counter:
        counter.publish()
        yield counter


def ask(counter: Counter, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ledger", *arguments], env=environment(counter.settings))
    return result.exit_code, result.output


def recorded_at(counter: Counter, instant: str, *, after: int = 0) -> int:
    """Let what stands behind a position have been recorded at an instant, by what the clock said; return the last."""
    with psycopg.connect(postgres_address(counter.settings)) as connection:
        connection.execute("ALTER TABLE rma_log.events DISABLE TRIGGER ALL")
        connection.execute("UPDATE rma_log.events SET recorded_at = %s WHERE position > %s", (instant, after))
        connection.execute("ALTER TABLE rma_log.events ENABLE TRIGGER ALL")
        [(last,)] = connection.execute("SELECT max(position) FROM rma_log.events").fetchall()
        return int(last)


def posted(counter: Counter, order_id: str, lines: int) -> None:
    wait_for(
        lambda: len(counter.rows("SELECT 1 FROM rma_read.ledger_entries WHERE order_id = %s", order_id)) == lines,
        "the ledger",
    )


@pytest.fixture
def march(counter: Counter) -> Counter:
    """A refund of 10.00 requested in February, settled in March; another of 5.00 in the running month."""
    rma_id = counter.order_and_return("O-1", {"card": 1000})
    posted(counter, "O-1", 2)
    last = recorded_at(counter, "2024-02-27T12:00:00Z")
    [payout] = counter.rows("SELECT payout_id FROM rma_read.payouts")
    told = {"order_id": "O-1", "rma_id": str(rma_id), "payout_id": str(payout["payout_id"]), **OUTCOME}
    counter.accepted("RecordPayoutOutcome", told, actor="gateway:g")
    posted(counter, "O-1", 4)
    recorded_at(counter, "2024-03-31T23:59:59Z", after=last)
    counter.order_and_return("O-2", {"card": 500})
    posted(counter, "O-2", 2)
    return counter


def books(counter: Counter, period: str) -> dict[str, Any]:
    code, said = ask(counter, "--period", period, "--json")
    assert code == DONE, said
    found: dict[str, Any] = json.loads(said)
    return found


def test_a_month_has_its_own_entries_and_all_that_was_before(march: Counter) -> None:
    """February requested, March settled: 10.00 owed before, nothing owed in the end."""
    found = books(march, "2024-03")

    assert [(row["account"], row["debit_minor"], row["credit_minor"]) for row in found["journal"]] == [
        ("refunds_owed", 1000, 0),
        ("clearing:card", 0, 1000),
    ]
    columns = ("account", "opening_minor", "debit_minor", "credit_minor", "closing_minor")
    assert [tuple(row[name] for name in columns) for row in found["balances"]] == [
        ("clearing:card", 0, 0, 1000, -1000),
        ("refunds_owed", -1000, 1000, 0, 0),
        ("sales_returns", 1000, 0, 0, 1000),
    ]
    assert books(march, "2024-02")["journal"][0]["account"] == "sales_returns"
    assert books(march, "2024-01") == {"period": "2024-01", "balances": [], "journal": []}


def test_a_closed_month_stays_as_it_is(march: Counter, tmp_path: Path) -> None:
    """News of March that come later, and a clock that is set back to March, change nothing of March."""
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    assert ask(march, "--period", "2024-03", "--csv", str(first))[0] == DONE
    before = len(march.rows("SELECT 1 FROM rma_log.events"))
    march.order_and_return("O-3", {"card": 700}, ago=datetime.now(UTC) - datetime(2024, 3, 20, tzinfo=UTC))
    posted(march, "O-3", 2)
    recorded_at(march, "2024-03-15T00:00:00Z", after=before)

    assert ask(march, "--period", "2024-03", "--csv", str(again))[0] == DONE
    assert first.read_bytes() == again.read_bytes()


def test_the_journal_opens_in_a_spreadsheet_and_runs_nothing(counter: Counter, tmp_path: Path) -> None:
    """An order whose id is a formula is a text there; tax has its code."""
    counter.order_and_return("=1+1", {"card": 119}, tax_minor=19)
    last = recorded_at(counter, "2024-03-01T00:00:00Z")
    counter.order_and_return("O-9", {"card": 100})
    posted(counter, "O-9", 2)
    recorded_at(counter, "2024-04-01T00:00:00Z", after=last)
    file = tmp_path / "journal.csv"

    assert ask(counter, "--period", "2024-03", "--csv", str(file))[0] == DONE
    with file.open(newline="", encoding="utf-8") as read:
        rows = list(csv.DictReader(read))
    columns = ("order_id", "account", "debit_minor", "credit_minor", "tax_code")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("'=1+1", "sales_returns", "100", "0", ""),
        ("'=1+1", "sales_tax", "19", "0", "standard"),
        ("'=1+1", "refunds_owed", "0", "119", ""),
    ]


def test_a_month_that_is_not_over_has_no_books(march: Counter) -> None:
    """Nothing was recorded after it yet: what is posted next may still be its own."""
    [now] = march.rows("SELECT to_char(max(recorded_at) AT TIME ZONE 'UTC', 'YYYY-MM') AS month FROM rma_log.events")

    code, said = ask(march, "--period", now["month"])

    assert code == SAID_NO
    assert "is not closed" in said


def test_a_ledger_that_lags_has_no_books(march: Counter) -> None:
    """A month is complete or refused, never shown in part."""
    with psycopg.connect(postgres_address(march.settings)) as connection:
        connection.execute("DELETE FROM rma_read_meta.stream_versions WHERE projection = 'refund_ledger'")

    code, said = ask(march, "--period", "2024-03")

    assert code == SAID_NO
    assert "has still to read" in said


@pytest.mark.parametrize(
    "arguments", [("--period", "2024-13"), ("--period", "March"), ("--csv", "x.csv"), ("O-1", "--period", "2024-03")]
)
def test_what_is_no_month_is_wrong_usage(counter: Counter, arguments: tuple[str, ...]) -> None:
    """The message says how a month is written, or what belongs to what."""
    code, said = ask(counter, *arguments)

    assert code == WRONG_USAGE
    assert "2026-03" in said or "--period" in said

"""`rma list` lists returns as its options say, as a table and as JSON, page by page."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from infra.migrate import migrate
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID
from tests.support.stories import six_steps

DENIED = UUID(int=2)


@pytest.fixture(autouse=True)
def told(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One return that went through all steps, and one that was denied later."""
    migrate(postgres_dsn)
    play(postgres_dsn, recorded(six_steps().history), batch=100)
    monkeypatch.setenv("RMA_POSTGRES_DSN", postgres_dsn)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [DENIED, RMA_ID]),
        ("--order O-1 --status denied", [DENIED]),
        ("--customer C-1 --next close", [RMA_ID]),
        ("--older-than 0 --open", [DENIED, RMA_ID]),
        ("--older-than 36500", []),
        ("--overdue", []),
        ("--limit 1", [DENIED]),
    ],
)
def test_each_option_narrows_the_list(options: str, expected: list[UUID]) -> None:
    """What is printed as JSON fits everything that was asked for."""
    said = orjson.loads(invoke("list", *options.split(), "--json").stdout)

    assert [one["rma_id"] for one in said["items"]] == [str(rma_id) for rma_id in expected]


def test_the_next_page_begins_where_one_ended() -> None:
    """The cursor of a page leads to the rest, after which there is none."""
    first = orjson.loads(invoke("list", "--limit", "1", "--json").stdout)
    second = orjson.loads(invoke("list", "--cursor", first["next_cursor"], "--json").stdout)

    assert [one["rma_id"] for one in second["items"]] == [str(RMA_ID)]
    assert second["next_cursor"] is None


def test_a_list_is_a_table_for_people() -> None:
    """A row names the return, where it stands and what comes next."""
    (row,) = [line for line in invoke("list", "--status", "denied").stdout.splitlines() if line.startswith("RMA-")]

    assert row.split()[1:5] == ["O-1", "C-1", "denied", "none"]


def test_a_cursor_that_is_none_is_said_to_be() -> None:
    """A text that no page ended with is wrong usage, in one line."""
    ran = invoke("list", "--cursor", "nonsense")

    assert ran.exit_code == 2
    assert ran.output == "cursor nonsense is none: take the one that a page ended with, as it is\n"


@pytest.mark.parametrize("command", ["show", "explain"])
@pytest.mark.parametrize("name", ["JJD-1", "jjd-1", str(RMA_ID)])
def test_a_return_is_found_by_its_parcel(command: str, name: str) -> None:
    """Whoever has the parcel in hand finds the return by the number on it."""
    by_name, by_id = invoke(command, name, "--json"), invoke(command, str(RMA_ID), "--json")

    assert by_name.exit_code == 0
    assert by_name.stdout == by_id.stdout

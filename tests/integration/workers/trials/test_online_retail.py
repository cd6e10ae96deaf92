"""A week of a real shop through the whole system: the views say what the file says, once, however often it is read."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.kafka.partitioner import Placement, partitioner_of
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.whole_system import working
from workers.pictures.sheet import Screen
from workers.trials.online_retail.importing import Imported, as_data, import_online_retail, print_imported
from workers.trials.online_retail.reading import FileContentError
from workers.trials.scenario.views import Views

SLICE: Final = Path(__file__).parents[3] / "data" / "online_retail_2010-12-01_to_2010-12-07.csv.xz"
ROWS_OF_A_MORNING: Final = 400

FIGURES: Final = """
SELECT (SELECT count(DISTINCT order_id) FROM rma_read.order_units) AS orders,
       (SELECT count(*) FROM rma_read.order_units) AS sale_lines,
       (SELECT sum(sold) FROM rma_read.order_units) AS units_sold,
       (SELECT sum(paid_minor) FROM rma_read.order_units) AS pennies_sold,
       (SELECT count(*) FROM rma_read.returns) AS returns,
       (SELECT count(DISTINCT (rma_id, line)) FROM rma_read.return_lines) AS return_lines,
       (SELECT sum(quantity) FROM rma_read.return_lines WHERE settlement_state = 'settled') AS units_given_back,
       (SELECT sum(amount_minor) FROM rma_read.payouts WHERE status = 'settled') AS pennies_given_back
"""
TRIAL_BALANCE: Final = "SELECT sum(balance_minor) FROM rma_read.ledger_balances"
OVERPAID: Final = """
SELECT count(*) FROM rma_read.order_units WHERE refunded_minor > paid_minor OR returned + in_return > sold
"""
UNRESOLVED: Final = "SELECT count(*) FROM rma_read.returns WHERE status <> 'resolved'"
EVENTS: Final = "SELECT count(*) FROM rma_log.events"


@pytest.fixture
def system(settings: Settings) -> Iterator[Settings]:
    with working(settings):
        yield settings


def imported(path: Path, settings: Settings) -> Imported:
    return import_online_retail(path, settings, Screen(quiet=True))


def asked(settings: Settings, query: str) -> Any:
    with psycopg.connect(postgres_address(settings)) as connection:
        (row,) = connection.execute(query).fetchall()
        return row[0] if len(row) == 1 else row


def caught_up(settings: Settings) -> None:
    """Wait until every projection has handled the last event."""
    views = Views(postgres_address(settings), list(PROJECTIONS))
    query = "SELECT partition_key, max(position) FROM rma_log.events GROUP BY partition_key"
    with psycopg.connect(postgres_address(settings)) as connection:
        reached: dict[int, int] = {}
        events = Placement(partitioner_of(postgres_address(settings)), settings.partitions)
        for key, position in connection.execute(query):
            partition = events.of(key.encode())
            reached[partition] = max(reached.get(partition, 0), position)
    views.wait_for(reached)
    views.close()


def test_the_views_say_what_the_file_says_and_reading_it_again_changes_nothing(system: Settings) -> None:
    """Orders, units and pennies, sold and given back, are those of the file; a second import adds no event."""
    first = imported(SLICE, system)
    caught_up(system)
    figures = dict(zip(as_data(first), as_data(first).values(), strict=True))
    events = asked(system, EVENTS)

    assert first.answers.all_accepted
    assert asked(system, FIGURES) == tuple(
        figures[name]
        for name in (
            "orders sale_lines units_sold pennies_sold returns return_lines units_given_back pennies_given_back"
        ).split()
    )
    assert asked(system, TRIAL_BALANCE) == 0
    assert (asked(system, OVERPAID), asked(system, UNRESOLVED)) == (0, 0)

    again = imported(SLICE, system)
    caught_up(system)

    assert as_data(again) == as_data(first)
    assert asked(system, EVENTS) == events


def test_what_the_system_refuses_is_named(system: Settings, tmp_path: Path) -> None:
    """A file that tells known invoices differently is refused under their ids, and the import says so."""
    morning = lzma.decompress(SLICE.read_bytes()).decode().splitlines()[:ROWS_OF_A_MORNING]
    first, other = tmp_path / "first.csv", tmp_path / "other.csv"
    first.write_text("\n".join(morning) + "\n")
    other.write_text("\n".join(morning).replace(",2.55,", ",2.56,", 1) + "\n")
    assert imported(first, system).answers.all_accepted

    told = imported(other, system)

    assert not told.answers.all_accepted
    assert [result["code"] for result in told.answers.not_accepted] == ["command_id_reused"]
    console = Screen(width=120, record=True, quiet=False)
    print_imported(told, console)
    assert "online-retail/536365/order refused command_id_reused" in console.export_text()


def test_a_broken_file_sends_nothing(system: Settings, tmp_path: Path) -> None:
    """Every row is looked at before the first command goes out."""
    rows = lzma.decompress(SLICE.read_bytes()).decode().splitlines()[:ROWS_OF_A_MORNING]
    path = tmp_path / "broken.csv"
    path.write_text("\n".join([*rows, "536365,22423,CAKESTAND,many,2010-12-01T08:26:00,1.00,,EIRE"]) + "\n")

    with pytest.raises(FileContentError, match="quantity cannot be 'many'"):
        imported(path, system)

    assert asked(system, EVENTS) == 0

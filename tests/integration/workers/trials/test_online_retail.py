"""A week of a real shop through the whole system: the views say what the file says, once, however often it is read."""

from __future__ import annotations

import lzma
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition

from infra.addresses import postgres_address
from infra.kafka.partitioner import Placement, partitioner_of
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.pipeline import wait_for
from tests.support.whole_system import working
from workers.operating.initialising import initialise
from workers.pictures.sheet import Screen
from workers.trials.online_retail.importing import Imported, as_data, import_online_retail, print_imported
from workers.trials.online_retail.rows import FileContentError
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
UNITS_BACK: Final = """
SELECT (SELECT sum(quantity) FROM rma_read.return_lines) AS asked_for,
       (SELECT sum(quantity) FROM rma_read.return_reasons) AS with_reasons,
       (SELECT sum(units_returned) FROM rma_read.return_rates) AS received,
       (SELECT sum(returned) FROM rma_read.order_units) AS returned_now,
       (SELECT sum(units) FROM rma_read.orders) - %s AS sold_too_many
"""
TRIAL_BALANCE: Final = "SELECT sum(balance_minor) FROM rma_read.ledger_balances"
OVERPAID: Final = """
SELECT count(*) FROM rma_read.order_units WHERE refunded_minor > paid_minor OR returned + in_return > sold
"""
NOT_CLOSED: Final = "SELECT count(*) FROM rma_read.returns WHERE status <> 'closed' OR next_step <> 'none'"
CLOSED_LATER: Final = """
SELECT count(*) FROM rma_read.returns AS r WHERE closed_at NOT BETWEEN
    (SELECT max(settled_at) FROM rma_read.refunds AS f WHERE f.rma_id = r.rma_id) + interval '30 days' AND
    (SELECT max(settled_at) FROM rma_read.refunds AS f WHERE f.rma_id = r.rma_id) + interval '31 days 1 hour'
"""
EVENTS: Final = "SELECT count(*) FROM rma_log.events"


@pytest.fixture
def system(settings: Settings) -> Iterator[Settings]:
    with working(settings):
        yield settings


def imported(path: Path, settings: Settings) -> Imported:
    return import_online_retail(path, settings, Screen(quiet=True))


def printed(told: Imported) -> str:
    console = Screen(width=120, record=True, quiet=False)
    print_imported(told, console)
    return console.export_text()


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
    back = figures["units_given_back"]
    assert asked(system, UNITS_BACK % figures["units_sold"]) == (back, back, back, back, 0)
    assert asked(system, TRIAL_BALANCE) == 0
    assert (asked(system, OVERPAID), asked(system, NOT_CLOSED), asked(system, CLOSED_LATER)) == (0, 0, 0)

    again = imported(SLICE, system)
    caught_up(system)

    commands = sum(figures["commands"].values())
    assert (first.answers.new, first.answers.known_before) == (commands, 0)
    assert as_data(again) == figures | {"new_commands": 0, "known_commands": commands}
    assert f"{commands:,} accepted commands, nothing new; {commands:,} were known already" in printed(again)
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
    assert "online-retail/536365/order refused command_id_reused" in printed(told)


def test_who_stops_an_import_is_told_how_far_it_came(settings: Settings) -> None:
    """Ctrl-C ends the wait for an answer with what was read and told so far, and with what to do."""
    initialise(settings)  # and no worker: the first answer never comes
    # a shell's background job hands down a SIGINT that is ignored; a person's terminal does not
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from workers.cli.app import main; main()"
    with subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-c", code, "import", "online-retail", str(SLICE)],
        env={**os.environ, **settings.as_environment()},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: commands_in(settings) == 1, "the first command")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert "stopped at row 0 of 16,985; 0 of 1 commands sent were answered. Run it again" in said
    assert "Traceback" not in said
    assert process.returncode not in {0, 2, 3}


def commands_in(settings: Settings) -> int:
    """Return how many commands were published."""
    with closing(KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)) as consumer:
        topic = TopicNames(settings.topic_prefix).commands
        partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
        return sum(consumer.end_offsets(partitions).values())


def test_a_broken_file_sends_nothing(system: Settings, tmp_path: Path) -> None:
    """Every row is looked at before the first command goes out."""
    rows = lzma.decompress(SLICE.read_bytes()).decode().splitlines()[:ROWS_OF_A_MORNING]
    path = tmp_path / "broken.csv"
    path.write_text("\n".join([*rows, "536365,22423,CAKESTAND,many,2010-12-01T08:26:00,1.00,,EIRE"]) + "\n")

    with pytest.raises(FileContentError, match="quantity cannot be 'many'"):
        imported(path, system)

    assert asked(system, EVENTS) == 0

"""The Online Retail file: what becomes an order, what becomes a return, and what is left out and why."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from domain.identity import payout_id, refund_id
from infra.kafka.command_client import OutgoingCommand
from workers.trials.online_retail.commands import publish_policy, return_commands, rma_id_of, sale_commands
from workers.trials.online_retail.reading import History, Totals, survey
from workers.trials.online_retail.rows import COLUMNS, UCI_COLUMNS, FileContentError, Row, read_rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[4]
SLICE = ROOT / "tests" / "data" / "online_retail_2010-12-01_to_2010-12-07.csv.xz"
WHOLE = ROOT.parent / "shared" / "data" / "online_retail_2010-12_to_2011-08.csv.xz"
FILES = [path for path in (SLICE, WHOLE) if path.exists()]

INDEPENDENT = """
-- Written from the rules alone. "Newest first, each giving the units it has left" is a stack per customer and article:
-- a sold unit goes on top, a cancelled unit takes the top one off. At every height of the stack pushes and pops
-- alternate, so a cancelled unit belongs to the last unit that was put at its height.
CREATE TABLE raw AS SELECT row_number() OVER () AS n, * FROM read_csv($file, all_varchar = true, header = true);
CREATE TABLE judged AS
SELECT n, invoice_no, stock_code, coalesce(customer_id, '') AS customer, CAST(quantity AS bigint) AS quantity,
       CAST(invoiced_at AS timestamp) AS moment, starts_with(invoice_no, 'C') AS cancels,
       round_even(CAST(quantity AS bigint) * CAST(unit_price_gbp AS decimal(18, 3)) * 100, 0)::bigint AS pennies,
       CASE WHEN NOT regexp_matches(stock_code, '^[0-9]{5}') THEN 'not_goods'
            WHEN cancels AND customer = '' THEN 'no_customer'
            WHEN CAST(unit_price_gbp AS decimal(18, 3)) <= 0 THEN 'no_price'
            WHEN (cancels AND CAST(quantity AS bigint) >= 0) OR (NOT cancels AND CAST(quantity AS bigint) <= 0)
            THEN 'wrong_sign' END AS cause
FROM raw;
CREATE TABLE cancelled AS SELECT * FROM judged WHERE cause IS NULL AND cancels;
CREATE TABLE sold AS SELECT * FROM judged WHERE cause IS NULL AND NOT cancels;
CREATE TABLE steps AS
SELECT j.n, j.invoice_no, customer, stock_code, j.cancels,
       row_number() OVER (PARTITION BY customer, stock_code ORDER BY moment, j.cancels, invoice_no, n, unit) AS step
FROM (SELECT *, unnest(range(abs(quantity))) AS unit FROM judged WHERE cause IS NULL AND customer <> '') AS j
WHERE (customer, stock_code) IN (SELECT (customer, stock_code) FROM cancelled);
CREATE TABLE walk AS
SELECT *, sum(CASE WHEN cancels THEN -1 ELSE 1 END) OVER w AS height,
FROM steps WINDOW w AS (PARTITION BY customer, stock_code ORDER BY step);
CREATE TABLE floors AS
SELECT *, least(0, min(height) OVER w) AS floor,
       least(0, coalesce(min(height) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS floor_before
FROM walk WINDOW w AS (PARTITION BY customer, stock_code ORDER BY step);
CREATE TABLE matched AS
SELECT n AS cancelled_n, invoice_no AS cancelled_no, sold_n, sold_no, count(*) AS units
FROM (SELECT *, lag(n) OVER w AS sold_n, lag(invoice_no) OVER w AS sold_no
      FROM floors WHERE NOT (cancels AND height < floor_before)
      WINDOW w AS (PARTITION BY customer, stock_code, height - floor + CAST(cancels AS integer) ORDER BY step))
WHERE cancels GROUP BY ALL;
CREATE TABLE given_back AS
SELECT sold.n, sum(units) AS units, sold.pennies * sum(units) // sold.quantity AS pennies
FROM matched JOIN sold ON sold.n = sold_n GROUP BY sold.n, sold.pennies, sold.quantity;
"""

FIGURES = """
SELECT (SELECT count(*) FROM raw) AS rows,
       (SELECT count(*) FROM sold) AS sale_lines,
       (SELECT count(DISTINCT cancelled_n) FROM matched) AS matched_cancellations,
       (SELECT count(DISTINCT invoice_no) FROM sold) AS orders,
       (SELECT sum(quantity) FROM sold) AS units_sold,
       (SELECT sum(pennies) FROM sold) AS pennies_sold,
       (SELECT count(DISTINCT (cancelled_no, sold_no)) FROM matched) AS returns,
       (SELECT count(*) FROM matched) AS return_lines,
       (SELECT coalesce(sum(units), 0) FROM given_back) AS units_given_back,
       (SELECT coalesce(sum(pennies), 0) FROM given_back) AS pennies_given_back
"""

LEFT_OUT = """
SELECT cause, count(*), sum(abs(quantity)) FROM judged WHERE cause IS NOT NULL GROUP BY cause
UNION ALL
SELECT 'no_match', count(*) FILTER (WHERE units IS NULL), sum(-quantity - coalesce(units, 0))
FROM cancelled LEFT JOIN (SELECT cancelled_n, sum(units) AS units FROM matched GROUP BY 1) ON cancelled_n = n
HAVING sum(-quantity - coalesce(units, 0)) > 0
"""


def imported(path: Path) -> tuple[Totals, list[OutgoingCommand]]:
    history = History(path, survey(path))
    commands = [command for sale in history.sales() for command in sale_commands(sale)]
    commands += [command for back in history.cancellations() for command in return_commands(back, now=NOW)]
    return history.totals, commands


@pytest.mark.proof
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_figure_equals_an_independent_computation(path: Path, tmp_path: Path) -> None:
    """The importer's totals are those that SQL over the same file comes to, cause by cause."""
    plain = tmp_path / "rows.csv"
    with lzma.open(path) as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file)
    with duckdb.connect() as database:
        database.execute(INDEPENDENT.replace("$file", f"'{plain}'"))
        found = database.execute(FIGURES)
        figures = dict(zip([column[0] for column in found.description or ()], found.fetchone() or (), strict=True))
        left_out = {cause: (rows, units) for cause, rows, units in database.execute(LEFT_OUT).fetchall()}

    totals, commands = imported(path)

    assert {name: getattr(totals, name) for name in figures} == figures
    assert {cause: (rows, totals.left_out_units[cause]) for cause, rows in totals.left_out_rows.items()} == left_out
    assert totals.rows == totals.sale_lines + totals.matched_cancellations + totals.left_out_rows.total()
    assert money_told(commands) == (figures["pennies_sold"], figures["pennies_given_back"])


def money_told(commands: Iterable[OutgoingCommand]) -> tuple[int, int]:
    """Return the pennies that the commands say were sold and paid back."""
    sold = paid = 0
    for command in commands:
        if command.type == "RegisterOrder":
            sold += sum(line["amount_minor"] for line in command.data["lines"])
        elif command.type == "RecordPayoutOutcome":
            paid += command.data["amount_minor"]
    return sold, paid


def test_every_command_has_an_id_of_its_own_and_the_same_one_next_time() -> None:
    """Step the file twice repeats every command, so that it changes nothing."""
    once, again = imported(SLICE)[1], imported(SLICE)[1]

    assert [command.to_bytes() for command in once] == [command.to_bytes() for command in again]
    assert len({command.id for command in once}) == len(once)


def test_an_orders_commands_come_in_the_order_of_its_life() -> None:
    """Only the order within one key is kept by Kafka, so each key's commands tell a life from sale to payout."""
    steps = (
        "RegisterOrder RecordDelivery RequestReturn RecordHandover ReceiveGoods RecordInspection RecordPayoutOutcome "
        "PassDeadline"
    )
    lives: dict[str, list[str]] = {}
    for command in imported(SLICE)[1]:
        assert command.key == command.data["order_id"]
        lives.setdefault(f"{command.key} {command.data.get('rma_id', '')}", []).append(command.type)

    for told in lives.values():
        assert told == sorted(told, key=steps.split().index)


def file_of(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    return path


def a_row(  # noqa: PLR0917 - a row has that many columns
    invoice: str = "1", sku: str = "22423", units: int = 1, at: str = "2011-03-01T10:00:00", price: str = "1.00",
    customer: str = "17850", country: str = "United Kingdom",
) -> str:  # fmt: skip
    return f"{invoice},{sku},CAKESTAND,{units},{at},{price},{customer},{country}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_file_as_uci_has_it_tells_the_same_commands(tmp_path: Path, encoding: str) -> None:
    """UCI's workbook saved as CSV has other names, times and encodings; whoever has both files changes nothing."""
    rows = [a_row("1", at=f"2011-03-0{day}T09:05:00", units=2) for day in (1, 2)]
    rows.append(a_row("C2", at="2011-03-12T16:30:00", units=-1))
    ours = tmp_path / "ours.csv"
    ours.write_text("\n".join([",".join(COLUMNS), *rows]).replace("CAKE", "CAFÉ £5 "), encoding="utf-8")

    theirs = tmp_path / "theirs.csv"
    text = "\n".join([",".join(UCI_COLUMNS), *rows]).replace("CAKE", "CAFÉ £5 ")
    for found, shown in (("2011-03-01T09:05:00", "3/1/2011 9:05"), ("2011-03-02T09:05:00", "03/02/11 9:05")):
        text = text.replace(found, shown)
    text = text.replace("2011-03-12T16:30:00", "2011-03-12 16:30:00").replace("17850", "17850.0")
    theirs.write_text(text, encoding=encoding)

    assert imported(theirs)[0].returns == 1
    assert [command.to_bytes() for command in imported(theirs)[1]] == [
        command.to_bytes() for command in imported(ours)[1]
    ]


def test_a_return_ends_thirty_days_after_its_last_payout(tmp_path: Path) -> None:
    """Nobody touches it any more: its deadline closes it at the end of that day in London, if that has come."""
    file = file_of(tmp_path, a_row("1"), a_row("C2", units=-1, at="2011-03-02T10:00:00"))
    history = History(file, survey(file))
    assert len(list(history.sales())) == 1
    [back] = history.cancellations()

    [closing] = [command for command in return_commands(back, now=NOW) if command.type == "PassDeadline"]

    assert closing.time == datetime.fromisoformat("2011-04-02T00:00:00+01:00")
    assert closing.actor == "clock:online-retail"
    days_later = datetime.fromisoformat("2011-03-31T00:00:00+01:00")
    assert "PassDeadline" not in [command.type for command in return_commands(back, now=days_later)]


def test_the_first_fitting_cause_is_the_one_named(tmp_path: Path) -> None:
    """Causes are looked for in a fixed order: not goods, no customer, no price, wrong sign."""
    totals, commands = imported(
        file_of(
            tmp_path,
            a_row("C1", sku="POST", customer="", price="0", units=5),
            a_row("C1", customer="", price="0", units=5),
            a_row("C1", price="0", units=5),
            a_row("C1", units=5),
            a_row("1", units=-5),
            a_row("C1", units=-5),
        )
    )

    assert totals.left_out_rows == Counter(not_goods=1, no_customer=1, no_price=1, wrong_sign=2, no_match=1)
    assert commands == []


def test_the_newest_sale_that_is_not_later_gives_its_units_first(tmp_path: Path) -> None:
    """Sales at the same minute count, later ones do not; what the newest cannot give the next one does."""
    _, commands = imported(
        file_of(
            tmp_path,
            a_row("1", units=3, at="2011-03-01T10:00:00"),
            a_row("2", units=2, at="2011-03-02T10:00:00"),
            a_row("C3", units=-4, at="2011-03-02T10:00:00"),
            a_row("4", units=9, at="2011-03-02T10:01:00"),
        )
    )

    asked = {command.key: command.data["lines"] for command in commands if command.type == "RequestReturn"}
    assert {key: [(line["line_id"], line["quantity"]) for line in lines] for key, lines in asked.items()} == {
        "2": [("2", 2)],
        "1": [("1", 2)],
    }


def test_each_row_that_cancels_units_of_a_sale_line_is_a_line_of_the_return(tmp_path: Path) -> None:
    """Two rows of one cancellation that refer to one sale line stay two lines: each row says its own."""
    totals, commands = imported(
        file_of(
            tmp_path,
            a_row("1", units=5),
            a_row("C2", units=-1, at="2011-03-02T10:00:00"),
            a_row("C2", units=-2, at="2011-03-02T10:00:00"),
        )
    )

    asked = [command.data["lines"] for command in commands if command.type == "RequestReturn"]
    assert [[(line["line_id"], line["quantity"]) for line in lines] for lines in asked] == [[("1", 1), ("1", 2)]]
    assert (totals.matched_cancellations, totals.returns, totals.return_lines) == (2, 1, 2)


def test_pennies_given_back_are_those_of_the_lowest_units(tmp_path: Path) -> None:
    """Units 1 to k of a line hold its pennies times k over n, rounded down, whoever gives them back."""
    totals, commands = imported(
        file_of(
            tmp_path,
            a_row("1", units=3, price="0.335"),  # 100.5 pennies: half to even, 100
            a_row("C2", units=-1, at="2011-03-02T10:00:00", price="9.00"),
            a_row("C3", units=-2, at="2011-03-03T10:00:00", price="9.00"),
        )
    )

    paid = [command.data["amount_minor"] for command in commands if command.type == "RecordPayoutOutcome"]
    assert paid == [33, 67]
    assert totals.pennies_given_back == totals.pennies_sold == 100


def test_the_payout_is_that_of_the_refund_of_the_line(tmp_path: Path) -> None:
    """Each line's inspection makes one refund; a line worth nothing makes one without a payout."""
    _, commands = imported(
        file_of(
            tmp_path,
            a_row("1", units=9, price="0.001"),  # 0.9 pennies: 1, all of it in the ninth unit
            a_row("1", sku="22424", units=1, price="2.00"),
            a_row("C2", units=-1, at="2011-03-02T10:00:00"),
            a_row("C2", sku="22424", units=-1, at="2011-03-02T10:00:00"),
        )
    )

    rma_id = rma_id_of("C2", "1")
    paid = [command.data for command in commands if command.type == "RecordPayoutOutcome"]
    assert [data["payout_id"] for data in paid] == [str(payout_id(refund_id(rma_id, 2), "bank", 1))]
    assert [data["amount_minor"] for data in paid] == [200]


def test_an_invoice_is_one_order_even_where_its_rows_are_apart(tmp_path: Path) -> None:
    """An invoice is told when its last line was read, once, at its first time, with London's offset."""
    _, commands = imported(
        file_of(
            tmp_path,
            a_row("1", at="2011-07-01T10:00:00", country="EIRE", customer=""),
            a_row("2", at="2011-07-01T10:00:00"),
            a_row("1", at="2011-07-01T10:01:00", country="EIRE", customer=""),
        )
    )

    orders = [command for command in commands if command.type == "RegisterOrder"]
    first = next(command for command in orders if command.key == "1")
    assert [command.key for command in orders] == ["2", "1"]
    assert [line["line_id"] for line in first.data["lines"]] == ["1", "3"]
    assert (first.data["customer_id"], first.data["country"]) == ("guest", "IE")
    assert first.time == datetime.fromisoformat("2011-07-01T10:00:00+01:00")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (a_row(units=1).replace(",1,2011", ",many,2011"), "row 2: quantity cannot be 'many'"),
        (a_row(at="yesterday"), "row 2: invoiced_at cannot be 'yesterday'"),
        (a_row(price="dear"), "row 2: unit_price_gbp cannot be 'dear'"),
        (a_row(price="NaN"), "row 2: unit_price_gbp cannot be 'NaN'"),
        (a_row(country="Atlantis"), "row 2: country 'Atlantis' has no ISO 3166-1 code here"),
        (a_row() + ",more", "row 2 has 9 columns, not 8"),
        (a_row(at="13/12/2010 8:26"), "row 2: invoiced_at cannot be '13/12/2010 8:26'"),
        (a_row(at="2010-12-13T08:26:00Z"), "row 2: invoiced_at cannot be '2010-12-13T08:26:00Z'"),
    ],
)
def test_a_broken_row_is_named_before_anything_is_told(tmp_path: Path, row: str, said: str) -> None:
    """A value that is not of its kind stops the import at the survey, with row, column and value."""
    with pytest.raises(FileContentError, match=said):
        survey(file_of(tmp_path, a_row(), row))


@pytest.mark.parametrize("content", [b"", b"\xfd7zXZ\x00", b"a,b\n1,2\n"], ids=["empty", "cut off", "other columns"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    """What is not the file, or only its beginning, is refused by name."""
    path = tmp_path / "rows.csv.xz"
    path.write_bytes(content)
    with pytest.raises(FileContentError, match=r"rows\.csv\.xz"):
        list(read_rows(path))


def test_a_workbook_is_told_apart(tmp_path: Path) -> None:
    """UCI's own download is a workbook: whoever hands it over is told to save its sheet."""
    path = tmp_path / "Online Retail.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)))
    with pytest.raises(FileContentError, match="save the workbook's sheet as CSV"):
        list(read_rows(path))


def test_commands_are_structured_cloud_events() -> None:
    """What goes to Kafka is the contract's JSON: short type spelt out, time with offset, data as an object."""
    sent: dict[str, Any] = json.loads(publish_policy().to_bytes())

    assert sent["type"] == "rma.PublishPolicy.v1"
    assert sent["time"] == "2010-01-01T00:00:00+00:00"
    assert sent["data"]["document"]["window"] == {"days": 400, "anchor": "delivered", "zone": "Europe/London"}


def test_amounts_round_half_to_even() -> None:
    """A line's amount is quantity times price in pennies; an exact half goes to the even penny."""
    prices = {"0.005": 0, "0.015": 2, "0.025": 2, "0.0251": 3}
    for price, pennies in prices.items():
        row = Row(1, "1", "22423", "", 1, "2011-03-01T10:00:00", Decimal(price), "", "United Kingdom")
        assert row.amount_minor == pennies

"""A settlement file against our books: what matches, what differs, and which rows cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from workers.desk.reconciliation import OwnPayout, Report, compare
from workers.desk.settlement_file import BrokenRow, NoSettlementFileError, Settlement, read_settlements
from workers.pictures.differences import picture
from workers.pictures.sheet import Screen

HEADER = "payout_id,amount,currency,settled_at,reference"
PAID = datetime(2026, 3, 20, 10, tzinfo=UTC)


def own(number: int, *, amount_minor: int = 1999, status: str = "settled") -> OwnPayout:
    return OwnPayout(UUID(int=number), f"O-{number}", UUID(int=100), amount_minor, "EUR", status, PAID)


def row(number: int, amount: object = 1999, currency: str = "EUR") -> str:
    return f"{UUID(int=number)},{amount},{currency},2026-03-20T10:00:00Z,GW-{number}"


def books(*payouts: OwnPayout) -> dict[UUID, OwnPayout]:
    return {payout.payout_id: payout for payout in payouts}


def report_of(rows: list[str], *payouts: OwnPayout) -> Report:
    found = list(read_settlements([HEADER, *rows]))
    report = compare((each for each in found if isinstance(each, Settlement)), books(*payouts))
    report.broken_rows = [each for each in found if isinstance(each, BrokenRow)]
    return report


def test_books_that_agree_match_to_the_cent() -> None:
    """Nothing differs, and the sums are those of the file."""
    report = report_of([row(1), row(2, 500)], own(1), own(2, amount_minor=500), own(3, status="failed"))

    assert report.agrees
    assert (report.matched, report.matched_minor) == (2, {"EUR": 2499})


@pytest.mark.parametrize(
    ("rows", "payouts", "kind"),
    [
        ([row(1)], [], "missing_here"),
        ([row(1)], [own(1, status="unknown")], "missing_here"),
        ([row(1)], [own(1, status="failed")], "missing_here"),
        ([], [own(1)], "missing_there"),
        ([row(1, 2000)], [own(1)], "different_amount"),
        ([row(1, 1999, "USD")], [own(1)], "different_amount"),
        ([row(1), row(1)], [own(1)], "twice_there"),
    ],
)
def test_each_kind_of_difference_is_found(rows: list[str], payouts: list[OwnPayout], kind: str) -> None:
    """A payout on which the books differ is reported once, with both sides' figures."""
    report = report_of(rows, *payouts)

    assert [difference.kind for difference in report.differences] == [kind]
    assert not report.agrees


def test_what_settled_outside_the_files_period_may_be_missing_there() -> None:
    """A file of one day says nothing of other days."""
    day = {"since": PAID, "until": PAID + timedelta(days=1)}
    before, after = (replace(own(n), outcome_at=PAID + timedelta(days=days)) for n, days in ((1, -1), (2, 1)))

    assert compare([], books(before, after), **day).agrees
    assert not compare([], books(own(3)), **day).agrees


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (row(1, "19.99"), "amount"),
        (row(1, -1999), "amount"),
        (row(1, 0), "amount"),
        (row(1, "1e3"), "amount"),
        (row(1, "١٩"), "amount"),
        (row(1, "9" * 14), "amount"),
        (row(1, 1999, "eur"), "currency must be a currency code"),
        (row(1, 1999, "QQQ"), "currency QQQ is no currency of ISO 4217"),
        (f"{UUID(int=1)},1999,EUR,2026-03-20T10:00:00Z,GW\0", "reference must not hold the character U+0000"),
        ("no-uuid,1999,EUR,2026-03-20T10:00:00Z,GW-1", "payout_id"),
        (f"{UUID(int=1)},1999,EUR,2026-03-20T10:00:00,GW-1", "settled_at"),
        (f"{UUID(int=1)},1999,EUR,2026-03-20T10:00:00Z,", "reference"),
        (f"{UUID(int=1)},1999,EUR", "cells"),
        (f"{row(1)},more", "cells"),
        (f'{UUID(int=1)},"1999,EUR,2026-03-20T10:00:00Z,GW-1', "unexpected end"),
        (f"{UUID(int=1)},1999,EUR,2026-03-20T10:00:00Z,GW\udcff", "UTF-8"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_goes_on(broken: str, word: str) -> None:
    """Amounts are whole minor units; whatever is wrong costs one row, which is said by its number."""
    report = report_of([row(7), broken, row(8)], own(7), own(8))

    assert (report.matched, report.differences) == (2, [])
    assert [(fault.row, word in fault.fault) for fault in report.broken_rows] == [(3, True)]
    assert not report.agrees


def test_a_blank_line_and_further_columns_do_no_harm() -> None:
    """Files from spreadsheets have both, and a byte order mark."""
    lines = [f"\ufeff{HEADER},fee", f"{row(1)},0.30", ""]

    assert [type(each) for each in read_settlements(lines)] == [Settlement]


@pytest.mark.parametrize("header", ["", "payout_id,amount", f"{HEADER},amount", '"payout_id'])
def test_a_file_without_its_columns_is_refused(header: str) -> None:
    """Without a header nobody can say which figure is which."""
    with pytest.raises(NoSettlementFileError):
        list(read_settlements([header, row(1)]))


def test_the_report_shows_what_people_need() -> None:
    """A table with the kind, both sums, the gateway's reference and our order."""
    console = Screen(width=200, record=True)
    console.print(picture(report_of([row(1, 2000), "broken"], own(1))))
    text = console.export_text()

    for word in ("different amount", "19.99 EUR", "20.00 EUR", "GW-1", "O-1", "1 row could not be read"):
        assert word in text

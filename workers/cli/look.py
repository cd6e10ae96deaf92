"""What `rma` shows people: a return, the ledger, reasons, and how far everything has come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.cli.arguments import instant_of, reading, unknown
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, counted, print_json

if TYPE_CHECKING:
    from psycopg import Connection

    from projections.tracking.case_file import CaseFile

ARTICLES_SHOWN: Final = 10
ARTICLES_MAX: Final = 10_000


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (show, ledger, reasons, status, reconcile):
        app.command()(command)


def show(
    rma: Annotated[
        str,
        typer.Argument(
            help="The return's number (capitals and dashes may be left out), its id, its parcel's tracking number, or "
            "an order's id."
        ),
    ],
    money: Annotated[bool, typer.Option("--money", help="Also how the order's cents are shared out.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one return: the state of each line, what happened when, the money. Or an order: units, cents, returns."""
    from infra.settings import Settings
    from projections.tracking.case_file import find_return, read_case_file
    from workers.operating.shown_texts import shown_texts, told
    from workers.pictures.orders import allocation
    from workers.pictures.returns import picture
    from workers.pictures.terminal import stacked

    with reading() as connection:
        rma_id = find_return(connection, rma)
        case = read_case_file(connection, rma_id) if rma_id else None
        if case is None:
            _show_order(connection, rma, as_json=as_json)
            return
        order_id = case.summary["order_id"]
        order = _order(connection, order_id) if money else {}
    texts = shown_texts(Settings(), (f"rma/{rma_id}", f"order/{order_id}"), "rma show")
    if as_json:
        print_json(told(case.as_dict() | order, texts))
    else:
        console().print(picture(_opened(case, texts)))
        if money:
            console().print(stacked(*allocation(order_id, order["units"], order["exchanges"])))


def _opened(case: CaseFile, texts: Mapping[str, str]) -> CaseFile:
    """Return a return with its texts as they were written, or marked, where this process may not see them."""
    from dataclasses import fields, replace

    from workers.operating.shown_texts import with_texts

    parts = {part.name: with_texts(getattr(case, part.name), texts) for part in fields(case)}
    return replace(case, **parts) if texts else case


def _order(connection: Connection, order_id: str) -> dict[str, Any]:
    from projections.tracking.case_file import read_allocation, read_exchanges

    return {"units": read_allocation(connection, order_id), "exchanges": read_exchanges(connection, order_id)}


def _show_order(connection: Connection, order_id: str, *, as_json: bool) -> None:
    from projections.tracking.case_file import read_returns_of_order
    from workers.pictures.orders import order_card

    order = _order(connection, order_id)
    if not order["units"]:
        raise unknown(order_id, "no return and no order")
    returns = read_returns_of_order(connection, order_id)
    if as_json:
        print_json({"order_id": order_id, "returns": returns} | order)
    else:
        console().print(order_card(order_id, order["units"], returns, order["exchanges"]))


def ledger(
    order: Annotated[str | None, typer.Argument(help="An order: its account card instead.")] = None,
    period: Annotated[str | None, typer.Option(help="A closed month, such as 2026-03: its books instead.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="With --period: write its journal as CSV, for a spreadsheet.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the refund ledger's trial balance; exit code 1 where it does not sum to zero.

    Of a closed month: what each account held before, its debits and credits, what it held in the end. An entry belongs
    to the month (UTC) in which it was recorded, so that a closed month stays as it is for ever.
    """
    if period is not None or csv is not None:
        if order is not None or period is None:
            raise WrongUsageError("--csv belongs to --period, and --period to no order")
        _show_month(period, csv, as_json=as_json)
        return
    from projections.refund_ledger.balances import read_account_card, read_trial_balance
    from workers.pictures.tables import account_card, trial_balance

    with reading() as connection:
        if order is not None:
            entries = read_account_card(connection, order)
            if not entries:
                raise SaidNoError(f"nothing was posted for order {order}; is its id right, was a refund requested?")
            print_json(entries) if as_json else console().print(account_card(order, entries))
            return
        balances, unbalanced = read_trial_balance(connection)
    if as_json:
        print_json({"balances": balances, "unbalanced": unbalanced})
    else:
        console().print(trial_balance(balances, unbalanced))
    if unbalanced:
        raise typer.Exit(SAID_NO)


def _show_month(period: str, csv: Path | None, *, as_json: bool) -> None:
    from projections.refund_ledger.period import JOURNAL_COLUMNS, read_balances, read_journal
    from workers.desk.closed_months import closed_month
    from workers.pictures.spreadsheets import write_rows
    from workers.pictures.tables import month_balance

    with reading() as connection, connection.transaction():
        month = closed_month(connection, period)
        balances = read_balances(connection, month)
        if csv is not None:
            try:
                lines = write_rows(csv, JOURNAL_COLUMNS, read_journal(connection, month))
            except OSError as error:
                raise WrongUsageError(f"{csv} cannot be written: {error.strerror}") from error
        if as_json:
            print_json({"period": period, "balances": balances, "journal": list(read_journal(connection, month))})
            return
    console().print(month_balance(period, balances))
    if csv is not None:
        console().print(f"{counted(lines, 'line')} of its journal in {csv}")


def reasons(
    articles: Annotated[int, typer.Option(min=1, max=ARTICLES_MAX, help="Most articles listed.")] = ARTICLES_SHOWN,
    as_json: AsJson = False,
) -> None:
    """Show why goods come back: claimed reasons, confirmed causes, rates."""
    from projections.return_reasons.rates import read_reason_tables
    from workers.pictures.tables import reason_bars

    with reading() as connection:
        tables = read_reason_tables(connection, skus_max=articles)
    print_json(tables) if as_json else console().print(reason_bars(tables))


def status(as_json: AsJson = False) -> None:
    """Show how far each worker has come, dead letters and positions."""
    from infra.settings import Settings
    from workers.operating.status import read_status
    from workers.pictures.status import picture

    found = read_status(Settings())
    print_json(found.as_dict()) if as_json else console().print(picture(found))


def reconcile(
    file: Annotated[
        Path, typer.Argument(help="CSV: payout_id, amount (minor units), currency, settled_at, reference.")
    ],
    since: Annotated[str | None, typer.Option(help="Beginning of the file's period (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="End of the file's period (RFC 3339).")] = None,
    compare_only: Annotated[bool, typer.Option("--compare-only", help="Do not record what differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare our payouts with a gateway's settlement file; exit code 1 on a difference or a broken row.

    What differs is recorded, for an agent to resolve: `rma differences`.
    """
    from infra.settings import Settings
    from workers.desk.reconciliation import reconcile as compare_books
    from workers.desk.reconciliation import record
    from workers.pictures.differences import picture

    begins, ends = instant_of(since, "--since"), instant_of(until, "--until")
    if begins and ends and begins >= ends:
        raise WrongUsageError("--since must be before --until")
    try:
        report = compare_books(Settings(), file, since=begins, until=ends)
    except OSError as error:
        raise WrongUsageError(f"{file} cannot be read: {error.strerror}") from error
    print_json(report.as_dict()) if as_json else console().print(picture(report))
    if report.differences and not compare_only:
        told = record(Settings(), report.differences)
        if not as_json:
            known = "those recorded before are not recorded again"
            console().print(f"{counted(told, 'difference')} told, {known}; see: rma differences list")
    if not report.agrees:
        raise typer.Exit(SAID_NO)

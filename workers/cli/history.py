"""`rma audit replay` and `rma audit trail`: what was known when, and who did what."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from workers.cli.arguments import instant_of, unknown
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.pictures.terminal import AsJson, console, counted, print_json, print_json_line, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from infra.sealing.openings import Looked
    from workers.audit.replaying import Moment
    from workers.audit.trail import Step

ROWS_IN_A_TABLE: Final = 500


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(replay)
    app.command()(trail)


def _open() -> closing[Connection]:
    from infra.addresses import postgres_address
    from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
    from infra.settings import Settings

    return closing(connect(postgres_address(Settings()), statement_timeout_ms=SCHEMA_CHANGE_MAX_MS))


def replay(
    *,
    target: Annotated[
        str | None, typer.Argument(metavar="[RMA|ORDER]", help="A return or an order, as for `rma show`.")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="What was recorded then or before (RFC 3339).")] = None,
    position: Annotated[int | None, typer.Option(min=0, help="What was recorded up to this place in the log.")] = None,
    occurred_by: Annotated[
        str | None, typer.Option("--occurred-by", help="Of that only what had happened then or before (RFC 3339).")
    ] = None,
    views: Annotated[
        list[str] | None, typer.Option("--views", metavar="VIEW", help="Rows of a view instead; may be given again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a return, an order or a view as it stood at a moment: read models are filled up to there, and dropped after.

    Rows of views are printed as JSON, one a line; without a return or an order those of the whole system.
    """
    from infra.settings import Settings
    from workers.audit.replaying import moment, replayed

    if as_of is not None and position is not None:
        raise WrongUsageError("--as-of and --position name a moment each: give one of them")
    if target is None and not views:
        raise WrongUsageError("name a return or an order, or a view by --views")
    with _open() as connection:
        rma_id, key = _named(connection, target)
        times = {"as_of": instant_of(as_of, "--as-of"), "occurred_by": instant_of(occurred_by, "--occurred-by")}
        until = moment(connection, position=position, **times)
    with replayed(Settings(), until, key) as told:
        if views:
            _print_views(told, views)
        else:
            _show(told, rma_id, str(key), until, as_json=as_json)


def _named(connection: Connection, target: str | None) -> tuple[UUID | None, str | None]:
    """Return a return's id, if one was named, and the order it belongs to."""
    from infra.log.auditing import key_of_stream
    from projections.tracking.case_file import find_return

    if target is None:
        return None, None
    rma_id = find_return(connection, target)
    key = key_of_stream(connection, f"rma/{rma_id}" if rma_id else f"order/{target}")
    if key is None:
        raise unknown(target, "no return and no order")
    return rma_id, key


def _print_views(told: Connection, views: list[str]) -> None:
    from workers.audit.replaying import view_rows

    for view in views:
        for row in view_rows(told, view):
            print_json_line({"view": view, **row})


def _show(told: Connection, rma_id: UUID | None, order_id: str, until: Moment, *, as_json: bool) -> None:
    """Print a return or an order as `rma show` does."""
    from projections.tracking.case_file import case_file_at, read_allocation, read_exchanges, read_returns_of_order
    from workers.pictures.orders import order_card
    from workers.pictures.returns import picture

    stood = {"position": until.position, "occurred_by": until.occurred_by}
    if rma_id is not None:
        case = case_file_at(told, rma_id)
        if case is None:
            raise SaidNoError(
                f"the return was not there yet: nothing of it was recorded up to position {until.position}"
            )
        print_json(stood | case.as_dict()) if as_json else console().print(picture(case))
        return
    units, exchanges = read_allocation(told, order_id), read_exchanges(told, order_id)
    if not units:
        raise SaidNoError(f"the order was not there yet: nothing of it was recorded up to position {until.position}")
    returns = read_returns_of_order(told, order_id)
    if as_json:
        print_json(stood | {"order_id": order_id, "returns": returns, "units": units, "exchanges": exchanges})
    else:
        console().print(order_card(order_id, units, returns, exchanges))


def trail(
    *,
    rma: Annotated[str | None, typer.Option(help="Of this return.")] = None,
    order: Annotated[str | None, typer.Option(help="Of this order and its returns.")] = None,
    customer: Annotated[str | None, typer.Option(help="Of this customer's orders.")] = None,
    actor: Annotated[str | None, typer.Option(help="By whom, such as agent:ann.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Of this kind, such as Requested.")] = None,
    since: Annotated[str | None, typer.Option(help="Recorded then or later (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded before (RFC 3339).")] = None,
    overrides: Annotated[bool, typer.Option("--overrides", help="What people decided against a decision.")] = False,
    openings: Annotated[bool, typer.Option("--openings", help="Who opened which sealed texts, instead.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write it as CSV, for a spreadsheet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one event a line, instead of tables.")] = False,
) -> None:
    """Show who did what, when, and why, as the log has it; however much it is, memory stays flat."""
    from infra.log.auditing import Sought
    from infra.sealing.openings import Looked
    from workers.audit.trail import COLUMNS, OVERRIDE, steps, types_named
    from workers.pictures.spreadsheets import write_rows
    from workers.runtime.parts import make_codec

    wanted = OVERRIDE if overrides else kind
    if overrides and kind is not None:
        raise WrongUsageError("--overrides is a --type of its own: give one of them")
    if openings:
        if wanted is not None:
            raise WrongUsageError("--openings are no events: they have no --type, nor --overrides")
        who = Looked(actor=actor, since=instant_of(since, "--since"), until=instant_of(until, "--until"))
        _tell_openings(_looked_at(who, rma=rma, order=order, customer=customer), csv, as_json=as_json)
        return
    with _open() as connection:
        sought = Sought(
            actor=actor,
            types=None if wanted is None else types_named(make_codec(), wanted),
            since=instant_of(since, "--since"),
            until=instant_of(until, "--until"),
            **_of_whom(connection, rma=rma, order=order, customer=customer),
        )
        found = steps(connection, sought)
        if csv is not None:
            console().print(f"{counted(write_rows(csv, COLUMNS, found), 'event')} in {csv}")
        elif as_json:
            for step in found:
                print_json_line(step)
        else:
            _print_tables(found)


def _looked_at(looked: Looked, *, rma: str | None, order: str | None, customer: str | None) -> Looked:
    """Return which openings are asked for: of a return's texts, of an order's and its returns', or of a customer's."""
    from dataclasses import replace

    from domain.identity import customer_stream, order_stream, rma_stream

    if customer is not None and rma is None and order is None:
        return replace(looked, persons=[customer_stream(customer)])
    if rma is None and order is None:
        return looked
    with _open() as connection:
        named = _of_whom(connection, rma=rma, order=order, customer=customer)
        if rma is not None:
            return replace(looked, streams=[named["stream"]])
        returns = connection.execute("SELECT rma_id FROM rma_read.returns WHERE order_id = %s", (order,))
        return replace(looked, streams=[order_stream(str(order)), *(rma_stream(rma_id) for (rma_id,) in returns)])


def _tell_openings(looked: Looked, csv: Path | None, *, as_json: bool) -> None:
    from infra.sealing.openings import Opening
    from infra.sealing.openings import openings as openings_of
    from infra.sealing.vault import opened_register
    from infra.settings import Settings
    from workers.pictures.spreadsheets import write_rows

    with closing(opened_register(Settings())) as connection:
        found = (opening._asdict() for opening in openings_of(connection, looked))
        if csv is not None:
            rows = (one | {"fields": ", ".join(one["fields"])} for one in found)
            console().print(f"{counted(write_rows(csv, Opening._fields, rows), 'opening')} in {csv}")
        elif as_json:
            for one in found:
                print_json_line(one)
        else:
            while page := list(islice(found, ROWS_IN_A_TABLE)):
                cells = [[*list(one.values())[:-1], ", ".join(one["fields"])] for one in page]
                columns = ("#number", "opened", "by whom", "why", "of whom", "stream", "texts")
                console().print(table(None, columns, cells))


def _of_whom(connection: Connection, *, rma: str | None, order: str | None, customer: str | None) -> dict[str, Any]:
    """Return the stream and the orders that are asked for."""
    from projections.tracking.case_file import find_return

    if sum(one is not None for one in (rma, order, customer)) > 1:
        raise WrongUsageError("--rma, --order and --customer each say of whom: give one of them")
    if rma is not None:
        rma_id = find_return(connection, rma)
        if rma_id is None:
            raise unknown(rma)
        return {"stream": f"rma/{rma_id}"}
    if customer is not None:
        orders = connection.execute("SELECT order_id FROM rma_read.orders WHERE customer_id = %s", (customer,))
        return {"keys": [order_id for (order_id,) in orders]}
    return {} if order is None else {"keys": [order]}


def _print_tables(found: Iterable[Step]) -> None:
    """Print table after table, so that none has to be held whole."""
    rows = iter(found)
    while page := list(islice(rows, ROWS_IN_A_TABLE)):
        cells = [
            [one["position"], one["recorded_at"], one["actor"], one["event"], one["stream"], one["key"], _why(one)]
            for one in page
        ]
        columns = ("#position", "recorded", "by whom", "what", "stream", "key", "why")
        console().print(table(None, columns, cells))


def _why(step: Step) -> str:
    approved = f"approved by {step['approved_by']}" if step["approved_by"] else ""
    return "; ".join(filter(None, (step["why"], approved)))

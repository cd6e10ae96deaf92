"""`rma audit replay`: what was known when."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from workers.cli.arguments import instant_of, unknown
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.pictures.terminal import AsJson, console, print_json, print_json_line

if TYPE_CHECKING:
    from psycopg import Connection

    from workers.audit.replaying import Moment


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(replay)


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

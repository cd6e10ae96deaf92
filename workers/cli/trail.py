"""`rma audit trail`: who did what, when and why, and who looked at what people wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.cli.arguments import instant_of, unknown
from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import console, counted, print_json_line, table

if TYPE_CHECKING:
    from psycopg import Connection

    from infra.sealing.openings import Looked, Opening
    from workers.audit.trail import Step

ROWS_IN_A_TABLE: Final = 500
Whose = Mapping[str, str | None]
"""Of whom, as it was typed: ``rma``, ``order``, ``customer``, at most one of which is given."""


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(trail)


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
    opened: Annotated[bool, typer.Option("--open", help="Show sealed texts opened; that you looked is on record.")] = (
        False
    ),
    csv: Annotated[Path | None, typer.Option(help="Write it as CSV, for a spreadsheet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one event a line, instead of tables.")] = False,
) -> None:
    """Show who did what, when, and why, as the log has it; however much it is, memory stays flat."""
    if sum((overrides, kind is not None, openings)) > 1:
        raise WrongUsageError("--overrides, --type and --openings each say what is sought: give one of them")
    if openings and opened:
        raise WrongUsageError("--openings hold no text: there is nothing to --open")
    whose = {"rma": rma, "order": order, "customer": customer}
    if sum(one is not None for one in whose.values()) > 1:
        raise WrongUsageError("--rma, --order and --customer each say of whom: give one of them")
    limits = {"actor": actor, "since": instant_of(since, "--since"), "until": instant_of(until, "--until")}
    if openings:
        _tell_openings(_looked_at(whose, limits), csv, as_json=as_json)
    else:
        _tell_steps(whose, {**limits, "kind": kind, "overrides": overrides}, csv, opened=opened, as_json=as_json)


def _open() -> closing[Connection]:
    from infra.addresses import postgres_address
    from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
    from infra.settings import Settings

    return closing(connect(postgres_address(Settings()), statement_timeout_ms=SCHEMA_CHANGE_MAX_MS))


def _tell_steps(whose: Whose, limits: dict[str, Any], csv: Path | None, *, opened: bool, as_json: bool) -> None:
    from infra.log.auditing import Sought
    from infra.settings import Settings
    from workers.audit.trail import COLUMNS, OVERRIDE, opening_texts, steps, types_named
    from workers.pictures.spreadsheets import write_rows
    from workers.runtime.every_event import make_codec

    kind, overrides = limits.pop("kind"), limits.pop("overrides")
    named = OVERRIDE if overrides else kind
    types = None if named is None else types_named(make_codec(), named)
    with ExitStack() as stack:
        connection = stack.enter_context(_open())
        texts_of = stack.enter_context(opening_texts(Settings())) if opened else None
        sought = Sought(types=types, **limits, **_of_whom(connection, whose))
        found = steps(connection, sought, texts_of)
        if csv is not None:
            console().print(f"{counted(write_rows(csv, COLUMNS, found), 'event')} in {csv}")
        elif as_json:
            for step in found:
                print_json_line(step)
        else:
            _print_tables(found)


def _of_whom(connection: Connection, whose: Whose) -> dict[str, Any]:
    """Return the stream and the orders that are asked for."""
    from projections.tracking.case_file import find_return

    if (rma := whose["rma"]) is not None:
        rma_id = find_return(connection, rma)
        if rma_id is None:
            raise unknown(rma)
        return {"stream": f"rma/{rma_id}"}
    if (customer := whose["customer"]) is not None:
        orders = connection.execute("SELECT order_id FROM rma_read.orders WHERE customer_id = %s", (customer,))
        return {"keys": [order_id for (order_id,) in orders]}
    return {} if whose["order"] is None else {"keys": [whose["order"]]}


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


def _looked_at(whose: Whose, limits: Mapping[str, Any]) -> Looked:
    """Return which openings are asked for: of a return's texts, of an order's and its returns', or of a customer's."""
    from domain.identity import customer_stream, order_stream, rma_stream
    from infra.sealing.openings import Looked

    if (customer := whose["customer"]) is not None:
        return Looked(persons=[customer_stream(customer)], **limits)
    if not any(whose.values()):
        return Looked(**limits)
    with _open() as connection:
        if (order := whose["order"]) is None:
            return Looked(streams=[_of_whom(connection, whose)["stream"]], **limits)
        returns = connection.execute("SELECT rma_id FROM rma_read.returns WHERE order_id = %s", (order,))
        return Looked(streams=[order_stream(order), *(rma_stream(rma_id) for (rma_id,) in returns)], **limits)


def _tell_openings(looked: Looked, csv: Path | None, *, as_json: bool) -> None:
    from infra.sealing.openings import Opening, openings
    from infra.sealing.vault import opened_register
    from infra.settings import Settings
    from workers.pictures.spreadsheets import write_rows

    with closing(opened_register(Settings())) as connection:
        found = openings(connection, looked)
        if csv is not None:
            rows = (dict(zip(Opening._fields, _cells(one), strict=True)) for one in found)
            console().print(f"{counted(write_rows(csv, Opening._fields, rows), 'opening')} in {csv}")
        elif as_json:
            for one in found:
                print_json_line(one._asdict())
        else:
            while page := list(islice(found, ROWS_IN_A_TABLE)):
                columns = ("#number", "opened", "by whom", "why", "of whom", "stream", "texts")
                console().print(table(None, columns, map(_cells, page)))


def _cells(opening: Opening) -> list[object]:
    return [*opening[:-1], ", ".join(opening.fields)]

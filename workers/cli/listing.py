"""`rma list`: which returns there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, get_args

import typer

from domain.vocabularies import NextStep, ReturnStatus
from workers.cli.arguments import reading
from workers.pictures.terminal import AsJson, console, print_json

LISTED: Final = 50
LISTED_MAX: Final = 200
DAYS_MAX: Final = 36_500


def _words(vocabulary: Any) -> str:
    return ", ".join(get_args(vocabulary))


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(name="list")(list_returns)


def list_returns(
    *,
    order: Annotated[str | None, typer.Option(help="Of this order.")] = None,
    customer: Annotated[str | None, typer.Option(help="Of this customer.")] = None,
    status: Annotated[
        ReturnStatus | None, typer.Option(metavar="STATUS", help=f"That stand there: {_words(ReturnStatus)}.")
    ] = None,
    next_step: Annotated[
        NextStep | None, typer.Option("--next", metavar="STEP", help=f"That wait for it: {_words(NextStep)}.")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="That are late: not sent, inspected or paid.")] = False,
    older_than: Annotated[
        int | None, typer.Option(min=0, max=DAYS_MAX, metavar="DAYS", help="Asked for so many days ago, or before.")
    ] = None,
    open_alone: Annotated[bool, typer.Option("--open", help="That are not closed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="At most so many.")] = LISTED,
    cursor: Annotated[str | None, typer.Option(help="Go on where the page ended that printed this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List returns, the newest first: all, or those that fit everything asked for."""
    from projections.tracking.listing import Wanted, read_page
    from workers.pictures.listing import picture

    now = datetime.now(UTC)
    wanted = Wanted(
        order_id=order,
        customer_id=customer,
        status=status,
        next_step=next_step,
        overdue=overdue,
        requested_before=None if older_than is None else now - timedelta(days=older_than),
        open=open_alone,
    )
    with reading() as connection:
        page = read_page(connection, wanted, limit=limit, cursor=cursor)
    print_json(page._asdict()) if as_json else console().print(picture(page, now))

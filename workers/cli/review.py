"""`rma review`: what waits for a person, and a person's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.cli.arguments import checked_actor, reading, unknown
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.cli.own_command import tell
from workers.pictures.terminal import AsJson, console, money, print_json, table

if TYPE_CHECKING:
    from uuid import UUID

LISTED: Final = 100
LISTED_MAX: Final = 10_000
SOURCE: Final = "/rma/review"
COLUMNS: Final = (
    "waiting since", "return", "#line", "article", "#units", "for", "codes", "reason", "wish", "grade", "#paid",
)  # fmt: skip

review = typer.Typer(help="Returns that wait for a person.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(review, name="review")


@review.command(name="list")
def list_waiting(
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="At most so many, the oldest.")] = LISTED,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, the longest first, with the codes that say why."""
    from projections.tracking.review_queue import read_review_queue

    with reading() as connection:
        waiting = read_review_queue(connection, limit)
    if as_json:
        print_json(waiting)
    elif not waiting:
        console().print("nothing waits for a person", style="green")
    else:
        console().print(table("Waiting for a person", COLUMNS, (_cells(one) for one in waiting)))


def _cells(one: dict[str, Any]) -> list[Any]:
    article = f"{one['sku']} ({one['line_id']})"
    paid = money(one["paid_minor"], one["currency"])
    names = ("quantity", "stage", "codes", "reason", "wish", "grade")
    return [one["waiting_since"], one["rma_number"], one["line"], article, *(one[name] for name in names), paid]


@review.command()
def decide(
    rma: Annotated[str, typer.Argument(help="The return's number, its id, or its parcel's tracking number.")],
    *,
    line: Annotated[int, typer.Option(min=1, help="The line of the return.")],
    quantity: Annotated[int | None, typer.Option(min=1, help="How many units; default: all that wait.")] = None,
    approve: Annotated[bool, typer.Option("--approve/--deny", help="What is decided.")],
    code: Annotated[str | None, typer.Option(help="Why not, as a code.")] = None,
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who decides, such as agent:NAME.")],
    note: Annotated[str | None, typer.Option(help="A note for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer what policy left to a person (DecideRequest); exit code 1 where the answer is not accepted."""
    if not approve and code is None:
        raise WrongUsageError("a denial says why: add --code")
    rma_id, order_id, waiting = _waiting(rma, line)
    units = quantity or waiting
    if not units:
        raise SaidNoError(f"line {line} of return {rma} does not wait for a person")
    chosen = {"line": line, "quantity": units, "decision": "approve" if approve else "deny", "code": code}
    told = {name: value for name, value in chosen.items() if value is not None}
    tell(
        "DecideRequest",
        {"rma_id": str(rma_id), "order_id": order_id, "lines": [told], "note": note},
        source=SOURCE,
        key=order_id,
        actor=actor,
        arguments={f"$.lines[0].{name}": f"--{name}" for name in ("line", "quantity", "code")} | {"$.note": "--note"},
        as_json=as_json,
    )


def _waiting(rma: str, line: int) -> tuple[UUID, str, int]:
    """Return a return's id and order, and how many units of the line wait; raises ``SaidNoError`` if unknown."""
    from projections.tracking.case_file import find_return, read_case_file

    with reading() as connection:
        rma_id = find_return(connection, rma)
        case = read_case_file(connection, rma_id) if rma_id else None
    if rma_id is None or case is None:
        raise unknown(rma)
    lines = [row for row in case.lines if row["line"] == line and row["authorization_state"] == "needs_review"]
    return rma_id, case.summary["order_id"], sum(row["quantity"] for row in lines)

"""`rma differences`: where a gateway's books and ours differ, and what an agent found out about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from domain.vocabularies import DifferenceResolution
from workers.cli.arguments import checked_actor, reading
from workers.cli.errors import SaidNoError
from workers.cli.own_command import tell
from workers.pictures.terminal import AsJson, console, money, print_json, table

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTED: Final = 100
LISTED_MAX: Final = 10_000
SOURCE: Final = "/rma/differences"
COLUMNS: Final = (
    "found", "difference", "kind", "payout", "here", "status here", "there", "reference", "order", "resolved",
)  # fmt: skip

differences = typer.Typer(help="Payouts on which a gateway's books and ours differ.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(differences, name="differences")


@differences.command(name="list")
def list_differences(
    everything: Annotated[bool, typer.Option("--all", help="Those resolved, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="At most so many, the oldest.")] = LISTED,
    as_json: AsJson = False,
) -> None:
    """List differences that wait for an agent, the oldest first."""
    from projections.refund_ledger.balances import read_differences

    with reading() as connection:
        found = read_differences(connection, limit, resolved_too=everything)
    if as_json:
        print_json(found)
    elif not found:
        console().print("no difference waits for an agent", style="green")
    else:
        console().print(table("Differences", COLUMNS, (_cells(one) for one in found)))


def _cells(one: Mapping[str, Any]) -> list[Any]:
    return [
        one["found_at"],
        str(one["difference_id"]),
        one["kind"].replace("_", " "),
        str(one["payout_id"]),
        money(one["here_minor"], one["here_currency"]),
        one["here_status"],
        money(one["there_minor"], one["there_currency"]),
        one["reference"],
        one["order_id"],
        one["resolution"],
    ]


@differences.command()
def resolve(
    difference: Annotated[UUID, typer.Argument(help="The difference's id.")],
    *,
    resolution: Annotated[
        DifferenceResolution, typer.Option("--how", help="Where it was corrected, or why it was not.")
    ],
    note: Annotated[str, typer.Option(help="What was behind it.")],
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who says so, such as agent:NAME.")],
    as_json: AsJson = False,
) -> None:
    """Say what was behind a difference (ResolveDifference); exit code 1 where that is not accepted."""
    from projections.refund_ledger.balances import find_difference

    with reading() as connection:
        known = find_difference(connection, difference)
    if known is None:
        raise SaidNoError(f"no difference {difference} is known")
    body = {"difference_id": str(difference), "resolution": resolution, "note": note}
    key = known["order_id"] or str(known["payout_id"])
    arguments = {"$.resolution": "--how", "$.note": "--note"}
    tell("ResolveDifference", body, source=SOURCE, key=key, actor=actor, arguments=arguments, as_json=as_json)

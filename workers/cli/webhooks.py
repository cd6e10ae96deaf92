"""`rma webhooks`: other systems that are told of events, and what they were told."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from uuid import UUID

import typer

from workers.cli.arguments import reading
from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, counted, print_json, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

    from workers.webhooks.subscriptions import NewSecret

LISTED: Final = 50
LISTED_MAX: Final = 10_000
COLUMNS: Final = ("subscription", "address", "types", "state", "#secrets", "#waiting", "#parked", "last delivered")
DELIVERY_COLUMNS: Final = ("event", "type", "key", "state", "#tries", "last tried", "why")

webhooks = typer.Typer(help="Other systems that are told of events, by signed requests.", no_args_is_help=True)

Subscription = Annotated[UUID, typer.Argument(help="As listed.", metavar="SUBSCRIPTION")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(webhooks, name="webhooks")


def _writing() -> closing[Connection]:
    from infra.addresses import postgres_address
    from infra.sessions import connect
    from infra.settings import Settings

    return closing(connect(postgres_address(Settings())))


@webhooks.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to, such as https://shop.example/hooks.", metavar="URL")],
    *,
    types: Annotated[
        str, typer.Option(help="Types of events, by commas; all that begin like it: rma.Rma.Requested.v1,rma.Order.*")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell an address of all events of these types from now on; its secret is shown once."""
    from infra.sealing.master_keys import read_master_keys
    from infra.settings import Settings
    from workers.runtime.every_event import make_codec
    from workers.webhooks import subscriptions

    settings = Settings()
    known = make_codec()
    wanted = subscriptions.types_of(types, known.types_of(*known.event_classes.values()))
    masters = read_master_keys(settings)
    with _writing() as connection:
        made = subscriptions.add(connection, masters, url, wanted, allow_private=settings.webhooks_allow_private)
    _show_secret(made, as_json=as_json)
    if not settings.webhooks:
        console(stderr=True).print("RMA_WEBHOOKS is not set here: whoever runs `rma work webhooks` needs it")


@webhooks.command(name="list")
def list_subscriptions(as_json: AsJson = False) -> None:
    """List who is told of which events, and what waits."""
    from workers.webhooks.subscriptions import listed

    with reading() as connection:
        found = listed(connection)
    if as_json:
        print_json(found)
    elif not found:
        console().print("nobody is told of events   (rma webhooks add)")
    else:
        console().print(table("Webhooks", COLUMNS, map(_subscription, found)))


@webhooks.command()
def pause(subscription: Subscription) -> None:
    """Tell a subscription nothing for now; what it would be told waits."""
    _pause(subscription, paused=True)
    console().print("paused; what comes waits   (rma webhooks resume)")


@webhooks.command()
def resume(subscription: Subscription) -> None:
    """Tell a subscription what waited, and all that comes."""
    _pause(subscription, paused=False)
    console().print("goes on", style="green")


def _pause(subscription: UUID, *, paused: bool) -> None:
    from workers.webhooks import subscriptions

    with _writing() as connection:
        subscriptions.pause(connection, subscription, paused=paused)


@webhooks.command()
def remove(subscription: Subscription) -> None:
    """End a subscription, and forget what it was told and was still to be told."""
    from workers.webhooks import subscriptions

    with _writing() as connection:
        subscriptions.remove(connection, subscription)
    console().print("removed")


@webhooks.command()
def rotate(subscription: Subscription, as_json: AsJson = False) -> None:
    """Give a subscription a new secret, shown once; the one before signs beside it for a day."""
    from infra.sealing.master_keys import read_master_keys
    from infra.settings import Settings
    from workers.webhooks import subscriptions

    masters = read_master_keys(Settings())
    with _writing() as connection:
        made = subscriptions.rotate(connection, masters, subscription)
    _show_secret(made, as_json=as_json)


@webhooks.command()
def deliveries(
    subscription: Subscription,
    state: Annotated[
        Literal["waiting", "delivered", "parked"] | None, typer.Option(help="Only those.", show_default="all")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="At most so many, the newest.")] = LISTED,
    as_json: AsJson = False,
) -> None:
    """List what a subscription was told in the last 30 days, and what waits, the newest first."""
    from workers.webhooks.lanes import shown

    with reading() as connection:
        found = shown(connection, subscription, state, limit)
    if as_json:
        print_json(found)
    elif not found:
        console().print("nothing was delivered, and nothing waits")
    else:
        console().print(table("Deliveries", DELIVERY_COLUMNS, map(_delivery, found)))


@webhooks.command()
def redeliver(
    subscription: Subscription,
    events: Annotated[list[UUID] | None, typer.Argument(help="Ids of events.", metavar="EVENT...")] = None,
    *,
    parked: Annotated[bool, typer.Option("--parked", help="All that were given up.")] = False,
) -> None:
    """Send events once more, marked, in their place in the order; their ids stay the same."""
    from workers.webhooks import lanes

    if bool(events) == parked:
        raise WrongUsageError("name the events to send once more, or say --parked")
    with _writing() as connection:
        sent = lanes.redeliver(connection, subscription, set(events or ()), all_parked=parked)
    console().print(f"{counted(sent, 'event')} to be sent once more")


def _show_secret(made: NewSecret, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": str(made.subscription_id), "secret": made.secret})
    else:
        typer.echo(f"subscription {made.subscription_id}\nits secret, shown this once:\n{made.secret}")


def _subscription(one: Mapping[str, Any]) -> list[Any]:
    state = "paused" if one["paused"] else "told"
    return [
        one["subscription_id"], one["url"], one["types"], state, one["secrets"], one["waiting"], one["parked"],
        one["delivered_at"],
    ]  # fmt: skip


def _delivery(one: Mapping[str, Any]) -> list[Any]:
    state = f"{one['state']}, once more" if one["redelivery"] else one["state"]
    return [one["event_id"], one["type"], one["key"], state, one["tries"], one["last_tried_at"], one["why"]]

"""`rma privacy` and `rma vault`: people who are forgotten, all that is held of one, and the keys of both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from workers.cli.arguments import checked_actor, reading
from workers.cli.errors import SaidNoError
from workers.cli.own_command import check, tell
from workers.pictures.terminal import AsJson, console, counted, money, print_json

SOURCE: Final = "/rma/privacy"
SHOWN_MAX: Final = 20

privacy = typer.Typer(help="What is held of a customer, and how it is forgotten.", no_args_is_help=True)
vault = typer.Typer(help="The keys under which texts are sealed.", no_args_is_help=True)

CustomerId = Annotated[str, typer.Argument(help="The shop's own name of the customer.", metavar="CUSTOMER")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(privacy, name="privacy")
    app.add_typer(vault, name="vault")


@privacy.command()
def erase(
    customer_id: CustomerId,
    *,
    reason: Annotated[str, typer.Option(help="Why: request, retention, court or other.")] = "request",
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who decides, such as agent:NAME.")],
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make all that a customer wrote unreadable, for ever; first say what is open for him and what stays."""
    from infra.settings import Settings
    from workers.operating.privacy import erase_letters, held_of

    body = {"customer_id": customer_id, "reason": reason}
    check("EraseCustomer", body, {"$.reason": "--reason", "$.customer_id": "CUSTOMER"})
    found = held_of(Settings(), customer_id)
    out = console(stderr=as_json)
    for one in found.open_returns[:SHOWN_MAX]:
        out.print(f"open: return {one['rma_number']} of order {one['order_id']}, {one['status']}")
    for one in found.unpaid_refunds[:SHOWN_MAX]:
        amount = money(one["amount_minor"], one["currency"])
        out.print(f"unpaid: refund of {amount} of order {one['order_id']}, {one['status']}")
    if found.unsealed:
        out.print(f"{found.unsealed} events with texts were recorded before texts were sealed: they stay readable")
    if found.plain_since:
        out.print(
            f"the topic of commands holds plain commands since {found.plain_since:%Y-%m-%d %H:%M} UTC, for 7 days"
        )
    if not yes and not typer.confirm(f"Make all texts of customer {customer_id} unreadable?", err=as_json):
        raise SaidNoError("nothing was erased")
    tell("EraseCustomer", body, source=SOURCE, key=customer_id, actor=actor, arguments={}, as_json=as_json)
    theirs, nobodys = erase_letters(Settings(), customer_id)
    letters = counted(len(theirs), "dead letter")
    out.print(f"{letters} made unreadable; files, sessions and mails of rma work http go within a minute")
    if nobodys:
        out.print(f"nobody's dead letters, to be looked at (rma dead show, rma dead drop --erase): {_some(nobodys)}")
    with reading() as connection:
        connection.execute("VACUUM rma_vault.keys")
        connection.execute("VACUUM rma_vault.letters")


def _some(names: list[str]) -> str:
    left = len(names) - SHOWN_MAX
    return ", ".join(names[:SHOWN_MAX]) + (f" and {left} more" if left > 0 else "")


@privacy.command()
def export(
    customer_id: CustomerId,
    out: Annotated[Path | None, typer.Option(help="The file; default: standard output.")] = None,
) -> None:
    """Write all that is held of a customer as JSON, with his texts (GDPR articles 15 and 20); that is on record."""
    import orjson

    from infra.settings import Settings
    from workers.operating.privacy import export_of
    from workers.operating.shown_texts import looking

    held = export_of(Settings(), customer_id, looking("rma privacy export"))
    if not held["events"]:
        raise SaidNoError(f"nothing is held of customer {customer_id}")
    if out is None:
        print_json(held)
    else:
        out.write_bytes(orjson.dumps(held, option=orjson.OPT_INDENT_2))


@vault.command()
def rotate() -> None:
    """Wrap all keys by the first master key of RMA_VAULT_KEY_FILE; the old one has to stand below it still."""
    from contextlib import closing

    from infra.addresses import postgres_address
    from infra.sealing.master_keys import read_master_keys
    from infra.sealing.vault import open_vault
    from infra.sessions import connect
    from infra.settings import Settings
    from workers.webhooks.subscriptions import wrap_anew

    settings = Settings()
    with closing(open_vault(settings)) as opened, closing(connect(postgres_address(settings))) as connection:
        turned = wrap_anew(connection, read_master_keys(settings)) + opened.rotate()
    console().print(f"{turned} keys are wrapped by the new master key; the old line can go", style="green")

"""`rma http`: who may come in by the HTTP API, and pictures of its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, print_json

http = typer.Typer(help="The HTTP API and its pages: keys, pictures. They are run by rma work http.")


@http.callback(invoke_without_command=True)
def door(
    context: typer.Context,
    screenshots: Annotated[
        Path | None, typer.Option(help="Write pictures of every page to this folder, by a shop that is made up.")
    ] = None,
) -> None:
    """The HTTP API and its pages: keys, pictures. They are run by rma work http."""
    if context.invoked_subcommand is not None:
        if screenshots is not None:
            raise WrongUsageError("--screenshots stands alone")
        return
    if screenshots is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from infra.logs import configure
    from infra.settings import Settings
    from workers.trials.screenshots.camera import take_screenshots

    settings = Settings()
    configure(settings.log_format, "error")  # what the pages do is to be seen, not read
    take_screenshots(settings, screenshots, console())


@http.command()
def key(
    *,
    name: Annotated[str, typer.Option(help="What the caller is called in logs.")],
    source: Annotated[str, typer.Option(help="The source of all its commands, such as /shop.")],
    kinds: Annotated[str, typer.Option(help="Kinds of actors that it speaks for, by commas: system,agent,customer.")],
    access: Annotated[str, typer.Option(help="read, or write, which may read, too.")] = "read",
    sellers: Annotated[str | None, typer.Option(help="Sellers whose orders it sees, by commas; default: all.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="May say who approved a command.")] = False,
    backdate: Annotated[bool, typer.Option("--backdate", help="May send commands of another time than now.")] = False,
    personal: Annotated[
        bool, typer.Option("--personal", help="Sees what people wrote; each look is on record.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key: it is shown once; the line with its hash goes into the file of RMA_HTTP_KEYS_FILE."""
    import pydantic

    from workers.http.callers import new_key

    try:
        token, line = new_key(
            name=name,
            source=source,
            kinds=frozenset(filter(None, kinds.split(","))),
            access=access,
            scope="all" if sellers is None else frozenset(filter(None, sellers.split(","))),
            approve=approve,
            backdate=backdate,
            personal=personal,
        )
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        named = "; ".join(f"--{fault['loc'][0]}: {fault['msg']}" for fault in faults)
        raise WrongUsageError(f"such a key cannot be made: {named}") from error
    if as_json:
        print_json({"token": token, "line": line})
        return
    typer.echo(f"the key, shown this once:\n{token}\n\nthe line for the file of RMA_HTTP_KEYS_FILE:\n{line}")

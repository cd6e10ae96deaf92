"""The command line ``rma``. What a command needs is imported when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli import (
    answer,
    ask,
    chaos,
    credit_note,
    dead,
    differences,
    doctor,
    listing,
    local_stack,
    look,
    policy,
    privacy,
    rebuild,
    recovery,
    review,
    send,
    statutes,
    webhooks,
)
from workers.cli.audit import audit
from workers.cli.bench import bench
from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import ReportingGroup
from workers.cli.http import http
from workers.cli.work import work
from workers.pictures.plain import print_alike
from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from workers.trials.gateway_simulator.server import MisbehaviourPlan

app = typer.Typer(
    name="rma",
    cls=ReportingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _tell_version(asked: bool) -> None:
    """Print the version and end, where that is all that was asked."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"rma {version('rma')}")
        raise typer.Exit


@app.callback()
def rma(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Returns, from request to feedback: commands in, events kept, read models beside them."""


local_stack.register(app)
doctor.register(app)
app.add_typer(work, name="work")
app.add_typer(bench, name="bench")
app.add_typer(http, name="http")
app.add_typer(audit, name="audit")
look.register(app)
listing.register(app)
credit_note.register(app)
send.register(app)
answer.register(app)
dead.register(app)
chaos.register(app)
rebuild.register(app)
recovery.register(app)
ask.register(app)
review.register(app)
differences.register(app)
policy.register(app)
privacy.register(app)
statutes.register(app)
webhooks.register(app)


@app.command()
def init(
    without_policy: Annotated[
        bool, typer.Option("--without-policy", help="Publish no policy: orders wait for one of yours.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create what is missing of schemas and topics; a new system gets today's law and a 30-day policy. Repeatable."""
    from infra.logs import configure
    from infra.settings import Settings
    from workers.operating.initialising import initialise
    from workers.operating.law_in_use import read_law
    from workers.operating.standard_policy import begin

    settings = Settings()
    made = initialise(settings)
    configure(settings.log_format, "warning")  # the policy is decided in this process: that is not what is reported
    begun = begin(settings, with_policy=not without_policy)
    law = read_law(settings)
    if as_json:
        print_json(asdict(made) | asdict(begun) | {"law": asdict(law)})
        return
    out = console()
    out.print(f"schemas: {', '.join(made.migrations) or 'all there'}")
    out.print(f"topics:  {', '.join(made.topics) or 'all there'}")
    if settings.postgres_roles:
        out.print(f"roles:   {', '.join(made.roles) or 'all there'}")
    out.print(f"keys:    partitioned by {made.partitioner}")
    out.print(f"policy:  {begun.policy}, 30 days from delivery" if begun.policy else "policy:  none published")
    if begun.statutes:
        out.print(f"law:     edition {begun.statutes}, for requests from now on")
    elif law.remedy:
        out.print(f"law:     edition {law.published}; edition {law.newest} is there, {law.remedy}", soft_wrap=True)
    if made.audit_key:
        out.print(f"audit:   a key to sign with is new in {settings.audit_key_file}", soft_wrap=True)
    if made.vault_key:
        out.print(f"vault:   a master key is new in {settings.vault_key_file}: keep a copy elsewhere", soft_wrap=True)


@app.command()
def gateway(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0: any that is free.")] = 0,
    book: Annotated[
        Path | None, typer.Option(help="Its book (SQLite); default: gateway.sqlite in the data folder.")
    ] = None,
    plan: Annotated[str, typer.Option(help='What to do wrong, as JSON, such as {"rates": {"lose": 0.1}}.')] = "{}",
) -> None:
    """Run a payment gateway for trials, in the foreground; it prints its address, for RMA_GATEWAY_URL."""
    from infra.logs import configure
    from infra.settings import Settings
    from workers.runtime.loop import stop_on_signals
    from workers.trials.gateway_simulator.server import serve

    misbehaviour = _plan(plan)
    settings = Settings()
    configure(settings.log_format, settings.log_level)  # to standard error: the address stands alone on the other one
    file = book or settings.data_dir / "gateway.sqlite"
    serve(file, port=port, plan=misbehaviour, stop=stop_on_signals(), announce=typer.echo)


def _plan(text: str) -> MisbehaviourPlan:
    import pydantic

    from workers.trials.gateway_simulator.server import MisbehaviourPlan

    try:
        return MisbehaviourPlan.model_validate_json(text)
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        named = "; ".join(".".join(map(str, (*fault["loc"], ""))) + f" {fault['msg']}" for fault in faults)
        raise WrongUsageError(f"--plan cannot be used: {named.strip()}") from error


@app.command()
def demo(
    stay: Annotated[bool, typer.Option("--open", help="Keep its pages open when all is told, until Ctrl-C.")] = False,
) -> None:
    """Tell a return's story through all six steps, of an invoice and an exchange, then a shop's week; in a minute."""
    from infra.logs import configure
    from infra.settings import Settings
    from workers.trials.demo.narration import run_demo

    settings = Settings()
    configure(settings.log_format, "warning")  # the gateway works in this process; the story is told without its log
    run_demo(settings, console(), stay=stay)


def main() -> None:
    """Run the command line."""
    print_alike()
    app()


if __name__ == "__main__":
    main()

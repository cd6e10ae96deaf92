"""`rma rebuild`: a read model, filled anew."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.pictures.terminal import AsJson, console, counted, print_json, progress


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(rebuild)


def rebuild(
    projection: Annotated[str, typer.Argument(help="tracking, refund_ledger or return_reasons", metavar="PROJECTION")],
    *,
    anew: Annotated[bool, typer.Option("--anew", help="Begin with the first event, whatever was broken off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fill a read model anew from the topic, beside the live one, then let it take the live one's place.

    One that was broken off goes on where it stood.
    """
    from dataclasses import asdict

    from infra.settings import Settings
    from projections.read_models import projection_named
    from workers.operating.rebuilding import rebuild as rebuild_one

    projection_named(projection)
    with progress() as shown:
        task = shown.add_task(f"filling {projection}", total=None)
        rebuilt = rebuild_one(
            Settings(), projection, lambda done, total: shown.update(task, completed=done, total=total), anew=anew
        )
    if as_json:
        print_json(asdict(rebuilt))
    else:
        before = f", {rebuilt.read_before:,} of them read before it was broken off" if rebuilt.read_before else ""
        events = counted(rebuilt.records, "event")
        console().print(f"{projection} (version {rebuilt.version}) holds {events} anew{before}, and is live")

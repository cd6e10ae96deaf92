"""`rma policy prove`: whether a document can give anyone less than the law grants, and for which facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, print_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from domain.policy.proof.prove import Search, Shortfall

Read = TypeVar("Read", bound="BaseModel")

FILE_BYTES_MAX: Final = 4_000_000
FAULTS_SHOWN: Final = 5


def register(policy: typer.Typer) -> None:
    """Add the command to `rma policy`."""
    policy.command()(prove)


def prove(
    file: Annotated[Path, typer.Argument(help="A policy document (JSON).", exists=True, dir_okay=False)],
    facts: Annotated[
        Path | None,
        typer.Option(help="Facts (JSON) to decide on instead: a counterexample shows its shortfall again."),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Fail, too, where the document without the statutes gives less.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show that no return gets less than the statutes grant, or for which facts one does (exit code 1)."""
    from domain.policy.document import PolicyDocument
    from domain.policy.facts import Facts
    from domain.policy.proof import prove as proving

    document = _read(file, PolicyDocument)
    if facts is not None:
        line = _read(facts, Facts)
        decided = {"merged": proving.merged(document, line), "alone": proving.alone(document, line)}
        found = {name: proving.fallen_short(line, decision) for name, decision in decided.items()}
        holds = {name: not fallen for name, fallen in found.items()}
        if as_json:
            print_json({name: _as_data(fallen) for name, fallen in found.items()})
        else:
            _print_shortfalls("decided under the statutes", found["merged"])
            _print_shortfalls("decided by the document alone", found["alone"])
    else:
        proof = proving.prove(document)
        holds = {"merged": proof.merged.proved, "alone": proof.alone.proved}
        if as_json:
            print_json({"merged": _search_data(proof.merged), "alone": _search_data(proof.alone)})
        else:
            _print_search("decided under the statutes", proof.merged)
            _print_search("decided by the document alone", proof.alone)
    if not holds["merged"] or (alone and not holds["alone"]):
        raise typer.Exit(SAID_NO)


def _read(file: Path, model: type[Read]) -> Read:
    from pydantic import ValidationError

    if file.stat().st_size > FILE_BYTES_MAX:
        raise WrongUsageError(f"{file} is larger than {FILE_BYTES_MAX:,} bytes")
    try:
        return model.model_validate_json(file.read_bytes())
    except ValidationError as refused:
        faults = [f"{'.'.join(map(str, fault['loc'])) or file.name}: {fault['msg']}" for fault in refused.errors()]
        raise WrongUsageError(f"{file}: {'; '.join(faults[:FAULTS_SHOWN])}") from refused


def _search_data(search: Search) -> dict[str, object]:
    return {
        "proved": search.proved,
        "cases": search.cases,
        "not_searched": search.not_searched,
        "shortfalls": _as_data(search.shortfalls),
    }


def _as_data(shortfalls: Sequence[Shortfall]) -> list[dict[str, object]]:
    return [
        {"right": one.right, **one.demand._asdict(), "facts": one.facts.model_dump(mode="json", exclude_none=True)}
        for one in shortfalls
    ]


def _print_search(title: str, search: Search) -> None:
    if search.proved:
        console().print(f"{title}: never less than the statutes grant ({search.cases:,} cases)")
    if search.not_searched:
        console().print(f"{title}: too much to look into, nothing is proved for {', '.join(search.not_searched)}")
    if search.shortfalls:
        _print_shortfalls(f"{title} ({search.cases:,} cases)", search.shortfalls)


def _print_shortfalls(title: str, shortfalls: Sequence[Shortfall]) -> None:
    out = console()
    if not shortfalls:
        out.print(f"{title}: nothing less than the statutes grant")
        return
    rows = [(one.right, one.demand.effect, one.demand.least, one.demand.found) for one in shortfalls]
    out.print(table(f"{title}: less than granted", ("right", "effect", "at least", "found"), rows))
    for one in shortfalls:
        out.print(f"facts for {one.right}, {one.demand.effect} (run them with --facts):", style="dim")
        out.print(one.facts.model_dump_json(exclude_none=True, exclude_defaults=True), soft_wrap=True)

"""`rma policy prove`: whether a document by itself gives anyone less than the law grants, and for which facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, print_json, progress, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from domain.policy.document import PolicyDocument
    from domain.policy.facts import Facts
    from domain.policy.proof.prove import Proof, Shortfall

Read = TypeVar("Read", bound="BaseModel")

FILE_BYTES_MAX: Final = 4_000_000
FAULTS_SHOWN: Final = 5
COUNTRIES_SHOWN: Final = 8


def register(policy: typer.Typer) -> None:
    """Add the command to `rma policy`."""
    policy.command()(prove)


def prove(
    file: Annotated[Path, typer.Argument(help="A policy document (JSON).", exists=True, dir_okay=False)],
    *,
    facts: Annotated[
        Path | None,
        typer.Option(help="Facts (JSON) to decide on instead: a counterexample shows its shortfall again."),
    ] = None,
    edition: Annotated[int | None, typer.Option(help="The edition of the law; default: the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show that a document by itself gives no one less than the law grants, or to whom it does (exit code 1).

    Such a document harms nobody: the law widens each decision. But it promises less than is due.
    """
    from domain.policy.document import PolicyDocument
    from domain.policy.facts import Facts
    from domain.policy.statutes import EDITIONS, NEWEST

    if edition is not None and edition not in EDITIONS:
        raise WrongUsageError(f"--edition: there is no edition {edition}; there are: {EDITIONS}")
    document, number = _read(file, PolicyDocument), edition or NEWEST
    if facts is not None:
        _run(document, _read(facts, Facts), number, as_json=as_json)
        return
    proof = _searched(document, number)
    print_json(_as_data(proof)) if as_json else _print(proof)
    if not proof.proved:
        raise typer.Exit(SAID_NO)


def _searched(document: PolicyDocument, edition: int) -> Proof:
    from domain.policy.proof import prove as proving
    from infra.calendars import holidays_of

    with progress() as shown:
        task = shown.add_task("holding the document to the law", total=None)

        def tell(done: int, of: int, right: str) -> None:
            shown.update(task, completed=done, total=of, description=right)

        return proving.prove(document, edition, tell, holidays_of)


def _run(document: PolicyDocument, line: Facts, edition: int, *, as_json: bool) -> None:
    from domain.policy.proof import prove as proving

    alone = proving.fallen_short(line, proving.alone(document, line), edition)
    widened = proving.fallen_short(line, proving.merged(document, line, edition), edition)
    if as_json:
        print_json({"alone": [_one(short) for short in alone], "widened": [_one(short) for short in widened]})
    else:
        _print_shortfalls("decided by the document alone", alone)
        _print_shortfalls("decided under the law", widened)
    if alone:
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


def _as_data(proof: Proof) -> dict[str, object]:
    return {
        "edition": proof.edition,
        "proved": proof.proved,
        "lines": proof.lines,
        "shortfalls": [_one(short) for short in proof.shortfalls],
        "law_makes_good": proof.widened,
        "countries": proof.countries,
        "not_searched": [left._asdict() for left in proof.not_searched],
        "not_held_to": proof.not_held_to,
    }


def _one(short: Shortfall) -> dict[str, object]:
    return {
        "right": short.right,
        **short.demand._asdict(),
        "widened": [demand._asdict() for demand in short.widened],
        "facts": short.facts.model_dump(mode="json", exclude_none=True),
    }


def _print(proof: Proof) -> None:
    out = console()
    if proof.proved:
        out.print(f"the document by itself keeps to edition {proof.edition} of the law ({proof.lines:,} lines decided)")
    if proof.shortfalls:
        _print_shortfalls(f"decided by the document alone ({proof.lines:,} lines)", proof.shortfalls)
        good = "the law makes good each of these" if proof.widened else "the law does NOT make good all of these"
        out.print(f"{good}; the document promises less than is due")
        short = {country: count for country, count in proof.countries.items() if count}
        kept = len(proof.countries) - len(short)
        worst = sorted(short.items(), key=_most)
        told = ", ".join(f"{country} {count}" for country, count in worst[:COUNTRIES_SHOWN])
        told += " …" if len(worst) > COUNTRIES_SHOWN else ""
        out.print(f"by country: {kept} kept to, {len(short)} not (effects that fall short: {told})")
    if proof.not_searched:
        left = ", ".join(f"{one.right} {one.effect}" for one in proof.not_searched)
        out.print(f"too much to look into, nothing is proved of: {left}")
    if proof.not_held_to:
        out.print(
            f"hang on what no document can see, and are added by the law: {', '.join(proof.not_held_to)}", style="dim"
        )


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _print_shortfalls(title: str, shortfalls: Sequence[Shortfall]) -> None:
    out = console()
    if not shortfalls:
        out.print(f"{title}: nothing less than the law grants")
        return
    rows = [
        (
            one.right,
            one.demand.effect,
            one.demand.least,
            one.demand.found,
            "short still" if one.widened else "made good",
        )
        for one in shortfalls
    ]
    columns = ("right", "effect", "at least", "found", "under the law")
    out.print(table(f"{title}: less than granted", columns, rows))
    for one in shortfalls:
        out.print(f"facts for {one.right}, {one.demand.effect} (run them with --facts):", style="dim")
        out.print(one.facts.model_dump_json(exclude_none=True, exclude_defaults=True), soft_wrap=True)

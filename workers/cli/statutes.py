"""`rma statutes`: the law that requests are decided under, its editions, and what each right grants."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.cli.arguments import checked_actor, instant_of
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.cli.own_command import tell
from workers.pictures.terminal import AsJson, console, print_json, table

if TYPE_CHECKING:
    from domain.policy.statute_book import StatuteBook
    from domain.policy.statutes import Edition, Statute

SOURCE: Final = "/rma/statutes"
KEY: Final = "statutes"
EditionNumber = Annotated[int | None, typer.Option("--edition", help="The edition; default: the newest there is.")]

statutes = typer.Typer(help="The law: editions, rights by country, what each grants.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(statutes, name="statutes")


def _edition(number: int | None) -> Edition:
    from domain.policy.statutes import EDITIONS, NEWEST, edition_numbered

    try:
        return edition_numbered(number or NEWEST)
    except LookupError as unknown:
        raise WrongUsageError(f"--edition: there is no edition {number}; there are: {EDITIONS}") from unknown


def _asked_the_log() -> tuple[StatuteBook | None, bool]:
    """Return what was published here, and whether there was a log to ask: the law itself needs none."""
    from infra.addresses import postgres_address
    from infra.log.event_log import EventLog
    from infra.services import StackNotRunningError
    from infra.settings import Settings
    from workers.policies.published import read_statutes
    from workers.runtime.every_event import make_codec

    try:
        conninfo = postgres_address(Settings())
    except StackNotRunningError as nowhere:
        console(stderr=True).print(f"what was published is not known: {nowhere}", style="dim")
        return None, False
    with closing(EventLog(conninfo)) as log:
        return read_statutes(log, make_codec()), True


@statutes.command(name="list")
def list_editions(as_json: AsJson = False) -> None:
    """List every edition, and from when on requests are decided under it, where it was published here."""
    from domain.policy.statutes import EDITIONS, FIRST, edition_numbered

    book, is_known = _asked_the_log()
    published = {told.edition: told for told in book.published} if book else {}
    rows: list[dict[str, Any]] = []
    for number in EDITIONS:
        edition, told = edition_numbered(number), published.get(number)
        effective = told.effective_from if told else None
        rows.append(
            {
                "edition": number,
                "hash": edition.hash,
                "rights": len(edition.rights),
                "countries": len(edition.countries),
                "effective_from": effective,
                "changed_since_published": bool(told and told.content_hash != edition.hash),
            }
        )
    if as_json:
        print_json(rows)
        return
    drawn = (
        [
            r["edition"],
            r["rights"],
            r["countries"],
            r["effective_from"] or _unpublished(r["edition"], FIRST, is_known),
            r["hash"][:16],
        ]
        for r in rows
    )
    console().print(table("Statutes", ("#edition", "#rights", "#countries", "for requests from", "hash"), drawn))


def _unpublished(number: int, first: int, is_known: bool) -> str:
    if number == first:
        return "the beginning"
    return "not published" if is_known else "not known"


@statutes.command()
def show(
    country: Annotated[str, typer.Argument(help="ISO 3166-1, such as DE.")],
    *,
    on: Annotated[str | None, typer.Option("--on", help="Only rights of orders placed on this day.")] = None,
    edition: EditionNumber = None,
    as_json: AsJson = False,
) -> None:
    """Show the rights of a country, in force on a day or ever; exit code 1 where none is encoded."""
    from workers.contract.law_words import length_of, right_as_dict, validity_of

    found, day = _edition(edition), _day(on) if on else None
    rights = [
        right for right in found.rights if country.upper() in right.countries and (day is None or right.in_force(day))
    ]
    if not rights:
        when = f" for orders of {day}" if day else ""
        raise SaidNoError(f"edition {found.number} holds no law of {country.upper()}{when}: the policy alone decides")
    if as_json:
        print_json([right_as_dict(right) for right in rights])
        return
    rows = ([right.id, right.title, validity_of(right), length_of(right), " ".join(right.grants)] for right in rights)
    columns = ("right", "what it is", "orders", "lasts", "grants")
    console().print(table(f"{country.upper()}, edition {found.number}", columns, rows))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise WrongUsageError(f"--on: {text} is no day such as 2026-03-01") from wrong


@statutes.command()
def explain(
    right: Annotated[str, typer.Argument(help="A right's id, such as eu.withdrawal.")],
    *,
    edition: EditionNumber = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a right grants, to whom, until when, and where that is written."""
    from workers.contract.law_words import right_as_dict

    found = _edition(edition)
    named = [one for one in found.rights if one.id == right]
    if not named:
        raise SaidNoError(f"edition {found.number} holds no right {right}; see: rma statutes show COUNTRY")
    if as_json:
        print_json([right_as_dict(one) for one in named])
        return
    for one in named:
        _tell_right(one)


def _tell_right(right: Statute) -> None:
    from workers.contract.law_words import conditions_of, effects_of, length_of, sureness_of, times_of, validity_of

    out = console()
    out.print(f"{right.id}: {right.title}", style="bold")
    out.print(f"where: {', '.join(sorted(right.countries))}; orders {validity_of(right)}")
    for said in (right.sentence, right.note):
        if said:
            out.print(said)
    for title, said_of in (
        ("lasts", [length_of(right), *times_of(right)]),
        ("holds", list(conditions_of(right))),
        ("grants", list(effects_of(right))),
        ("source", list(right.citations)),
        ("sure", [sureness_of(right)] if right.sure else []),
    ):
        for index, text in enumerate(said_of):
            out.print(f"  {title if not index else '':7} {text}", soft_wrap=True)


@statutes.command()
def diff(
    before: Annotated[int, typer.Argument(help="The number of an edition.", metavar="A")],
    after: Annotated[int, typer.Argument(help="The other one.", metavar="B")],
    as_json: AsJson = False,
) -> None:
    """Show what changed from one edition to another: rights gone, rights new, rights that say something else."""
    from workers.policies.law_changes import law_changes

    found = law_changes(_edition(before), _edition(after))
    if as_json:
        print_json([change._asdict() for change in found])
        return
    for change in found:
        colour = {"new": "green", "gone": "red"}.get(change.what)
        console().print(change.told, style=colour, soft_wrap=True)
    if not found:
        console().print("the two say the same")


@statutes.command()
def publish(
    edition: Annotated[int, typer.Argument(help="The number of an edition.")],
    *,
    effective_from: Annotated[
        str | None, typer.Option("--from", help="For requests from when on (RFC 3339); default: now.")
    ] = None,
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who publishes, such as agent:NAME.")],
    as_json: AsJson = False,
) -> None:
    """Publish an edition (PublishStatutes) and print the answer; exit code 1 where it is not accepted."""
    if effective_from is not None:
        instant_of(effective_from, "--from")
    tell(
        "PublishStatutes",
        {"edition": edition, "effective_from": effective_from or datetime.now(UTC).isoformat()},
        source=SOURCE,
        key=KEY,
        actor=actor,
        arguments={"$.edition": "EDITION", "$.effective_from": "--from"},
        as_json=as_json,
    )

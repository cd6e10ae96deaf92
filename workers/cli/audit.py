"""`rma audit`: what shows to others that the log is whole, and what they ask of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workers.cli import history, trail
from workers.cli.arguments import checked_actor, instant_of
from workers.cli.errors import SaidNoError, WrongUsageError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import AsJson, console, counted, print_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from infra.proofs.signed_note import VerifierKey
    from infra.records import StoredEvent
    from workers.audit.verifying import Report

audit = typer.Typer(help="Show that the log is whole, to oneself and to others.", no_args_is_help=True)
history.register(audit)
trail.register(audit)
KEY_HELP: Final = "The key that has to have signed: a file, or its text. Default: this machine's own."
Key = Annotated[str | None, typer.Option("--key", metavar="FILE|TEXT", help=KEY_HELP)]
FILE_BYTES_MAX: Final = 64_000_000


def _open() -> closing[Connection]:
    from infra.addresses import postgres_address
    from infra.sessions import connect
    from infra.settings import Settings

    return closing(connect(postgres_address(Settings())))


def _keys(given: str | None) -> Sequence[VerifierKey]:
    from infra.settings import Settings
    from workers.audit.checking import keys_given

    return keys_given(given, Settings())


@audit.command()
def verify(
    *,
    from_position: Annotated[
        int, typer.Option("--from", min=1, metavar="POSITION", help="What a checkpoint before it covers is trusted.")
    ] = 1,
    log: Annotated[bool, typer.Option("--log", help="The log: events, streams, answers.")] = False,
    topic: Annotated[bool, typer.Option("--topic", help="The topic of events, beside the log.")] = False,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="All that was signed, and the tree.")] = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing was changed, left out or added: all three, where none is named; exit code 1 on a fault."""
    from infra.settings import Settings
    from workers.audit.checking import KeyNeededError
    from workers.audit.verifying import Wanted
    from workers.audit.verifying import verify as verify_all

    every = not (log or topic or checkpoints)
    wanted = Wanted(log or every, topic or every, checkpoints or every, from_position)
    try:
        trusted = _keys(key)
    except KeyNeededError:
        trusted = []
    report = verify_all(Settings(), trusted, wanted)
    print_json(report.as_dict()) if as_json else _tell(report, is_key_known=bool(trusted))
    if report.fault is not None:
        raise typer.Exit(SAID_NO)


def _tell(report: Report, *, is_key_known: bool) -> None:
    done = (
        counted(report.events, "event"),
        counted(report.records, "record"),
        counted(report.checkpoints, "checkpoint"),
        counted(report.outcomes, "answer"),
    )
    console().print(f"checked: {', '.join(done)}")
    if report.checkpoints and not is_key_known:
        console().print("signatures were held against the keys that the database names: say --key", style="yellow")
    found = "all is as it was" if report.fault is None else str(report.fault)
    console().print(found, style="green" if report.fault is None else "red", soft_wrap=True)


@audit.command()
def key(
    every: Annotated[bool, typer.Option("--all", help="Each key that ever signed, with what it signed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the key by which others check what is signed here: give it to them, on a way of its own."""
    if not every:
        [newest, *_] = _keys(None)
        print_json({"key": str(newest)}) if as_json else typer.echo(str(newest))
        return
    from infra.proofs.store import key_periods

    with _open() as connection:
        periods = key_periods(connection)
    if as_json:
        print_json([period._asdict() for period in periods])
        return
    console().print(table("Keys", ("key", "#from size", "#to size", "#checkpoints"), periods))


@audit.command()
def checkpoint() -> None:
    """Print the newest signed checkpoint: keep it, and nobody can shorten or rewrite what it covers unnoticed."""
    from infra.proofs.store import newest

    with _open() as connection:
        signed = newest(connection)
    if signed is None:
        raise SaidNoError("nothing is signed yet; does the auditor run? (rma work auditor)")
    typer.echo(signed.note, nl=False)


@audit.command()
def prove(
    event: Annotated[str, typer.Argument(metavar="EVENT_ID|POSITION", help="The event: its id, or its position.")],
    out: Annotated[Path | None, typer.Option(help="Write the proof into this file.")] = None,
    opened: Annotated[
        list[str] | None,
        typer.Option("--open", metavar="PATH", help="Open this text of it, such as lines[0].comment; may come again."),
    ] = None,
) -> None:
    """Print what shows that an event was recorded: content, day and time, for the customer whom it concerns.

    A text that is opened comes with a key that opens no other; that you looked is on record.
    """
    from workers.audit.proofs import find_event
    from workers.audit.proofs import prove as prove_event

    with _open() as connection:
        found = find_event(connection, event)
        proof = dict(prove_event(connection, found))
    if opened:
        proof["opened"] = _opened_of(found, opened)
    _write(proof, out)


def _opened_of(event: StoredEvent, paths: Sequence[str]) -> object:
    from infra.sealing.vault import open_vault
    from infra.settings import Settings
    from workers.audit.opened_proofs import shown_texts_of
    from workers.operating.shown_texts import looking

    with closing(open_vault(Settings())) as vault:
        return shown_texts_of(event, paths, vault, looking("rma audit prove"))


@audit.command()
def consistency(
    file: Annotated[Path, typer.Argument(help="An older checkpoint, as it was kept.")],
    out: Annotated[Path | None, typer.Option(help="Write the proof into this file.")] = None,
) -> None:
    """Print what shows that an older checkpoint is the beginning of the newest: nothing before it was changed."""
    from workers.audit.proofs import prove_consistency

    with _open() as connection:
        proof = prove_consistency(connection, _text_of(file))
    _write(dict(proof), out)


@audit.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Proofs, checkpoints, and receipts with their proofs.")],
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Check proofs and checkpoints against a key, without network; exit code 1 where one does not hold."""
    from workers.audit.checking import check as check_one

    keys = _keys(key)
    texts = [_text_of(file) for file in files]
    found = [(file, check_one(text, keys, texts)) for file, text in zip(files, texts, strict=True)]
    if as_json:
        print_json([{"file": str(file), "says": one.says, "number": one.checkpoint.number} for file, one in found])
        return
    for file, one in found:
        console().print(f"{file}: {one.says}", style="green", soft_wrap=True)


@audit.command()
def export(
    since: Annotated[str, typer.Option(help="Recorded then or later (RFC 3339).")],
    until: Annotated[str, typer.Option(help="Recorded before (RFC 3339).")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or empty.")],
    as_json: AsJson = False,
) -> None:
    """Write a bundle for an outside auditor: events, proofs, policies, the ledger's journal, and a program to check it.

    Texts of people stand in the events as they are recorded. The bundle is checked by: python3 verify.py DIR --key KEY
    """
    from infra.settings import Settings
    from workers.audit.exporting import export as export_bundle
    from workers.pictures.spreadsheets import write_rows

    begins, ends = instant_of(since, "--since"), instant_of(until, "--until")
    if begins is None or ends is None or begins >= ends:
        raise WrongUsageError("--since must be before --until")
    manifest = export_bundle(Settings(), begins, ends, out, write_rows)
    if as_json:
        print_json(asdict(manifest))
        return
    count = counted(manifest.last_position - manifest.first_position + 1, "event")
    console().print(f"{count}, positions {manifest.first_position:,} to {manifest.last_position:,}, in {out}")


@audit.command()
def resume(
    by: Annotated[str, typer.Option("--by", metavar="ACTOR", help="Who says so, such as agent:ann.")],
) -> None:
    """Let the auditor sign again after it stopped; only where everything verifies."""
    from infra.settings import Settings
    from workers.audit.resuming import resume as resume_signing

    if resume_signing(Settings(), checked_actor(by)):
        console().print("everything verifies; the auditor signs again", style="green")
    else:
        console().print("the auditor has not stopped: there is nothing to resume")


def _write(proof: dict[str, object], out: Path | None) -> None:
    import json

    if out is None:
        print_json(proof)
        return
    try:
        out.write_text(f"{json.dumps(proof, indent=2)}\n")
    except OSError as error:
        raise WrongUsageError(f"{out} cannot be written: {error.strerror}") from error


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise WrongUsageError(f"{file} is larger than any proof")
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsageError(f"{file} cannot be read: {error}") from error

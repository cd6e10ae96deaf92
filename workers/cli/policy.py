"""`rma policy`: what was published, what would be, and whether all that was decided still comes out so."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from workers.cli import prove as floor
from workers.cli.arguments import checked_actor, instant_of
from workers.cli.exit_codes import SAID_NO
from workers.cli.own_command import tell
from workers.pictures.terminal import AsJson, console, print_json, progress, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.policy.return_policy import PolicyVersion, ReturnPolicy
    from infra.log.event_log import EventLog
    from workers.policies.backtesting import Report

SOURCE: Final = "/rma/policy"
STANDARD: Final = "standard"
PolicyId = Annotated[str, typer.Option("--policy", help="The policy's id.")]
DocumentFile = Annotated[Path, typer.Argument(help="A policy document (JSON).")]

policy = typer.Typer(help="Return policies: versions, checks, what-if.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    floor.register(policy)
    app.add_typer(policy, name="policy")


@contextmanager
def _log() -> Iterator[EventLog]:
    from infra.addresses import postgres_address
    from infra.log.event_log import EventLog
    from infra.settings import Settings

    with closing(EventLog(postgres_address(Settings()))) as log:
        yield log


def _policies() -> dict[str, ReturnPolicy]:
    from workers.policies.published import read_policies
    from workers.runtime.every_event import make_codec

    with _log() as log:
        return read_policies(log, make_codec())


def _head(version: PolicyVersion) -> dict[str, Any]:
    return {
        "policy_id": version.policy_id,
        "version": version.number,
        "hash": version.hash,
        "effective_from": version.effective_from,
        "rules": len(version.document.rules),
    }


@policy.command(name="list")
def list_versions(as_json: AsJson = False) -> None:
    """List every version of every policy, with the instant from which orders are held to it."""
    heads = [_head(version) for one in _policies().values() for version in one.versions]
    if as_json:
        print_json(heads)
    elif not heads:
        console().print("no policy was published yet", style="dim")
    else:
        rows = ([h["policy_id"], h["version"], h["effective_from"], h["rules"], h["hash"][:16]] for h in heads)
        console().print(table("Policies", ("policy", "#version", "in force from", "#rules", "hash"), rows))


@policy.command()
def show(
    version: Annotated[str, typer.Argument(help="A version, such as 3 or winter@3; default: the newest.")] = "",
    policy_id: PolicyId = STANDARD,
    as_json: AsJson = False,
) -> None:
    """Show one version: its document with defaults filled in, as JSON."""
    from domain.policy.document import content_of
    from workers.policies.published import NEWEST, version_named

    policies = _policies()
    newest = f"{policy_id}@{len(policies[policy_id].versions)}" if policy_id in policies else NEWEST
    found = version_named(policies, version or newest, policy_id)
    head, document = _head(found), content_of(found.document)
    if as_json:
        print_json({**head, "document": document})
        return
    out = console()
    out.print(f"policy {found.policy_id}, version {found.number}, in force from {found.effective_from:%Y-%m-%d %H:%M}")
    out.print(f"hash {found.hash}", style="dim")
    print_json(document)


@policy.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version, such as 1 or winter@1, or a document's file.", metavar="A")],
    after: Annotated[str, typer.Argument(help="The other one.", metavar="B")],
    policy_id: PolicyId = STANDARD,
    as_json: AsJson = False,
) -> None:
    """Show what changed from one version, or document, to another."""
    from dataclasses import asdict

    from workers.policies.changes import changes
    from workers.policies.documents import read_document
    from workers.policies.published import version_named

    files = {name: Path(name) for name in (before, after) if Path(name).suffix == ".json"}
    policies = {} if len(files) == len({before, after}) else _policies()
    documents = [
        read_document(files[name]) if name in files else version_named(policies, name, policy_id).document
        for name in (before, after)
    ]
    found = changes(documents[0], documents[1])
    if as_json:
        print_json([asdict(change) for change in found])
        return
    for change in found:
        console().print(str(change), style={"+": "green", "-": "red"}.get(str(change)[0]), soft_wrap=True)
    if not found:
        console().print("the two say the same")


@policy.command()
def check(file: DocumentFile, as_json: AsJson = False) -> None:
    """Check a document as publishing does, without publishing it; exit code 1 and the path where it is refused."""
    from domain.policy.document import content_hash
    from workers.policies.documents import read_sound_document

    document = read_sound_document(file)
    if as_json:
        print_json({"sound": True, "rules": len(document.rules), "hash": content_hash(document)})
    else:
        console().print(f"{file} can be published: {len(document.rules)} rules, hash {content_hash(document)[:16]}")


@policy.command()
def publish(
    file: DocumentFile,
    *,
    effective_from: Annotated[str, typer.Option("--from", help="From when orders are held to it (RFC 3339).")],
    policy_id: PolicyId = STANDARD,
    actor: Annotated[str, typer.Option("--as", callback=checked_actor, help="Who publishes, such as agent:NAME.")],
    as_json: AsJson = False,
) -> None:
    """Publish a version (PublishPolicy) and print the answer; exit code 1 where it is not accepted."""
    from workers.policies.documents import read_json

    instant_of(effective_from, "--from")
    tell(
        "PublishPolicy",
        {"policy_id": policy_id, "effective_from": effective_from, "document": read_json(file)},
        source=SOURCE,
        key=policy_id,
        actor=actor,
        arguments={"$.policy_id": "--policy", "$.effective_from": "--from", "$.document": str(file)},
        as_json=as_json,
    )


@policy.command()
def verify(as_json: AsJson = False) -> None:
    """Decide every recorded decision again from its stored inputs; exit code 1 where one comes out otherwise."""
    import time
    from dataclasses import asdict

    from workers.policies.history import decided_returns
    from workers.policies.published import read_policies
    from workers.policies.verifying import verify as verify_all
    from workers.runtime.every_event import make_codec
    from workers.runtime.garbage import collect_garbage_less_often

    collect_garbage_less_often()
    began = time.perf_counter()
    with _log() as log, console(stderr=True).status("deciding again") as status:
        codec = make_codec()
        policies = read_policies(log, codec)
        found = verify_all(
            decided_returns(log, codec), policies, lambda count: status.update(f"{count:,} decisions made again")
        )
    took_s = time.perf_counter() - began
    if as_json:
        print_json(asdict(found) | {"seconds": round(took_s, 3)})
    else:
        for one in found.differences:
            line = "" if one.line is None else f" line {one.line}"
            console().print(f"{one.stream}{line} at position {one.position}: {one.what}", style="red")
        same = found.decisions - found.differing
        console().print(f"{same:,} of {found.decisions:,} decisions come out byte for byte, in {took_s:.1f} s")
    if found.differing:
        raise typer.Exit(SAID_NO)


@policy.command()
def backtest(
    draft: DocumentFile,
    *,
    policy_id: Annotated[str | None, typer.Option("--policy", help="Only returns held to this one.")] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many work at once.")] = 2,
    csv: Annotated[Path | None, typer.Option(help="Write the changed lines as CSV, for a spreadsheet.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the changed lines as Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a draft over every return ever requested, and say what it would have changed; nothing is written back."""
    import time
    from tempfile import TemporaryDirectory

    from infra.addresses import postgres_address
    from infra.settings import Settings
    from workers.pictures.backtests import backtest_report
    from workers.pictures.spreadsheets import write_spreadsheet
    from workers.policies import backtesting
    from workers.policies.documents import read_sound_document

    document, conninfo = read_sound_document(draft), postgres_address(Settings())
    began = time.perf_counter()
    with TemporaryDirectory() as folder:
        rows = Path(folder) / "changed.csv"
        with rows.open("w", encoding="utf-8", newline="") as table, _progress(backtesting.PARTS) as tell:
            found = backtesting.backtest(conninfo, document, policy_id=policy_id, processes=processes)
            report = backtesting.gather(found, table, tell)
        took_s = time.perf_counter() - began
        if csv is not None:
            write_spreadsheet(rows, csv)
        if parquet is not None:
            from workers.policies.parquet import write_parquet

            write_parquet(rows, parquet)
    data, written = report.as_dict(), [file for file in (csv, parquet) if file]
    if as_json:
        print_json({**data, "seconds": round(took_s, 3)})
    else:
        console().print(backtest_report(data, took_s, written, recomputes=document.promotions == "recompute"))


@contextmanager
def _progress(parts: int) -> Iterator[Callable[[Report], None]]:
    """Show a bar on standard error, moved on by each part."""
    with progress() as shown:
        task = shown.add_task("deciding by the draft", total=parts)
        yield lambda report: shown.update(
            task, advance=1, description=f"{report.lines:,} lines, {report.changed_lines:,} would change"
        )

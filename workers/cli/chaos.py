"""`rma chaos`: break everything at random, and see that nothing is lost, doubled or out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import SaidNoError
from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from workers.trials.chaos.report import Report
    from workers.trials.chaos.run import Plan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="chaos")(chaos)


def chaos(
    faults: Annotated[int, typer.Option(min=0, max=100_000, help="How many faults.")] = 60,
    seed: Annotated[int, typer.Option(help="Load and faults follow from it: the same seed, the same run.")] = 1,
    duration: Annotated[
        float | None, typer.Option(min=1, help="Seconds over which the faults are spread; default: as they come.")
    ] = None,
    *,
    only: Annotated[list[str] | None, typer.Option(help="A kind of fault; may be given again. Default: all.")] = None,
    full_disks: Annotated[
        bool, typer.Option("--full-disks", help="Fill the services' disks, too, which needs root.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on services of its own, kill, freeze and cut what it stands on, then check everything."""
    from infra.logs import configure
    from infra.settings import Settings
    from workers.trials.chaos.run import Plan, run_chaos
    from workers.trials.chaos.schedule import kinds_named
    from workers.trials.sandbox import ended_in_order

    configure("console", "error")
    plan = Plan(faults, seed, duration_s=duration, weights=kinds_named(only or [], full_disks=full_disks))
    out = console(stderr=True)
    with ended_in_order():
        report = run_chaos(Settings().data_dir, plan, lambda text: out.print(text, style="dim"))
    if as_json:
        print_json(report.as_data())
    else:
        _print(report)
    if not report.holds:
        raise SaidNoError(
            f"seed {report.seed}: {report.first_difference}\nagain: {again(plan)}; logs and data: {report.folder}"
        )


def again(plan: Plan) -> str:
    """Return the command line that runs a plan once more."""
    from workers.trials.chaos.schedule import ON_DISKS, WEIGHTS

    words = ["rma chaos", f"--faults {plan.faults}", f"--seed {plan.seed}"]
    words += [] if plan.duration_s is None else [f"--duration {plan.duration_s:g}"]
    if not plan.weights.keys() >= WEIGHTS.keys():
        words += [f"--only {kind}" for kind in plan.weights]
    elif plan.weights.keys() >= ON_DISKS.keys():
        words.append("--full-disks")
    return " ".join(words)


def _print(report: Report) -> None:
    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    out.print(f"seed {report.seed}, {sum(report.faults.values())} faults in {report.seconds:.0f} s")
    out.print("  " + ", ".join(f"{kind} {count}" for kind, count in sorted(report.faults.items())))
    counts = report.counts
    out.print(
        f"  {counts.records_sent:,} records sent, {counts.commands:,} commands, {counts.events:,} events, "
        f"{counts.events_repeated:,} of them published again, {counts.answers_repeated:,} answers given again, "
        f"{counts.dead_letters:,} dead letters, {counts.payouts:,} payouts"
    )
    for check, found in report.differences.items():
        out.print(f"{'✗' if found else '✓'} {check}")
        for difference in found:
            out.print(f"    {difference}")

"""`rma bench`: figures, with the conditions under which they were measured."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import SaidNoError
from workers.pictures.terminal import AsJson, console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from infra.settings import Settings as Given
    from workers.trials.bench.against import AgainstReport
    from workers.trials.bench.growth import GrowthReport
    from workers.trials.bench.http import HttpReport
    from workers.trials.bench.peers.rounds import PeersReport, Spread
    from workers.trials.bench.pipeline import Report
    from workers.trials.bench.rebuilds import RebuildReport

bench = typer.Typer(
    help="Measure what this machine carries; exit code 1 where a bound does not hold.", invoke_without_command=True
)

Against = Annotated[str | None, typer.Option(metavar="REV", help="Compare with another commit, by turns.")]
Returns = Annotated[int, typer.Option(min=1_000, max=200_000, help="Returns in the backlog; six commands each.")]


@bench.callback()
def pipeline(
    context: typer.Context,
    *,
    returns: Returns = 3_000,
    against: Against = None,
    rounds: Annotated[int, typer.Option(min=2, max=50, help="How often everything runs.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long commands come at a steady rate.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="1,000 returns, two rounds, 4 s: a first impression.")] = False,
    chart: Annotated[Path | None, typer.Option(help="Draw the figures as SVG; needs matplotlib.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the whole pipeline, each worker as its own process on real Kafka and PostgreSQL.

    A stage is judged by its share of what PostgreSQL alone takes in the same minute, whatever the machine.
    """
    if context.invoked_subcommand is not None:
        return
    from infra.settings import Settings
    from workers.trials.bench.pipeline import run_pipeline

    if quick:
        returns, rounds, seconds = 1_000, 2, 4
    out = console(stderr=True)
    if against is not None:
        _compare(Settings(), against, returns, rounds, as_json)
        return
    draw = _chart_drawer() if chart else None
    tell = partial(out.print, style="dim")
    report = run_pipeline(Settings(), tell, returns=returns, rounds=rounds, seconds=seconds)
    if as_json:
        print_json(report.as_data())
    else:
        _print_pipeline(report)
    if draw and chart:
        draw(report, chart)
        out.print(f"drawn: {chart}", style="dim")
    _judge(report.missed)


def _chart_drawer() -> Callable[[Report, Path], None]:
    """Return what draws a report; asked before anything is measured, so that nothing is measured in vain."""
    try:
        from workers.trials.bench.chart import draw
    except ModuleNotFoundError as missing:
        raise SaidNoError(f"--chart needs {missing.name}: uv sync --group bench") from missing
    return draw


def _compare(settings: Given, revision: str, returns: int, rounds: int, as_json: bool) -> None:
    from workers.trials.bench.against import run_against

    out = console(stderr=True)
    report = run_against(settings, revision, lambda text: out.print(text, style="dim"), returns=returns, rounds=rounds)
    if as_json:
        print_json(report.as_data())
    else:
        _print_comparison(report)


def _print_comparison(report: AgainstReport) -> None:
    from rich.table import Table

    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    table = Table("worker", "CPU µs per item", "other's", "times per CPU", "least", "most", "per second", "other's")
    for column in table.columns[1:]:
        column.justify = "right"
    for worker in report.workers:
        own, other, times = worker.middle(0), worker.middle(1), worker.times
        table.add_row(
            f"{worker.name} ({worker.unit})",
            f"{own['cpu_us']:.1f}",
            f"{other['cpu_us']:.1f}",
            *(f"{times[which]:.2f}" for which in ("median", "least", "most")),
            f"{own['per_second']:,.0f}",
            f"{other['per_second']:,.0f}",
        )
    out.print(table)


def _print_pipeline(report: Report) -> None:
    from rich.table import Table

    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    table = Table("worker", "items", "per second", "least to most", "of the floor", "CPU µs per item", "", "MB at most")
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in report.stages:
        rates, share, cpu = stage.per_second, stage.share, stage.cpu_us
        least = "" if stage.share_min is None else f" (at least {stage.share_min})"
        table.add_row(
            stage.name,
            f"{stage.stages[0].items:,} {stage.unit}",
            f"{rates['median']:,.0f}",
            f"{rates['least']:,.0f} to {rates['most']:,.0f}",
            f"{share['median']:.3f}{least}",
            f"{cpu['median']:.1f}",
            f"{cpu['least']:.1f} to {cpu['most']:.1f}",
            f"{stage.peak_bytes / 1e6:.0f}",
            style="" if stage.holds else "red",
        )
    out.print(table)
    floor, latency = report.floor_per_second, report.latency
    out.print(
        f"the floor, rows of the log copied into a table such as its own, in groups of 500: {floor['median']:,.0f} "
        f"rows a second ({floor['least']:,.0f} to {floor['most']:,.0f})"
    )
    out.print(
        f"{len(latency.times_ms):,} commands, {latency.per_second} a second, each from when it was due until its row "
        f"showed: p50 {latency.p50_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms, at most {latency.max_ms:.0f} ms"
    )


@bench.command()
def peers(
    *,
    returns: Returns = 3_000,
    rounds: Annotated[int, typer.Option(min=2, max=50, help="How often each runs.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="1,000 returns, two rounds: a first impression.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare with what does the same work elsewhere: eventsourcing's own way, Kafka clients' own send, a bare COPY."""
    from infra.settings import Settings
    from workers.trials.bench.peers.rounds import run_peers

    if quick:
        returns, rounds = 1_000, 2
    out = console(stderr=True)
    report = run_peers(Settings(), lambda text: out.print(text, style="dim"), returns=returns, rounds=rounds)
    if as_json:
        print_json(report.as_data())
    else:
        _print_peers(report)


def _print_peers(report: PeersReport) -> None:
    from rich.table import Table

    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    table = Table("ours", "peer", "ours/s", "peer's/s", "times as fast", "CPU µs", "peer's", "times per CPU")
    for column in table.columns[:2]:
        column.overflow = "fold"
    for column in table.columns[2:]:
        column.justify = "right"
    for peer in report.peers:
        rates, costs = peer.rates, peer.cpu_us
        table.add_row(
            f"{peer.ours} ({peer.unit})",
            peer.name,
            *(f"{rate.median:,.0f}" for rate in rates),
            _spread(peer.times_as_fast),
            *(f"{cost.median:,.1f}" for cost in costs),
            _spread(peer.times_per_cpu),
        )
    out.print(table)


def _spread(times: Spread) -> str:
    return f"{times.median:.2f} ({times.least:.2f}-{times.most:.2f})"


@bench.command()
def growth(
    *,
    events: Annotated[int, typer.Option(min=40_000, max=1_000_000_000, help="Events stored.")] = 20_000_000,
    against: Annotated[int, typer.Option(min=20_000, max=1_000_000_000, help="Events stored beside.")] = 1_000_000,
    batches: Annotated[int, typer.Option(min=2, max=10_000, help="Batches of each kind that count.")] = 150,
    as_json: AsJson = False,
) -> None:
    """Compare what an append costs with many events stored and with few; takes some 1.5 KB of disk an event."""
    from infra.settings import Settings
    from workers.trials.bench.growth import run_growth

    out = console(stderr=True)
    tell = partial(out.print, style="dim")
    report = run_growth(Settings(), tell, few=against, many=events, batches=batches)
    if as_json:
        print_json(report.as_data())
    else:
        _print_growth(report)
    _judge(report.missed)


def _print_growth(report: GrowthReport) -> None:
    from rich.table import Table

    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    for size in report.sizes:
        out.print(", ".join(f"{name} {value:,}" for name, value in size.items()))
    table = Table("returns", "part", "ms with few", "with many", "times", "quarters")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in report.compared:
        few, many, times = one.few.as_data(), one.many.as_data(), one.times
        for part, more in (("find", ()), ("load", ()), ("append", (f"{one.times_append:.2f}",))):
            table.add_row(one.kind, part, f"{few[f'{part}_ms']:.1f}", f"{many[f'{part}_ms']:.1f}", *more)
        quarters = f"{times['lower_quarter']:.2f} to {times['upper_quarter']:.2f}"
        row = (f"{few['all_ms']:.1f}", f"{many['all_ms']:.1f}", f"{times['median']:.2f}", quarters)
        table.add_row(one.kind, "all", *row)
    out.print(table)


@bench.command()
def rebuild(returns: Returns = 55_600, as_json: AsJson = False) -> None:
    """Measure what it takes to fill each read model anew beside the live one; eighteen events a return."""
    from infra.settings import Settings
    from workers.trials.bench.rebuilds import run_rebuilds

    out = console(stderr=True)
    report = run_rebuilds(Settings(), partial(out.print, style="dim"), returns=returns)
    if as_json:
        print_json(report.as_data())
    else:
        _print_rebuilds(report)


def _print_rebuilds(report: RebuildReport) -> None:
    from rich.table import Table

    out = console()
    out.print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))
    table = Table("read model", "seconds", "of a core", "CPU µs an event", "MB at most")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in report.rebuilds:
        seconds = (f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f} s")
        table.add_row(one.name, *seconds, f"{one.cpu_us:.1f}", f"{one.peak_bytes / 1e6:.0f}")
    out.print(table)


@bench.command()
def units(as_json: AsJson = False) -> None:
    """Compare the cost of a return of a line of a few units with one of 100,000."""
    from workers.trials.bench.decisions import UNITS_RATIO_MAX, run_units

    report = run_units()
    _print(
        as_json,
        asdict(report) | {"ratio": report.ratio, "ratio_max": UNITS_RATIO_MAX},
        f"a whole return, six commands: line of 3 units {report.few_us:.0f} µs, of 100,000 {report.many_us:.0f} µs, "
        f"ratio {report.ratio:.2f} (at most {UNITS_RATIO_MAX})",
    )
    _judge(report.missed)


@bench.command()
def policy(as_json: AsJson = False) -> None:
    """Decide by a document of 20 rules, with trace, on one core."""
    from workers.trials.bench.decisions import POLICY_RATIO_MIN, run_policy

    report = run_policy()
    _print(
        as_json,
        report.as_data(),
        f"{report.rules} rules, {report.decisions:,} decisions of each kind, one core, python {report.python}: "
        f"approvals {report.approvals_per_second:,.0f}/s with trace, {report.ratio:.2f} to each time that the policy "
        f"is written and read as JSON (at least {POLICY_RATIO_MIN}), of whose time {report.trace_share:.0%} goes "
        f"into the trace; denials {report.denials_per_second:,.0f}/s, of whose time {report.flips_share:.0%} goes into "
        "flips",
    )
    _judge(report.missed)


@bench.command()
def http(
    returns: Annotated[int, typer.Option(min=10, max=50_000, help="Returns in the views.")] = 1_000,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long to read, and to look at pages.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Measure what a command over HTTP adds, and reads and pages at 50 a second; each worker is its own process."""
    from infra.settings import Settings
    from workers.trials.bench.http import run_http

    out = console(stderr=True)
    report = run_http(Settings(), lambda text: out.print(text, style="dim"), returns=returns, seconds=seconds)
    if as_json:
        print_json(report.as_data())
    else:
        for line in _of_http(report):
            console().print(line)
    _judge(report.missed)


def _of_http(report: HttpReport) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in report.conditions.items())
    ways = (("over Kafka", report.kafka_ms), ("over HTTP", report.http_ms))
    yield "a command " + ", ".join(f"{way} p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f} ms" for way, ms in ways)
    yield f"HTTP adds {report.added_ms:.1f} ms in the middle (at most {report.added_ms_max:.0f})"
    yield (
        f"{report.reads:,} reads, {report.per_second} a second: p50 {report.read_ms['p50']:.1f} ms, "
        f"p99 {report.read_ms['p99']:.1f} ms (at most {report.read_p99_ms_max:.0f})"
    )
    yield (
        f"as many pages: p50 {report.page_ms['p50']:.1f} ms, p99 {report.page_ms['p99']:.1f} ms "
        f"(at most {report.page_p99_ms_max:.0f})"
    )


def _print(as_json: bool, data: dict[str, object], text: str) -> None:
    print_json(data) if as_json else console().print(text)


def _judge(missed: Sequence[str]) -> None:
    if missed:
        raise SaidNoError(f"a bound does not hold: {'; '.join(missed)}")

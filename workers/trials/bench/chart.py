"""A bench's figures as a picture: what each stage carries and costs, and how long commands take at a steady rate."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workers.trials.bench.pipeline import Report, StageFigures

SIZE_INCHES = (10.0, 7.0)


def draw(report: Report, file: Path) -> None:
    """Write the picture as SVG.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    rates, costs, times = figure.subplot_mosaic([["rates", "costs"], ["times", "times"]]).values()
    stages = report.stages
    _bars(rates, stages, [stage.per_second for stage in stages], "items a second")
    rates.axvline(report.floor_per_second["median"], color="0.4", linestyle=":", label="rows copied, nothing decided")
    rates.legend(frameon=False, fontsize="small")
    _bars(costs, stages, [stage.cpu_us for stage in stages], "processor time, µs an item")
    _times(times, report)
    figure.suptitle(
        ", ".join(f"{name} {value}" for name, value in report.conditions.items()), fontsize="x-small", wrap=True
    )
    figure.savefig(file, format="svg", metadata={"Date": None})


def _bars(axes: Axes, stages: list[StageFigures], figures: list[dict[str, float]], what: str) -> None:
    """Draw the middle figure of each stage, and a line from the least to the most of all rounds."""
    middles = [one["median"] for one in figures]
    beside = [[one["median"] - one["least"] for one in figures], [one["most"] - one["median"] for one in figures]]
    axes.barh([stage.name for stage in stages], middles, xerr=beside, color="#4c78a8", ecolor="0.2", capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel(what)
    axes.spines[["top", "right"]].set_visible(False)


def _times(axes: Axes, report: Report) -> None:
    """Draw how large a part of the commands was through after so many milliseconds."""
    latency = report.latency
    commands = len(latency.times_ms)
    axes.step(latency.times_ms, [100 * (number + 1) / commands for number in range(commands)], color="#4c78a8")
    for name, value in (("half", latency.p50_ms), ("99 %", latency.p99_ms), ("all", latency.max_ms)):
        axes.axvline(value, color="0.4", linestyle=":")
        axes.annotate(f"{name} {value:.0f} ms", (value, 4), rotation=90, ha="right", fontsize="small")
    axes.set_xlabel(
        f"from the instant a command was due until its row was seen, ms; {latency.per_second} commands a second"
    )
    axes.set_ylabel("% of commands")
    axes.set_ylim(0, 101)
    axes.spines[["top", "right"]].set_visible(False)

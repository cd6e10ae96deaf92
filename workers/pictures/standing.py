"""How far everything has come, drawn."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from workers.operating.standing import Standing
from workers.pictures.terminal import shown, table


def picture(standing: Standing) -> RenderableType:
    """Return the standing drawn: a row per worker, then dead letters and positions."""
    rows = [
        [
            progress.worker,
            progress.at,
            Text(f"{progress.behind:,} {progress.unit}", "yellow" if progress.behind else "green"),
            progress.moved_at,
        ]
        for progress in standing.workers
    ]
    positions = [[shown(value) for value in row.values()] for row in standing.positions]
    dead = Text(f"{standing.dead_letters:,} dead letters", "red" if standing.dead_letters else "green")
    if standing.dead_letters:
        dead.append("   (rma dead list)", "dim")
    outdated = [
        Text(f"{name}: the views still show an older version; run: rma rebuild {name}", "red")
        for name in standing.outdated
    ]
    return Group(
        Text(f"the log holds {standing.log_position:,} events; {standing.outbox_waiting:,} answers wait for the relay"),
        dead,
        *outdated,
        table("Workers", ("worker", "#at", "#behind", "moved"), rows),
        table(
            "Positions", ("read model", "#version", "#partition", "#next offset", "#log position", "moved"), positions
        ),
    )

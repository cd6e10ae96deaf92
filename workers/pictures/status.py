"""How far everything has come, drawn."""

from __future__ import annotations

from rich.console import Group, RenderableType

from workers.operating.status import SystemStatus
from workers.pictures.terminal import shown, table
from workers.pictures.text import Text


def picture(status: SystemStatus) -> RenderableType:
    """Return how far everything has come, drawn: a row per worker, then dead letters and positions."""
    rows = [
        [
            progress.worker,
            progress.at,
            Text(f"{progress.behind:,} {progress.unit}", "yellow" if progress.behind else "green"),
            progress.moved_at,
        ]
        for progress in status.workers
    ]
    positions = [[shown(value) for value in row.values()] for row in status.positions]
    dead = Text(f"{status.dead_letters:,} dead letters", "red" if status.dead_letters else "green")
    if status.dead_letters:
        dead.append("   (rma dead list)", "dim")
    outdated = [
        Text(f"{name}: the views still show an older version; run: rma rebuild {name}", "red")
        for name in status.outdated
    ]
    return Group(
        Text(f"the log holds {status.log_position:,} events; {status.outbox_waiting:,} answers wait for the relay"),
        dead,
        *outdated,
        table("Workers", ("worker", "#at", "#behind", "moved"), rows),
        table(
            "Positions", ("read model", "#version", "#partition", "#next offset", "#log position", "moved"), positions
        ),
    )

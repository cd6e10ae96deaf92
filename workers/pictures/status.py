"""How far everything has come, drawn."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType

from workers.operating.status import Progress, SystemStatus
from workers.pictures.terminal import counted, shown, table
from workers.pictures.text import Text

UNREADABLE: Final = "not readable"


def picture(status: SystemStatus) -> RenderableType:
    """Return how far everything has come, drawn: a row per worker, then dead letters and positions."""
    rows = [
        [
            progress.worker,
            _runs(progress.processes),
            UNREADABLE if progress.at is None else progress.at,
            _behind(progress),
            progress.moved_at,
        ]
        for progress in status.workers
    ]
    positions = [[shown(value) for value in row.values()] for row in status.positions]
    outdated = [
        Text(f"{name}: the views still show an older version; run: rma rebuild {name}", "red")
        for name in status.outdated
    ]
    return Group(
        *([Text(f"nobody works: {status.torn}", "red")] if status.torn else []),
        *_log(status),
        *outdated,
        *_audit(status),
        *_law(status),
        *_webhooks(status),
        table("Workers", ("worker", "runs", "#at", "#behind", "moved"), rows),
        *_sources(status),
        *_idle(status),
        table(
            "Positions", ("read model", "#version", "#partition", "#next offset", "#log position", "moved"), positions
        ),
    )


def _log(status: SystemStatus) -> list[Text]:
    """Say how long the log is, and what waits; or that this user may not read it."""
    if status.log_position is None or status.outbox_waiting is None or status.dead_letters is None:
        unknown = "how far it and the relay have come, and how many dead letters wait, is not known"
        return [Text(f"this user may not read the log: {unknown}", "yellow")]
    waiting = counted(status.outbox_waiting, "answer")
    log = f"the log holds {counted(status.log_position, 'event')}; {waiting} for the relay to publish"
    dead = Text(counted(status.dead_letters, "dead letter"), "red" if status.dead_letters else "green")
    if status.dead_letters:
        dead.append("   (rma dead list)", "dim")
    return [Text(log), dead]


def _audit(status: SystemStatus) -> list[Text]:
    """Say how far the log is signed; in red why it is not signed on."""
    audit = status.audit
    if audit is None:
        return []
    if audit.fault is not None:
        what = f"{audit.fault['what']} at {audit.fault['where']}"
        return [Text(f"nothing is signed since {shown(audit.stopped_at)}: {what}   (rma audit verify)", "red")]
    if audit.signed_at is None:
        return [Text("nothing is signed yet   (docs/audit.md)", "dim")]
    return [Text(f"signed up to position {audit.signed_events:,}, last at {shown(audit.signed_at)}")]


def _sources(status: SystemStatus) -> list[Text]:
    return [Text("any source may act as anyone: RMA_SOURCES_FILE is not set", "yellow")] if status.any_source else []


def _law(status: SystemStatus) -> list[Text]:
    """Say that a newer edition of the law is there than requests are decided under, and how to change that."""
    law = status.law
    if law is None or not law.remedy:
        return []
    return [Text(f"requests are decided under edition {law.published} of the law; {law.remedy}", "yellow")]


def _webhooks(status: SystemStatus) -> list[Text]:
    """Say how many events wait to be told to other systems; in red how many were given up."""
    told = status.webhooks
    if told is None or not told.subscriptions:
        return []
    paused = f", {told.paused} of them paused" if told.paused else ""
    line = Text(f"{counted(told.subscriptions, 'webhook')}{paused}; {counted(told.waiting, 'event')} to be delivered")
    if not told.parked:
        return [line]
    return [line, Text(f"{counted(told.parked, 'event')} could not be delivered   (rma webhooks list)", "red")]


def _runs(processes: int) -> Text:
    """Return whether a worker runs, and how many times where that is more than once."""
    if not processes:
        return Text("no", "red")
    return Text("yes" if processes == 1 else f"{processes} processes", "green")


def _behind(progress: Progress) -> Text:
    if progress.behind is None:
        return Text(UNREADABLE)
    return Text(f"{progress.behind:,} {progress.unit}", "yellow" if progress.behind else "green")


def _idle(status: SystemStatus) -> list[Text]:
    """Say how to start what does not run."""
    idle = [progress.worker for progress in status.workers if not progress.processes]
    if not idle:
        return []
    how = "rma work all" if len(idle) == len(status.workers) else "rma work"
    return [Text(f"not running: {', '.join(idle)}; start them with: {how}", "red")]
